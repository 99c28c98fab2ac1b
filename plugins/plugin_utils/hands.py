# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The real hands of the loop: probe, model, gate, Ansible, verify and undo on one cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from ..module_utils.cluster import Cluster
from ..module_utils.errors import ClusterError, InputError, Refused, RemediateError
from ..module_utils.evidence import Evidence, ObjectRef
from ..module_utils.near import found_suspects
from ..module_utils.probe import look
from ..module_utils.verdict import Check, Verdict
from ..module_utils.verify import verify, verify_undone
from ..module_utils.workloads import View
from .applicable import require_unchanged
from .artefacts import Folder, evidence_lines
from .dryrun import dry_run
from .episode import Undone
from .gate import gate
from .interrupts import Interrupts
from .killswitch import require_running
from .lease import HeldLease, hold
from .plan import FILE as PLAN
from .plan import Plan
from .plan import as_text as plan_text
from .playbook import Finding, Playbook
from .policy import Policy
from .proposal import admit, note_applied, plan_of
from .report import Report
from .retrace import Way, require_within, way_back
from .run import Runner
from .runresult import RunResult
from .snapshot import Snapshot
from .spans import Spans
from .states import AFTER, BEFORE, Beside, read_state, side_by_side
from .states import as_text as state_text
from .step import Answer, PlaybookStep, UnreadableStep
from .undo import restored, stuck_pods, take_snapshot, undo_playbook
from .wishes import Admit, Cancelled, Gate, Look, Propose, Retrace, Run, Save, Tell, Undo, Verify, Write

Ask = Callable[[Report, Write, Policy], Answer]
"""Asks the model; model/client.py has the real one."""


