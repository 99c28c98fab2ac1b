# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The real hands of the loop: probe, model, gate, Ansible, verify and undo on one cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..module_utils.cluster import Cluster
from ..module_utils.errors import RemediateError
from ..module_utils.evidence import Evidence
from ..module_utils.verdict import Check, Verdict
from .artefacts import Folder, evidence_lines
from .episode import Undone
from .interrupts import Interrupts
from .loop import Cancelled, Gate, Look, Run, Save, Tell, Undo, Verify, Write
from .playbook import Finding, Playbook
from .policy import Policy
from .report import Report
from .run import Runner
from .runresult import RunResult
from .snapshot import Snapshot
from .spans import Spans
from .step import Answer

Ask = Callable[[Report, Write, Policy], Answer]
"""Asks the model; model/client.py has the real one."""


@dataclass(frozen=True)
class Settings:
    """What the user chose. ``dry``: nothing is changed, runs are server-side dry runs."""

    dry: bool = False
    settle: float = 15.0
    verify_timeout: float = 120.0
    run_timeout: float = 300.0
    checks: Sequence[Mapping[str, Any]] = ()
    verbosity: int = 0


@dataclass
class ControllerHands:
    """Carries out the loop's wishes from the controller. ``close`` gives back what it holds."""

    report: Report
    policy: Policy
    cluster: Cluster
    runner: Runner
    ask: Ask
    say: Callable[[Tell], None]
    folder: Folder
    spans: Spans
    interrupts: Interrupts
    settings: Settings = Settings()
    attempt: int = 0
    diffs: list[str] = field(default_factory=list)
    _held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _holds: bool = False

    def look(self, wish: Look) -> Evidence:
        """Reads the cluster."""
        from ..module_utils.probe import look

        suspects = tuple((suspect.name, suspect.kind) for suspect in self.report.suspects)
        with self._station("probe"):
            return look(self.cluster, self.report.namespace, suspects, wish.targets)

    def write(self, wish: Write) -> Answer:
        """Has the model write its next Step, and warms what the Step will need meanwhile."""
        self.runner.warm()
        with self._station("write"):
            answer = self.ask(self.report, wish, self.policy)
        self._evidence = wish.evidence
        return answer

    def gate(self, wish: Gate) -> Playbook | tuple[Finding, ...]:
        """Checks the model's text; where nothing may be changed, also by a server-side dry run."""
        from .gate import gate

        self.attempt += 1
        self.folder.attempt(self.attempt, "answer.txt", wish.step.text)
        self.folder.attempt(self.attempt, "evidence.txt", "\n".join(evidence_lines(wish.evidence)) + "\n")
        with self._station("gate"):
            found = gate(wish.step.text, wish.evidence.inventory, self.policy, self.report.namespace)
        if isinstance(found, Playbook):
            self.folder.attempt(self.attempt, "playbook.yml", found.text)
            if self.settings.dry:
                return self._rehearse(found)
        return found

    def save(self, wish: Save) -> Snapshot:
        """Asks for leave once, then keeps the state before the run, and the way back to it, on disk."""
        from .undo import take_snapshot, undo_playbook

        with self._station("snapshot"):
            self._ask_leave()
            snapshot = take_snapshot(self.cluster, wish.playbook.touches)
            self.folder.attempt(self.attempt, "undo.yml", undo_playbook(snapshot).text)
        return snapshot

    def run(self, wish: Run) -> RunResult:
        """Runs the playbook for real."""
        with self._station("run"):
            return self._run(wish.playbook, check=False)

    def verify(self, wish: Verify) -> Verdict:
        """Watches the cluster until it is healthy or will not become so."""
        from ..module_utils.verify import verify

        with self._station("verify"):
            return verify(
                self.cluster,
                wish.before,
                wish.touched,
                settle=self.settings.settle,
                timeout=self.settings.verify_timeout,
                checks=tuple(self.settings.checks),
            )

    def undo(self, wish: Undo) -> Undone:
        """Restores the Snapshot and compares. A signal does not break it off."""
        from .undo import restored, undo_playbook

        with self._station("undo", may_break=False):
            playbook = undo_playbook(wish.snapshot)
            with self.spans("run"):
                run = self.runner.run(playbook, timeout=self.settings.run_timeout)
            left = restored(self.cluster, wish.snapshot)
        checks = (
            Check("as before", ", ".join(map(str, wish.playbook.touches)), not left, "; ".join(left), "no difference"),
        )
        return Undone(run, Verdict(not left, checks, 0.0, worse=left), complete=run.ok and not left)

    def tell(self, wish: Tell) -> None:
        """Passes progress on."""
        self.say(wish)

    def close(self) -> None:
        """Gives the Lease back."""
        self._held.close()

    def _ask_leave(self) -> None:
        """Kill switch, window, rate limit and Lease; each raises Refused."""
        raise NotImplementedError

    def _rehearse(self, playbook: Playbook) -> Playbook | tuple[Finding, ...]:
        """What the API server refuses in a dry run is a Finding like any other."""
        with self._station("run"):
            run = self._run(playbook, check=True)
        if run.ok:
            return playbook
        said = next(
            (task.message for task in run.tasks if task.status == "failed"), run.stopped or f"exit code {run.rc}"
        )
        return (Finding("dry-run", "play", said),)

    def _run(self, playbook: Playbook, check: bool) -> RunResult:
        run = self.runner.run(
            playbook,
            timeout=self.settings.run_timeout,
            check=check,
            verbosity=self.settings.verbosity,
            on_task=lambda name: self.say(Tell("run", name, self.attempt)),
        )
        diff = "\n".join(f"# {task.name}\n{task.diff}" for task in run.tasks if task.diff)
        self.folder.attempt(self.attempt, "diff.txt", diff)
        if diff:
            self.diffs.append(diff)
        return run

    @contextlib.contextmanager
    def _station(self, name: str, may_break: bool = True) -> Iterator[None]:
        """Times a station, lets a signal break it off, and turns what nobody foresaw into an error the loop knows."""
        try:
            with self.spans(name), self.interrupts.open() if may_break else contextlib.nullcontext():
                yield
        except (RemediateError, Cancelled, KeyboardInterrupt):
            raise
        except Exception as error:
            raise RemediateError(
                f"The station {name} failed: {type(error).__name__}: {error}.", "This is a defect: please report it."
            ) from error
        except BaseException as error:  # Ansible ends a task whose timeout has passed by an exception of its own
            raise Cancelled(f"ended while at {name}: {error or type(error).__name__}") from error
