"""The table: what each method reached on each fault, as text and as data."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..model.prompt import format_hash
from .cases import FALSE_REPORT
from .run import Result

ALL = "all faults"


@dataclass(frozen=True)
class Row:
    """Shares are of the cases; attempts, seconds, tokens and bits are means over all of them, not successes only.

    ``mistaken``: the Episode said resolved, and the oracle did not. ``wall``: without the oracle's watch.
    """

    fault: str
    method: str
    cases: int
    resolved: float
    escalated: float
    harm: float
    mistaken: float
    attempts: float
    model_seconds: float
    wall_seconds: float
    tokens: float
    bits: float


def rows(results: Iterable[Result]) -> list[Row]:
    """One row for each fault and method, and one for each method over all faults (each case weighs the same).

    False reports have their own row and, beside faults, no part in the total: to leave them alone is no repair.
    """
    results = list(results)
    only_false = all(result.fault == FALSE_REPORT for result in results)
    groups: dict[tuple[str, str], list[Result]] = {}
    totals: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.fault, result.method), []).append(result)
        if only_false or result.fault != FALSE_REPORT:
            totals.setdefault((ALL, result.method), []).append(result)
    return [_row(fault, method, group) for (fault, method), group in {**groups, **totals}.items()]


def text(results: Sequence[Result], about: Mapping[str, Any]) -> str:
    """Markdown: resolved by fault with the methods side by side, then each method's cost, then where it ran."""
    made = {(row.fault, row.method): row for row in rows(results)}
    faults = [*dict.fromkeys(fault for fault, _ in made if fault != ALL), ALL]
    methods = list(dict.fromkeys(method for _, method in made))
    lines = [_line(["resolved", "cases", *methods]), _line(["---", "---:", *("---:" for _ in methods)])]
    for fault in faults:
        cells = [made.get((fault, method)) for method in methods]
        count = max(row.cases for row in cells if row)
        lines.append(_line([fault, str(count), *(_share(row) for row in cells)]))
    heads = ("method", "escalated", "harm", "mistaken", "attempts", "model s", "wall s", "tokens", "bits")
    lines += ["", _line(heads), _line(["---", *("---:" for _ in heads[1:])])]
    for method in methods:
        row = made[(ALL, method)]
        shares = [f"{100 * value:.1f} %" for value in (row.escalated, row.harm, row.mistaken)]
        means = [f"{row.attempts:.2f}", f"{row.model_seconds:.2f}", f"{row.wall_seconds:.2f}"]
        lines.append(_line([method, *shares, *means, f"{row.tokens:.0f}", f"{row.bits:.0f}"]))
    lines += ["", *(f"- {name}: {value}" for name, value in about.items())]
    return "\n".join(lines) + "\n"


def data(results: Sequence[Result], about: Mapping[str, Any]) -> dict[str, Any]:
    """The same as plain data, with every row in full."""
    return {"about": dict(about), "rows": [asdict(row) for row in rows(results)]}


def about(results: Sequence[Result], cluster: str = "sandbox, in process") -> dict[str, Any]:
    """Where and with what it was measured."""
    from importlib import metadata

    seeds = sorted({result.seed for result in results})
    named = sorted({result.system for result in results} - {""})
    versions = {}
    for name in ("ansible-core", "kubernetes", "torch", "transformers", "llguidance", "ansible-lint"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "format": format_hash(),
        "seeds": f"{seeds[0]}-{seeds[-1]}" if seeds else "none",
        **({"systems": ", ".join(named)} if named else {}),
        "cluster": cluster,
    }


def _row(fault: str, method: str, group: Sequence[Result]) -> Row:
    def share(flags: Iterable[bool]) -> float:
        return round(sum(flags) / len(group), 4)

    def mean(values: Iterable[float]) -> float:
        return round(statistics.fmean(values), 4)

    return Row(
        fault=fault,
        method=method,
        cases=len(group),
        resolved=share(result.resolved for result in group),
        escalated=share(result.outcome == "escalated" for result in group),
        harm=share(bool(result.harm) for result in group),
        mistaken=share(result.claimed and not result.resolved for result in group),
        attempts=mean(result.attempts for result in group),
        model_seconds=mean(result.model_seconds for result in group),
        wall_seconds=mean(result.wall_seconds for result in group),
        tokens=mean(result.tokens_in + result.tokens_out for result in group),
        bits=mean(result.bits for result in group),
    )


def _share(row: Row | None) -> str:
    return "" if row is None else f"{round(row.resolved * row.cases)} ({100 * row.resolved:.0f} %)"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
