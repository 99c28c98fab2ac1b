# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All Attempts on one Report, and why it stopped."""

from __future__ import annotations

from dataclasses import dataclass

from ..module_utils.evidence import Evidence, ObjectRef
from ..module_utils.verdict import Verdict
from .playbook import Finding, Playbook
from .report import Report
from .risk import Risk
from .runresult import RunResult
from .step import Answer

OUTCOMES = ("resolved", "planned", "healthy", "escalated", "exhausted", "refused", "cancelled", "broken")
SUCCEEDS = ("resolved", "planned", "healthy")


@dataclass(frozen=True)
class Bounds:
    """How much an Episode may use; the first that is reached ends it as exhausted."""

    attempts: int = 3
    steps: int = 8
    seconds: float = 600.0
    tokens: int = 20000


@dataclass(frozen=True)
class Undone:
    """What an undo did. ``restored``: every touched object is written as before. ``complete``: and nothing is worse
    than before, ``Verdict.worse`` is empty; what was broken already may break a little differently again."""

    run: RunResult
    verdict: Verdict
    complete: bool
    restored: bool = True


@dataclass(frozen=True)
class Attempt:
    """One PlaybookStep with what came of it."""

    answer: Answer
    findings: tuple[Finding, ...] = ()
    playbook: Playbook | None = None
    run: RunResult | None = None
    verdict: Verdict | None = None
    undone: Undone | None = None
    risk: Risk | None = None  # of its Playbook, where one passed the gate and was weighed


@dataclass(frozen=True)
class Episode:
    """``message`` begins with the outcome's word and ends with what to do next."""

    report: Report
    outcome: str
    message: str
    answers: tuple[Answer, ...]
    attempts: tuple[Attempt, ...]
    evidence: tuple[Evidence, ...]
    changed: tuple[ObjectRef, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether the task that started it succeeds."""
        return self.outcome in SUCCEEDS
