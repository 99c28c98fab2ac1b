# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One Episode with real parts, from options to the folder that it leaves."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import socket
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..module_utils.errors import InputError, RemediateError
from .artefacts import Folder
from .audit import append
from .episode import Bounds, Episode
from .hands import Ask, ControllerHands, Settings
from .interrupts import Interrupts
from .lint import stop_lint, warm_lint
from .loop import Tell, drive, remediate
from .policy import Policy, load_policy
from .report import Report
from .run import ProcessRunner
from .spans import Spans, TimedTransport


@dataclass(frozen=True)
class Order:
    """What the user ordered. ``connection`` holds connection options of kubernetes.core."""

    report: Any
    namespace: str | None = None
    mode: str = "auto"
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


@dataclass(frozen=True)
class Conducted:
    """What came of it: the Episode, its folder, its seconds by span, and the diffs of its runs."""

    episode: Episode
    folder: str
    seconds: Mapping[str, float]
    diffs: tuple[str, ...] = ()


def conduct(order: Order, open_model: Callable[[], Ask], say: Callable[[Tell], None]) -> Conducted:
    """Never raises for what went wrong on the way: that is an outcome, whose message says it.

    ``open_model`` gives what asks the model; it may start loading it.
    """
    spans = Spans(time.monotonic)
    interrupts = Interrupts()
    report = Report("", (), order.namespace or "", "", "", "")
    folder: Folder | None = None
    diffs: list[str] = []
    with interrupts.listening(), contextlib.ExitStack() as held:
        try:
            report = _report(order)
            folder = Folder(order.out or _default_folder(report))
            policy = load_policy(order.policy)
            ask = open_model()
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
                settings=Settings(
                    dry=order.check or order.mode == "plan",
                    settle=order.settle,
                    checks=order.checks,
                    verbosity=order.verbosity,
                ),
            )
            held.callback(hands.close)
            mode = "plan" if hands.settings.dry else "auto"
            episode = drive(remediate(report, order.bounds, time.monotonic, mode=mode), hands)
        except RemediateError as error:
            episode = _broken(report, str(error))
        except Exception as error:  # no stack trace for the user of a playbook
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
            episode = _broken(report, f"{said}. This is a defect: please report it.")
    seconds = spans.seconds()
    if folder is not None:
        try:
            _record(folder, episode, seconds)
        except InputError as error:  # the disk filled up meanwhile; what was done is still to be told
            say(Tell("end", str(error)))
    say(Tell("end", episode.message))
    if folder is not None:
        say(Tell("end", f"all of it is in {folder.path}"))
    return Conducted(episode, str(folder.path) if folder else "", seconds, tuple(diffs))


def _runner(order: Order, policy: Policy) -> ProcessRunner:
    modules = sorted(policy.modules)
    return ProcessRunner(order.connection, no_log=order.no_log, modules=modules, parent=order.temporary)


def _broken(report: Report, why: str) -> Episode:
    return Episode(report, "broken", f"broken: {why}", (), (), ())


def _report(order: Order) -> Report:
    from .report_parse import parse_report

    return parse_report(order.report, order.namespace)


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


def _record(folder: Folder, episode: Episode, seconds: Mapping[str, float]) -> None:
    """Writes episode.json, and a line of the audit log that is bound to it by its hash."""
    path = folder.episode(episode, seconds)
    entry = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "outcome": episode.outcome,
        "namespace": episode.report.namespace,
        "fingerprint": episode.report.fingerprint,
        "changed": [str(ref) for ref in episode.changed],
        "episode": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    log = Path(_state()) / "audit.jsonl"
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{log.parent} cannot be made: {error.strerror}.", "Set XDG_STATE_HOME elsewhere.") from error
    append(log, entry)


def _state() -> str:
    return os.path.join(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"), "e2ereme")


def _default_folder(report: Report) -> str:
    """A new folder in the user's state directory, by time and fingerprint."""
    name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + (report.fingerprint[:8] or "report")
    return os.path.join(_state(), "episodes", name)
