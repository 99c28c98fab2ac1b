# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Coordinator: a generator that yields what it wants done and receives what came of it.

It does no input or output itself. ``drive`` feeds it with a pair of hands: those of the action
plugin, of the benchmark, of a training rollout or of a test. Cancelling is ``throw(Cancelled)``:
the loop still yields the undo of what it changed before it returns its Episode.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..module_utils.errors import ClusterError, ModelError, Refused, RemediateError
from ..module_utils.evidence import Evidence, ObjectRef
from ..module_utils.verdict import Verdict
from .episode import Attempt, Bounds, Episode, Undone
from .playbook import Finding, Playbook
from .report import Report
from .runresult import RunResult
from .snapshot import Snapshot
from .step import Answer, EscalateStep, PlaybookStep, ProbeStep


class Cancelled(BaseException):
    """Thrown into the loop to end it; ``str()`` says by what."""


@dataclass(frozen=True)
class Look:
    """Wanted: Evidence, with details of ``targets`` beside what the report names."""

    targets: tuple[ObjectRef, ...]


@dataclass(frozen=True)
class Write:
    """Wanted: the model's Answer. ``steps`` are the Step kinds that it may choose among."""

    evidence: Evidence
    attempts: tuple[Attempt, ...]
    steps: tuple[str, ...]  # of: probe, playbook, escalate
    looked: tuple[ObjectRef, ...]


@dataclass(frozen=True)
class Gate:
    """Wanted: a Playbook, or the Findings against it."""

    step: PlaybookStep
    evidence: Evidence


@dataclass(frozen=True)
class Save:
    """Wanted: a Snapshot of what the Playbook touches (and the Lease and rate limits, once)."""

    playbook: Playbook


@dataclass(frozen=True)
class Run:
    """Wanted: a RunResult."""

    playbook: Playbook


@dataclass(frozen=True)
class Verify:
    """Wanted: a Verdict, beside the Evidence from before the change."""

    before: Evidence
    touched: tuple[ObjectRef, ...]


@dataclass(frozen=True)
class Undo:
    """Wanted: Undone."""

    snapshot: Snapshot
    playbook: Playbook
    before: Evidence


@dataclass(frozen=True)
class Tell:
    """Progress for whoever watches: the station and a line. Nothing is expected back."""

    station: str  # probe, write, gate, snapshot, run, verify, undo, end
    text: str
    attempt: int = 0


Wish = Look | Write | Gate | Save | Run | Verify | Undo | Tell


class Hands(Protocol):
    """What carries out the loop's wishes."""

    def look(self, wish: Look) -> Evidence: ...
    def write(self, wish: Write) -> Answer: ...
    def gate(self, wish: Gate) -> Playbook | tuple[Finding, ...]: ...
    def save(self, wish: Save) -> Snapshot: ...
    def run(self, wish: Run) -> RunResult: ...
    def verify(self, wish: Verify) -> Verdict: ...
    def undo(self, wish: Undo) -> Undone: ...
    def tell(self, wish: Tell) -> None: ...
    def seconds(self) -> float: ...


Loop = Generator[Wish, Any, Episode]
