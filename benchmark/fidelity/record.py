"""Trials that were run, one JSON line each: what a run goes on with, and what the tables are made of."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .trial import Outcome, Treated, Trial

RECORDED = Path(__file__).with_name("recorded.jsonl.gz")
"""Trials as a real cluster played them, which the tests hold the sandbox against."""

Outcomes = dict[tuple[Trial, str], Outcome]
"""What came of trials, by trial and side."""


def line(trial: Trial, side: str, outcome: Outcome) -> str:
    """One record."""
    return json.dumps({"trial": asdict(trial), "side": side, **asdict(outcome)}, separators=(",", ":"))


def append(path: Path, trial: Trial, side: str, outcome: Outcome) -> None:
    """Adds one record to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line(trial, side, outcome) + "\n")


def load(*paths: Path) -> Outcomes:
    """All records of some files; a later one of the same trial and side counts. A line cut off is skipped."""
    found: Outcomes = {}
    for path in paths:
        for text in _text(path).splitlines():
            try:
                raw = json.loads(text)
                found[Trial(**raw["trial"]), raw["side"]] = _outcome(raw)
            except (ValueError, KeyError, TypeError):
                continue  # the run was interrupted while it wrote: the trial is run again
    return found


def save(outcomes: Mapping[tuple[Trial, str], Outcome], path: Path) -> None:
    """Writes records in the order of their trials, the same bytes for the same records."""
    lines: Iterable[str] = (line(trial, side, outcomes[trial, side]) for trial, side in sorted(outcomes))
    path.write_bytes(gzip.compress("".join(f"{each}\n" for each in lines).encode(), mtime=0))


def _text(path: Path) -> str:
    if not path.exists():
        return ""
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()


def _outcome(raw: Mapping[str, Any]) -> Outcome:
    treated = {
        name: Treated(
            **{**each, **{key: tuple(each[key]) for key in ("failed", "harm", "why")}},
        )
        for name, each in raw["treated"].items()
    }
    return Outcome(tuple(raw["injected"]), tuple(raw["evidence"]), treated, raw["refused"], raw["seconds"])
