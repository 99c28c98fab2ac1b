# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The folder that an Episode leaves: episode.json and what each attempt wrote, did and saw.

docs/episode.md describes it, docs/episode.schema.json is the schema of episode.json.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..module_utils.documents import evidence_document, object_document, verdict_document
from ..module_utils.errors import InputError
from ..module_utils.evidence import Evidence, ObjectRef
from ..module_utils.redact import redacted
from .diary import Record
from .episode import Attempt, Episode, Undone
from .report import Report
from .risk import risk_document
from .runresult import RunResult
from .step import Answer, EscalateStep, ProbeStep, Step, UnreadableStep
from .telling import effects

RUNNING = "running"
"""In the place of an outcome while there is none."""
SCHEMA = 1
"""Version of the form of episode.json; it rises when a reader must change."""
MOST_RAW = 20_000
"""Characters of the report's own text that are kept."""


class Folder:
    """Writes below one folder, each file whole or not at all, readable for its owner alone."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(os.path.expanduser(path)))
        self._make(self.path)
        probe = self.path / ".writable"
        self._write(probe, "")
        probe.unlink()

    def attempt(self, number: int, name: str, text: str) -> Path:
        """Writes attempt-``number``/``name`` and returns its path."""
        folder = self.path / f"attempt-{number}"
        self._make(folder)
        return self._write(folder / name, text)

    def file(self, name: str, text: str) -> Path:
        """Writes ``name`` and returns its path."""
        return self._write(self.path / name, text)

    def episode(self, episode: Episode, seconds: Mapping[str, float], record: Record | None = None) -> Path:
        """Writes episode.json and returns its path."""
        document = json.dumps(as_document(episode, seconds, record), indent=2, ensure_ascii=False)
        return self._write(self.path / "episode.json", document + "\n")

    def running(self, report: Report, attempt: int = 0, changing: Sequence[ObjectRef] = ()) -> Path:
        """Writes an episode.json that holds until it has ended, or for good where it was killed."""
        todo = "if no process of it is left, it was killed before it changed anything"
        if changing:
            undo = self.path / f"attempt-{attempt}" / "undo.yml"
            todo = (
                f"if no process of it is left, it was killed; what it changed is taken back by: ansible-playbook {undo}"
            )
        return self.episode(Episode(report, RUNNING, f"{RUNNING}: {todo}", (), (), (), tuple(changing)), {})

    def _make(self, path: Path) -> None:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(path, error) from error

    def _write(self, path: Path, text: str) -> Path:
        draft = ""
        try:
            handle, draft = tempfile.mkstemp(prefix=".draft-", dir=path.parent)  # 0600
            with open(handle, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
            os.replace(draft, path)
        except OSError as error:
            Path(draft).unlink(missing_ok=True) if draft else None
            raise _unwritable(path, error) from error
        return path


class NoFolder(Folder):
    """Keeps nothing: for Episodes of which only the end counts."""

    def __init__(self) -> None:
        self.path = Path(".")

    def attempt(self, number: int, name: str, text: str) -> Path:
        return self.path

    def file(self, name: str, text: str) -> Path:
        return self.path

    def episode(self, episode: Episode, seconds: Mapping[str, float], record: Record | None = None) -> Path:
        return self.path


def as_document(episode: Episode, seconds: Mapping[str, float], record: Record | None = None) -> dict[str, Any]:
    """episode.json as plain data; without ``record`` it does not tell when what happened."""
    last = episode.evidence[-1] if episode.evidence else None
    return {
        "schema": SCHEMA,
        "outcome": episode.outcome,
        "message": episode.message,
        "report": {
            "summary": episode.report.summary,
            "namespace": episode.report.namespace,
            "severity": episode.report.severity,
            "source": episode.report.source,
            "suspects": [{"kind": s.kind, "name": s.name} for s in episode.report.suspects],
            "fingerprint": episode.report.fingerprint,
            "resolved": episode.report.resolved,
            "raw": redacted(episode.report.raw[:MOST_RAW]),
            "raw_left_out": max(0, len(episode.report.raw) - MOST_RAW),
        },
        "steps": [{**_step(answer), "look": _look_of(episode, answer)} for answer in episode.answers],
        "attempts": [
            _attempt(number, attempt, _look_of(episode, attempt.answer), episode)
            for number, attempt in enumerate(episode.attempts, 1)
        ],
        "looks": [evidence_document(evidence) for evidence in episode.evidence],
        "evidence": evidence_lines(last),
        "unseen": list(last.inventory.unseen) if last else [],
        "changed": [object_document(ref) for ref in episode.changed],
        "tokens": {
            "in": sum(answer.tokens_in for answer in episode.answers),
            "out": sum(answer.tokens_out for answer in episode.answers),
        },
        "seconds": dict(seconds),
        **(_recorded(record) if record else {}),
    }


def evidence_lines(evidence: Evidence | None) -> list[str]:
    """One line a fact, most telling first; anomalies are marked."""
    if evidence is None:
        return []
    return [f"{fact.id} {'!' if fact.weight > 0 else ' '} {fact.text}" for fact in evidence.facts]


def _recorded(record: Record) -> dict[str, Any]:
    return {
        "started": record.started,
        "order": dict(record.order),
        "versions": dict(record.versions),
        "timeline": [
            {"station": block.station, "start": block.start, "seconds": block.seconds} for block in record.blocks
        ],
        "told": [
            {"at": told.at, "station": told.station, "attempt": told.attempt, "text": told.text} for told in record.told
        ],
    }


def _look_of(episode: Episode, answer: Answer) -> int:
    """The place in ``looks`` of what an answer was written on: the loop looks anew after each."""
    place = next((place for place, other in enumerate(episode.answers) if other is answer), 0)
    return max(0, min(place, len(episode.evidence) - 1))


def _step(answer: Answer) -> dict[str, Any]:
    return {
        **_said(answer.step),
        "tokens_in": answer.tokens_in,
        "tokens_out": answer.tokens_out,
        "seconds": round(answer.seconds, 3),
        "bits": answer.bits,
    }


def _said(step: Step) -> dict[str, Any]:
    said: dict[str, Any] = {"step": "", "diagnosis": step.diagnosis, "cites": list(step.cites)}
    if isinstance(step, ProbeStep):
        return said | {"step": "probe", "targets": [object_document(ref) for ref in step.targets]}
    if isinstance(step, EscalateStep):
        return said | {"step": "escalate", "reason": step.reason}
    if isinstance(step, UnreadableStep):
        return said | {"step": "unreadable", "reason": step.why}
    return said | {"step": "playbook"}


def _attempt(number: int, attempt: Attempt, look: int, episode: Episode) -> dict[str, Any]:
    playbook = attempt.playbook
    inventory = episode.evidence[look].inventory if episode.evidence else None
    return {
        "number": number,
        "diagnosis": attempt.answer.step.diagnosis,
        "cites": list(attempt.answer.step.cites),
        "look": look,
        "changes": effects(playbook, inventory) if playbook and inventory else [],
        "findings": [
            {"rule": found.rule, "where": found.where, "what": found.what, "line": found.line}
            for found in attempt.findings
        ],
        "playbook": None
        if playbook is None
        else {
            "text": playbook.text,
            "digest": playbook.digest,
            "touches": [object_document(ref) for ref in playbook.touches],
            "lint": playbook.lint,
        },
        "risk": attempt.risk and risk_document(attempt.risk),
        "run": _run(attempt.run),
        "verdict": attempt.verdict and verdict_document(attempt.verdict),
        "undone": _undone(attempt.undone),
    }


def _run(run: RunResult | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "rc": run.rc,
        "stopped": run.stopped,
        "seconds": round(run.seconds, 3),
        "tasks": [
            {
                "name": task.name,
                "module": task.module,
                "status": task.status,
                "message": task.message,
                "seconds": round(task.seconds, 3),
            }
            for task in run.tasks
        ],
    }


def _undone(undone: Undone | None) -> dict[str, Any] | None:
    if undone is None:
        return None
    return {
        "complete": undone.complete,
        "restored": undone.restored,
        "run": _run(undone.run),
        "verdict": verdict_document(undone.verdict),
    }


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{path} cannot be written: {error.strerror or error}.",
        "Free some space there, correct its permissions, or give another folder (out, remediate_out).",
    )