@dataclass(frozen=True)
class Settings:
    """What the user chose.

    ``approved``: the digest that a Plan must have. ``undoing``: the attempt folder that is taken back;
    ``force``: also where another hand changed the same fields since.
    """

    approved: str = ""
    undoing: Path | None = None
    force: bool = False
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
    audit: Callable[[Mapping[str, Any]], None] = lambda _: None
    attempt: int = 0
    applying: Plan | None = None
    before: Snapshot | None = None  # of the present attempt
    after: Snapshot | None = None  # what its run left, where that could be read
    diffs: list[Beside] = field(default_factory=list)  # what is not as it was, or would not be
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
        """Checks the model's text."""
        with self._station("gate"):
            found = gate(wish.step.text, wish.evidence.inventory, self.policy, self.report.namespace)
        if isinstance(found, Playbook):
            self.folder.attempt(self.attempt, "playbook.yml", found.text)
        return found

    def propose(self, wish: Propose) -> Plan | tuple[Finding, ...]:
        """A Plan with the server's own dry run; what the API server refuses is a Finding like any other."""
        with self._station("run"):
            run = self._run(wish.playbook, check=True)
        if not run.ok:
            failed = (task.message for task in run.tasks if task.status == "failed")
            return (Finding("dry-run", "play", next(failed, run.stopped or f"exit code {run.rc}")),)
        with self._station("gate"):
            try:
                rehearsed = dry_run(self.cluster, wish.playbook, wish.evidence.inventory)
            except ClusterError as error:
                return (Finding("dry-run", "play", error.what),)
            author = self.holder.partition("/")[0]
            plan = plan_of(
                self.cluster,
                self.policy,
                self.report,
                wish.playbook,
                rehearsed,
                wish.risk,
                wish.diagnosis,
                author,
            )
        self.diffs.extend(rehearsed.diffs)
        return replace(plan, path=str(self.folder.file(PLAN, plan_text(plan))))

    def admit(self, wish: Admit) -> Playbook:
        """Lets a Plan pass that may still be applied."""
        with self._station("gate"):
            playbook = admit(self.cluster, self.policy, wish.plan, wish.evidence.inventory, self.settings.approved)
        self.attempt, self.applying = 1, wish.plan
        self.folder.attempt(1, "playbook.yml", playbook.text)
        self.folder.attempt(1, "evidence.txt", "\n".join(evidence_lines(wish.evidence)) + "\n")
        return playbook

    def retrace(self, wish: Retrace) -> Way:
        """Compares what an earlier attempt found and left with what is there now."""
        attempt = cast("Path", self.settings.undoing)  # nobody wishes this otherwise
        with self._station("undo"):
            before = read_state(attempt / BEFORE)
            if before is None:
                raise InputError(f"{attempt} has no {BEFORE}.", "Give the folder of an Episode whose playbook ran.")
            require_within(before, self.policy)
            live = take_snapshot(self.cluster, (saved.ref for saved in before.objects))
            way = way_back(before, read_state(attempt / AFTER), live)
        if way.foreign and not self.settings.force:
            raise Refused(
                f"Changed since by another hand: {'; '.join(way.foreign)}.",
                "Look at it; force undoes it all the same.",
            )
        self.attempt = 1
        self.diffs.extend(side_by_side(live, way.goal))
        return way

    def save(self, wish: Save) -> Snapshot:
        """Asks for leave, then puts the state before the run, and the way back to it, on disk."""
        with self._station("snapshot"):
            self._ask_leave(wish.playbook)
            snapshot = take_snapshot(self.cluster, wish.playbook.touches)
            if self.applying is not None:
                self._use_up(self.applying, snapshot)
            self.folder.attempt(self.attempt, BEFORE, state_text(snapshot))
            self.folder.attempt(self.attempt, "undo.yml", undo_playbook(snapshot).text)
            self.folder.running(self.report, self.attempt, wish.playbook.touches)
        self.before, self.after = snapshot, None
        return snapshot

    def run(self, wish: Run) -> RunResult:
        """Runs the playbook for real."""
        self._note("run", wish.playbook)
        with self._station("run"):
            done = self._run(wish.playbook, check=False)
        with self._station("snapshot"):
            self._keep_after(wish.playbook)
        return done

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
        """Takes the run's own changes back, and watches that nothing is worse than before. Not broken off.

        What other hands, an autoscaler's for instance, changed since the run stays as it is.
        """
        with self._station("undo", may_break=False):
            touched = tuple(saved.ref for saved in wish.snapshot.objects)
            live = take_snapshot(self.cluster, touched)
            goal = way_back(wish.snapshot, self.after, live).goal if self.after else wish.snapshot
            playbook = undo_playbook(goal, live, stuck_pods(self.cluster, goal, live))
            run = RunResult(0, (), 0.0)
            if playbook.tasks:
                with contextlib.suppress(InputError):  # a full disk must not keep the way back from being gone
                    self._note("undo", playbook)
                with self.spans("run"):
                    run = self.runner.run(playbook, timeout=self.settings.run_timeout)
            left = self._left(wish.snapshot, touched)
            if self.settings.undoing:
                self._keep_after(playbook)
            elif not left:
                self.diffs.clear()
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
        if not self.settings.undoing:
            self.policy.require_window(self.cluster.now())
        for ref in (*self.target, *playbook.touches):
            if ref not in self.leases:
                lease = hold(self.cluster, ref.namespace or namespace, ref, holder=self.holder, background=self.renew)
                self.leases[ref] = self._held.enter_context(lease)
        for ref in () if self.settings.undoing else self.target or playbook.touches[:1]:
            self.leases[ref].count_attempt(int(self.policy.ceiling("attempts_per_hour")))

    def _suspects(self, sure: bool) -> tuple[tuple[str, str], ...]:
        return tuple((suspect.name, suspect.kind) for suspect in self.report.suspects if suspect.sure is sure)

    def _use_up(self, plan: Plan, snapshot: Snapshot) -> None:
        """The last look before a Plan is run, under the Lease, which then remembers it."""
        require_unchanged(plan, {saved.ref: saved.manifest for saved in snapshot.objects})
        self.leases[plan.playbook.touches[0]].use_up(plan.digest, plan.expires)
        problem = note_applied(plan, self.holder, self.folder.path)
        if problem:
            self.say(Tell("plan", problem, self.attempt))

    def _keep_after(self, playbook: Playbook) -> None:
        """What the run left, for an undo at another time; where it cannot be read, that undo restores as a whole."""
        try:
            after = take_snapshot(self.cluster, playbook.touches)
            self.folder.attempt(self.attempt, AFTER, state_text(after))
        except (ClusterError, InputError) as error:
            self.say(Tell("run", f"what it left could not be kept: {error}", self.attempt))
            return
        if self.before is not None and not self.settings.undoing:
            self.after = after
            self.diffs.extend(side_by_side(self.before, after))

    def _left(self, snapshot: Snapshot, touched: tuple[ObjectRef, ...]) -> tuple[str, ...]:
        """What of the run's changes is still there."""
        if self.after is None:
            return restored(self.cluster, snapshot)
        return way_back(snapshot, self.after, take_snapshot(self.cluster, touched)).lines

    def _note(self, act: str, playbook: Playbook) -> None:
        """A line in the audit log before anything is changed."""
        self.audit(
            {
                "act": act,
                "namespace": self.report.namespace,
                "objects": [str(ref) for ref in playbook.touches],
                "playbook": playbook.digest,
                "plan": self.applying.digest if self.applying else "",
                "by": self.holder,
                "folder": str(self.folder.path),
            }
        )

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
