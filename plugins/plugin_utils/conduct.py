# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One Episode with real parts, from options to the folder that it leaves."""

from __future__ import annotations

import contextlib
import functools
import getpass
import hashlib
import os
import shutil
import socket
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..module_utils.asserted import assertions
from ..module_utils.errors import ClusterError, InputError, Refused, RemediateError
from .apply import apply
from .artefacts import Folder
from .audit import append
from .deduplicate import remember, require_fresh
from .diary import Diary, without_credentials
from .episode import Bounds, Episode
from .hands import Ask, ControllerHands, Settings
from .html_report import FILE as PAGE
from .html_report import prepare, write_report
from .interrupts import Interrupts
from .lint import stop_lint, warm_lint
from .loop import remediate
from .plan import FILE as PLAN
from .plan import Plan, read_plan
from .policy import Policy, load_policy
from .report import Report
from .risk import weigh
from .run import ProcessRunner, Through
from .spans import Spans, TimedTransport
from .states import BEFORE, Beside, find_attempt, read_state
from .step import Answer
from .undoing import undo
from .wishes import Loop, Tell, Write, drive


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the user ordered. ``connection`` holds connection options of kubernetes.core.

    One of three: a ``report`` to act upon, a Plan to ``apply``, or an Episode to ``undo`` (both paths).
    """

    report: Any = None
    apply: str | None = None
    undo: str | None = None
    approved: str = ""  # the digest that the Plan must have, whole or its first 12 characters
    force: bool = False  # undo what another hand changed since; take up what was given up a short while ago
    namespace: str | None = None
    mode: str = "auto"
    model: str = "default"
    out: str | None = None
    policy: str | None = None
    bounds: Bounds = field(default_factory=Bounds)
    settle: float = 15.0
    checks: Sequence[Mapping[str, Any]] = ()
    connection: Mapping[str, Any] = field(default_factory=dict)
    check: bool = False  # Ansible's check mode
    no_log: bool = False
    verbosity: int = 0
    temporary: str | None = None  # where working directories are made
    through: Through | None = None  # ansible-runner, where it is to run the playbooks


@dataclass(frozen=True)
class Conducted:
    """What came of it: the Episode, its folder, its seconds by span, and what it changed, or would change."""

    episode: Episode
    folder: str
    seconds: Mapping[str, float]
    diffs: tuple[Beside, ...] = ()
    plan: str = ""  # the path of the Plan that was made


def conduct(order: Order, open_model: Callable[[], Ask], say: Callable[[Tell], None]) -> Conducted:
    """Never raises for what went wrong on the way: that is an outcome, whose message says it.

    ``open_model`` gives what asks the model; it may start loading it.
    """
    spans = Spans(time.monotonic)
    diary = Diary(spans, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), order=_ordered(order))
    say = _heard(diary, say)
    interrupts = Interrupts()
    report = Report("", (), order.namespace or "", "", "", "")
    folder: Folder | None = None
    diffs: list[Beside] = []
    with interrupts.listening(), contextlib.ExitStack() as held:
        try:
            task = _task(order)
            report = task.report
            folder = Folder(order.out or _default_folder(report))
            folder.running(report)
            with contextlib.suppress(OSError):  # of an earlier Episode in the same folder
                (folder.path / PAGE).unlink(missing_ok=True)
            policy = load_policy(order.policy)
            assertions(order.checks)  # what is not well-formed is said before anything is changed
            diary.order |= {"policy": policy.source, "policy_digest": policy.digest}
            ask = _meanwhile(open_model(), prepare) if task.plan is None and task.undoing is None else _nobody
            runner = held.enter_context(_runner(order, policy))
            runner.warm()
            warm_lint()
            held.callback(stop_lint)
            hands = ControllerHands(
                report=report,
                policy=policy,
                cluster=_cluster(order, spans),
                runner=runner,
                ask=ask,
                say=say,
                diffs=diffs,
                folder=folder,
                holder=_holder(),
                spans=spans,
                interrupts=interrupts,
                audit=_note,
                settings=Settings(
                    approved=order.approved,
                    undoing=task.undoing,
                    force=order.force,
                    # a repair that is taken back leaves what it repaired worse: no use in waiting for better
                    undo_timeout=0.0 if task.undoing else Settings.undo_timeout,
                    settle=order.settle,
                    checks=order.checks,
                    verbosity=order.verbosity,
                ),
            )
            held.callback(hands.close)
            wait = policy.deduplicate_minutes if _acts_on_report(order) else 0.0
            if not order.force:
                require_fresh(hands.cluster, report.namespace, report.fingerprint, wait)
            episode = drive(_course(task, order, policy), hands)
            runner.leave()
            try:
                remember(hands.cluster, report.namespace, report.fingerprint, episode.outcome, wait)
            except ClusterError as error:
                say(Tell("end", f"that it ended could not be remembered: {error}"))
        except Refused as refusal:
            episode = Episode(report, "refused", f"refused: {refusal}", (), (), ())
        except RemediateError as error:
            episode = _broken(report, str(error))
        except Exception as error:  # no stack trace for the user of a playbook
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
            episode = _broken(report, f"{said}. This is a defect: please report it.")
    if interrupts.orphaned and order.temporary:  # Ansible was killed, and nobody else will remove its folder
        shutil.rmtree(order.temporary, ignore_errors=True)
    seconds = spans.seconds()
    if folder is not None:
        try:
            _record(folder, episode, seconds, diary)
            _show(folder, say)
        except InputError as error:  # the disk filled up meanwhile; what was done is still to be told
            say(Tell("end", str(error)))
    say(Tell("end", episode.message))
    if folder is not None:
        shown = f"; {PAGE} shows it" if (folder.path / PAGE).exists() else ""
        say(Tell("end", f"all of it is in {folder.path}{shown}"))
    plan = str(folder.path / PLAN) if folder is not None and (folder.path / PLAN).exists() else ""
    return Conducted(episode, str(folder.path) if folder else "", seconds, tuple(diffs), plan)


@dataclass(frozen=True)
class _Task:
    """What an Order comes down to."""

    report: Report
    plan: Plan | None = None
    undoing: Path | None = None


def _task(order: Order) -> _Task:
    choices = {"report": order.report, "apply": order.apply, "undo": order.undo}
    given = [name for name, value in choices.items() if value is not None]
    if len(given) != 1:
        said = f"{' and '.join(given)} were given together." if given else "Nothing was given to act upon."
        raise InputError(said, "Give one of report, apply and undo.")
    if order.apply:
        plan = read_plan(order.apply)
        return _Task(plan.report, plan=plan)
    if order.undo:
        attempt = find_attempt(order.undo)
        before = read_state(attempt / BEFORE)
        namespaces = {saved.ref.namespace for saved in before.objects} if before else set()
        if len(namespaces) != 1:
            raise InputError(f"{attempt} tells of objects in {len(namespaces)} namespaces.", "Undo it by hand.")
        said = f"undo of {attempt}"
        return _Task(Report(said, (), namespaces.pop(), "", "undo", said, fingerprint=_mark(said)), undoing=attempt)
    from .report_parse import parse_report

    return _Task(parse_report(order.report, order.namespace))


def _acts_on_report(order: Order) -> bool:
    """Whether it may change something because of a report: what only looks may look as often as it likes."""
    return order.report is not None and order.mode == "auto" and not order.check


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _course(task: _Task, order: Order, policy: Policy) -> Loop:
    dry = order.check
    if task.plan is not None:
        return apply(task.plan, dry=dry)
    if task.undoing is not None:
        return undo(task.report, dry=dry)
    mode = "plan" if dry else order.mode
    weighed = functools.partial(weigh, policy=policy)
    return remediate(task.report, order.bounds, time.monotonic, mode=mode, weigh=weighed)


def _nobody(*_: Any) -> Answer:
    raise RemediateError("Nobody writes where a Plan is applied or an Episode undone.", "This is a defect.")


def _runner(order: Order, policy: Policy) -> ProcessRunner:
    modules = sorted(policy.modules)
    return ProcessRunner(
        order.connection, no_log=order.no_log, modules=modules, parent=order.temporary, through=order.through
    )


def _broken(report: Report, why: str) -> Episode:
    return Episode(report, "broken", f"broken: {why}", (), (), ())


def _cluster(order: Order, spans: Spans) -> Any:
    from ..module_utils.cluster import Cluster
    from ..module_utils.connect import KubernetesTransport

    with spans("import"):
        return Cluster(TimedTransport(KubernetesTransport(order.connection), spans))


def _holder() -> str:
    """Who holds a Lease: user, host, process and moment, so that no two runs share a name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}/{os.getpid()}-{time.time_ns()}"


