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

from ..module_utils.documents import object_document, verdict_document
from ..module_utils.errors import InputError
from ..module_utils.evidence import Evidence, ObjectRef
from .episode import Attempt, Episode, Undone
from .report import Report
from .runresult import RunResult
from .step import Answer, EscalateStep, ProbeStep, Step, UnreadableStep

RUNNING = "running"
"""In the place of an outcome while there is none."""
SCHEMA = 1
"""Version of the form of episode.json; it rises when a reader must change."""


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

    def episode(self, episode: Episode, seconds: Mapping[str, float]) -> Path:
        """Writes episode.json and returns its path."""
        document = json.dumps(as_document(episode, seconds), indent=2, ensure_ascii=False)
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

    def episode(self, episode: Episode, seconds: Mapping[str, float]) -> Path:
        return self.path


def as_document(episode: Episode, seconds: Mapping[str, float]) -> dict[str, Any]:
    """episode.json as plain data."""
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
        },
        "steps": [_step(answer) for answer in episode.answers],
        "attempts": [_attempt(number, attempt) for number, attempt in enumerate(episode.attempts, 1)],
        "evidence": evidence_lines(last),
        "unseen": list(last.inventory.unseen) if last else [],
        "changed": [object_document(ref) for ref in episode.changed],
        "tokens": {
            "in": sum(answer.tokens_in for answer in episode.answers),
            "out": sum(answer.tokens_out for answer in episode.answers),
        },
        "seconds": dict(seconds),
    }


def evidence_lines(evidence: Evidence | None) -> list[str]:
    """One line a fact, most telling first; anomalies are marked."""
    if evidence is None:
        return []
    return [f"{fact.id} {'!' if fact.weight > 0 else ' '} {fact.text}" for fact in evidence.facts]


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


def _attempt(number: int, attempt: Attempt) -> dict[str, Any]:
    playbook = attempt.playbook
    return {
        "number": number,
        "diagnosis": attempt.answer.step.diagnosis,
        "cites": list(attempt.answer.step.cites),
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
    return {"complete": undone.complete, "run": _run(undone.run), "verdict": verdict_document(undone.verdict)}


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{path} cannot be written: {error.strerror or error}.",
        "Free some space there, correct its permissions, or give another folder (out, remediate_out).",
    )
