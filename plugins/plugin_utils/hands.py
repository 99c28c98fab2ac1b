# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The real hands of the loop: probe, model, gate, Ansible, verify and undo on one cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..module_utils.cluster import Cluster
from ..module_utils.errors import RemediateError
from ..module_utils.evidence import Evidence, ObjectRef
from ..module_utils.near import found_suspects
from ..module_utils.probe import look
from ..module_utils.verdict import Check, Verdict
from ..module_utils.verify import verify, verify_undone
from ..module_utils.workloads import View
from .artefacts import Folder, evidence_lines
from .episode import Undone
from .gate import gate
from .interrupts import Interrupts
from .killswitch import require_running
from .lease import HeldLease, hold
from .loop import Cancelled, Gate, Look, Run, Save, Tell, Undo, Verify, Write
from .playbook import Finding, Playbook
from .policy import Policy
from .report import Report
from .run import Runner
from .runresult import RunResult
from .snapshot import Snapshot
from .spans import Spans
from .step import Answer, PlaybookStep, UnreadableStep
from .undo import restored, take_snapshot, undo_playbook

Ask = Callable[[Report, Write, Policy], Answer]
"""Asks the model; model/client.py has the real one."""


@dataclass(frozen=True)
class Settings:
    """What the user chose. ``dry``: nothing is changed, runs are server-side dry runs."""

    dry: bool = False
    settle: float = 15.0
    verify_timeout: float = 120.0
    undo_timeout: float = 60.0
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
    holder: str = "e2ereme.remediate"
    renew: bool = True  # the Lease, from a thread in real time; of no use on a virtual clock
    attempt: int = 0
    diffs: list[str] = field(default_factory=list)
    target: tuple[ObjectRef, ...] = ()  # what the first look found most suspect: one repair of it at a time
    leases: dict[ObjectRef, HeldLease] = field(default_factory=dict)
    _held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def look(self, wish: Look) -> Evidence:
        """Reads the cluster."""
        with self._station("probe"):
            evidence = look(
                self.cluster, self.report.namespace, self._suspects(True), wish.targets, guesses=self._suspects(False)
            )
        self.target = self.target or evidence.near[:1]
        return evidence

    def write(self, wish: Write) -> Answer:
        """Has the model write its next Step, and warms what the Step will need meanwhile."""
        with self._station("write"):
            self.runner.warm()
            answer = self.ask(self.report, wish, self.policy)
        if isinstance(answer.step, PlaybookStep | UnreadableStep):
            self.attempt = len(wish.attempts) + 1
            self.folder.attempt(self.attempt, "answer.txt", answer.text)
            self.folder.attempt(self.attempt, "evidence.txt", "\n".join(evidence_lines(wish.evidence)) + "\n")
        return answer

    def gate(self, wish: Gate) -> Playbook | tuple[Finding, ...]:
        """Checks the model's text; where nothing may be changed, also by a server-side dry run."""
        with self._station("gate"):
            found = gate(wish.step.text, wish.evidence.inventory, self.policy, self.report.namespace)
        if isinstance(found, Playbook):
            self.folder.attempt(self.attempt, "playbook.yml", found.text)
            if self.settings.dry:
                return self._rehearse(found)
        return found

    def save(self, wish: Save) -> Snapshot:
        """Asks for leave, then puts the state before the run, and the way back to it, on disk."""
        with self._station("snapshot"):
            self._ask_leave(wish.playbook)
            snapshot = take_snapshot(self.cluster, wish.playbook.touches)
            self.folder.attempt(self.attempt, "undo.yml", undo_playbook(snapshot).text)
        return snapshot

    def run(self, wish: Run) -> RunResult:
        """Runs the playbook for real."""
        with self._station("run"):
            return self._run(wish.playbook, check=False)

    def verify(self, wish: Verify) -> Verdict:
        """Watches the cluster until it is healthy or will not become so."""
        with self._station("verify"):
            return verify(
                self.cluster,
                wish.before,
                wish.touched,
                suspects=found_suspects(View(wish.before.inventory), (*self._suspects(True), *self._suspects(False))),
                checks=self.settings.checks,
                settle=self.settings.settle,
                timeout=self.settings.verify_timeout,
            )

    def undo(self, wish: Undo) -> Undone:
        """Restores what differs from the Snapshot, and watches that nothing is worse than before. Not broken off."""
        with self._station("undo", may_break=False):
            touched = tuple(saved.ref for saved in wish.snapshot.objects)
            playbook = undo_playbook(wish.snapshot, take_snapshot(self.cluster, touched))
            run = RunResult(0, (), 0.0)
            if playbook.tasks:
                with self.spans("run"):
                    run = self.runner.run(playbook, timeout=self.settings.run_timeout)
            left = restored(self.cluster, wish.snapshot)
            verdict = verify_undone(self.cluster, wish.before, touched, timeout=self.settings.undo_timeout)
        same = Check("as before", ", ".join(map(str, touched)), not left, "; ".join(left), "no difference")
        verdict = replace(verdict, checks=(same, *verdict.checks), worse=(*left, *verdict.worse))
        return Undone(run, verdict, complete=run.ok and not verdict.worse, restored=run.ok and not left)

    def tell(self, wish: Tell) -> None:
        """Passes progress on."""
        self.say(wish)

    def close(self) -> None:
        """Gives the Lease back."""
        self._held.close()

    def _ask_leave(self, playbook: Playbook) -> None:
        """Kill switch, window, Lease and rate limit; each raises Refused. A Lease is kept until ``close``."""
        namespace = self.report.namespace
        require_running(self.cluster, namespace, self.policy.kill_switch_file)
        self.policy.require_window(self.cluster.now())
        for ref in (*self.target, *playbook.touches):
            if ref not in self.leases:
                lease = hold(self.cluster, ref.namespace or namespace, ref, holder=self.holder, background=self.renew)
                self.leases[ref] = self._held.enter_context(lease)
        for ref in self.target or playbook.touches[:1]:
            self.leases[ref].count_attempt(int(self.policy.ceiling("attempts_per_hour")))

    def _suspects(self, sure: bool) -> tuple[tuple[str, str], ...]:
        return tuple((suspect.name, suspect.kind) for suspect in self.report.suspects if suspect.sure is sure)

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