def _ordered(order: Order) -> dict[str, Any]:
    """What of an Order belongs to the Episode's record: neither the connection nor what gives access to a model."""
    bounds = order.bounds
    return {
        "act": "apply" if order.apply else "undo" if order.undo else "repair",
        "mode": "check" if order.check else order.mode,
        "model": without_credentials(order.model),
        "settle": order.settle,
        "attempts": bounds.attempts,
        "steps": bounds.steps,
        "seconds": bounds.seconds,
        "tokens": bounds.tokens,
    }


def _heard(diary: Diary, say: Callable[[Tell], None]) -> Callable[[Tell], None]:
    def heard(tell: Tell) -> None:
        diary.hear(tell)
        say(tell)

    return heard


def _record(folder: Folder, episode: Episode, seconds: Mapping[str, float], diary: Diary) -> None:
    """Writes episode.json, and a line of the audit log that is bound to it by its hash."""
    path = folder.episode(episode, seconds, diary.record())
    _note(
        {
            "act": "end",
            "outcome": episode.outcome,
            "namespace": episode.report.namespace,
            "fingerprint": episode.report.fingerprint,
            "changed": [str(ref) for ref in episode.changed],
            "episode": str(path),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
    )


def _show(folder: Folder, say: Callable[[Tell], None]) -> None:
    """Writes the page. That it fails, for whatever reason, is no reason for an Episode to fail."""
    try:
        write_report(folder.path)
    except Exception as error:
        say(Tell("end", f"{PAGE} could not be made: {error}"))


def _meanwhile(ask: Ask, work: Callable[[], None]) -> Ask:
    """Does ``work`` while the model is asked."""

    def asked(report: Report, wish: Write, policy: Policy) -> Answer:
        threading.Thread(target=work, daemon=True).start()
        return ask(report, wish, policy)

    return asked


def _note(entry: Mapping[str, Any]) -> None:
    """A line of the audit log, with the time."""
    log = Path(_state()) / "audit.jsonl"
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{log.parent} cannot be made: {error.strerror}.", "Set XDG_STATE_HOME elsewhere.") from error
    append(log, {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **entry})


def _state() -> str:
    return os.path.join(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"), "e2ereme")


def _default_folder(report: Report) -> str:
    """A new folder in the user's state directory, by time and fingerprint."""
    name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + (report.fingerprint[:8] or "report")
    return os.path.join(_state(), "episodes", name)
