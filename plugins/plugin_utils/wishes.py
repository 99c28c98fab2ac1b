# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a course of an Episode can wish for, who carries it out, and what brings the two together."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Protocol

from ..module_utils.errors import RemediateError
from ..module_utils.evidence import Evidence, ObjectRef
from ..module_utils.verdict import Verdict
from .episode import Attempt, Episode, Undone
from .plan import Plan
from .playbook import Finding, Playbook
from .retrace import Way
from .risk import Risk
from .runresult import RunResult
from .snapshot import Snapshot
from .step import Answer, PlaybookStep


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
class Propose:
    """Wanted: a Plan on disk with the server's dry run in it, or the Findings of that. Changes nothing."""

    playbook: Playbook
    evidence: Evidence
    risk: Risk
    diagnosis: str


@dataclass(frozen=True)
class Admit:
    """Wanted: the Playbook of a Plan, gated anew, where the Plan may be applied now; Refused otherwise."""

    plan: Plan
    evidence: Evidence


@dataclass(frozen=True)
class Retrace:
    """Wanted: the way back from what an earlier Episode changed; Refused where another hand changed it since."""


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

    station: str  # probe, write, gate, plan, snapshot, run, verify, undo, end
    text: str
    attempt: int = 0


Wish = Look | Write | Gate | Propose | Admit | Retrace | Save | Run | Verify | Undo | Tell


class Hands(Protocol):
    """What carries out the loop's wishes."""

    def look(self, wish: Look) -> Evidence: ...
    def write(self, wish: Write) -> Answer: ...
    def gate(self, wish: Gate) -> Playbook | tuple[Finding, ...]: ...
    def propose(self, wish: Propose) -> Plan | tuple[Finding, ...]: ...
    def admit(self, wish: Admit) -> Playbook: ...
    def retrace(self, wish: Retrace) -> Way: ...
    def save(self, wish: Save) -> Snapshot: ...
    def run(self, wish: Run) -> RunResult: ...
    def verify(self, wish: Verify) -> Verdict: ...
    def undo(self, wish: Undo) -> Undone: ...
    def tell(self, wish: Tell) -> None: ...


Loop = Generator[Wish, Any, Episode]


def drive(loop: Loop, hands: Hands) -> Episode:
    """Feeds the loop until it returns its Episode. What the hands raise is thrown into the loop."""
    act: dict[type, Callable[[Any], Any]] = {
        Look: hands.look,
        Write: hands.write,
        Gate: hands.gate,
        Propose: hands.propose,
        Admit: hands.admit,
        Retrace: hands.retrace,
        Save: hands.save,
        Run: hands.run,
        Verify: hands.verify,
        Undo: hands.undo,
        Tell: hands.tell,
    }
    try:
        wish = next(loop)
        while True:
            try:
                reply = act[type(wish)](wish)
            except (RemediateError, Cancelled) as error:
                wish = loop.throw(error)
            except KeyboardInterrupt:
                wish = loop.throw(Cancelled("interrupted by the user"))
            else:
                wish = loop.send(reply)
    except StopIteration as end:
        episode: Episode = end.value
        return episode
