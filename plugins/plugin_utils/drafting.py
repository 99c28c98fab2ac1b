# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A checked playbook for a report, and nothing else: the loop up to the Plan, without dry run, folder or Lease.

Drafts are kept for a while. Ansible evaluates a lookup again and again, and two evaluations must give
one text: within one run of Ansible the same question is answered without looking at the cluster
anew, and later as long as the Evidence says the same.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..module_utils.cluster import Cluster
from ..module_utils.connect import KubernetesTransport
from ..module_utils.errors import RunError
from ..module_utils.evidence import Evidence
from .artefacts import NoFolder
from .drafts import Draft, Drafts
from .episode import Bounds
from .hands import Ask, ControllerHands
from .interrupts import Interrupts
from .lint import stop_lint, warm_lint
from .loop import remediate
from .playbook import Playbook
from .policy import Policy, load_policy
from .report import Report
from .report_parse import parse_report
from .runresult import RunResult
from .spans import Spans
from .wishes import Gate, Look, Propose, Tell, Write

_MOVING = re.compile(r"\d+(\.\d+)?\s?(ms|s|m|h|d)\b|\d+%|\b\d+ (times|restarts?)\b")
"""What differs from one look to the next though nothing happened: ages, durations, shares, counts."""
_FLEETING = ("state", "event", "log", "usage", "request")
"""Kinds of facts whose words come and go, as those of a Pod that crashes and waits by turns: only that counts."""
_RUN = 86400.0
"""Seconds for which a Draft is kept for the run that asked; hardly a run takes longer."""


class NoRunner:
    """Stands where nothing may be run."""

    def warm(self) -> None:
        """Nothing to warm."""

    def run(self, playbook: Playbook, **_: Any) -> RunResult:
        raise RunError("A draft runs nothing.", "This is a defect: please report it.")

    def close(self) -> None:
        """Nothing to give back."""


@dataclass(frozen=True)
class Question:
    """What a user of the lookup asks. ``model`` tells models apart; ``connection`` is kubernetes.core's options."""

    report: Any
    namespace: str | None = None
    policy: str | None = None
    attempts: int = 3
    seconds: float = 120.0
    cache_seconds: float = 600.0
    connection: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""


def answer(asked: Question, open_model: Callable[[], Ask], say: Callable[[Tell], None] = lambda _: None) -> Draft:
    """The Draft for a Question, kept or new. Raises RemediateError."""
    report, policy = parse_report(asked.report, asked.namespace), load_policy(asked.policy)
    transport = KubernetesTransport(asked.connection)
    bounds = Bounds(attempts=asked.attempts, seconds=asked.seconds)
    key = _digest([report.raw, report.namespace, policy.digest, asked.model, transport.host, str(asked.attempts)])
    if asked.cache_seconds <= 0:
        return draft(report, policy, Cluster(transport), open_model, bounds, say=say)[0]
    drafts = Drafts(_folder())
    now = within_this_run(key, asked.connection)
    with drafts.asking(now):
        kept = drafts.get(now)
        if kept is not None:
            return kept

        def known(evidence: Evidence) -> Draft | None:
            return drafts.get(with_evidence(key, evidence))

        found, seen = draft(report, policy, Cluster(transport), open_model, bounds, known, say)
        drafts.put(now, found, _RUN)
        # What ran out of time may go better next time, and what was known keeps its age.
        if seen is not None and found.outcome != "exhausted" and known(seen) is None:
            drafts.put(with_evidence(key, seen), found, asked.cache_seconds)
    return found


def draft(
    report: Report,
    policy: Policy,
    cluster: Cluster,
    open_model: Callable[[], Ask],
    bounds: Bounds,
    known: Callable[[Evidence], Draft | None] = lambda _: None,
    say: Callable[[Tell], None] = lambda _: None,
) -> tuple[Draft, Evidence | None]:
    """Drives the loop until it has a Playbook that passed the gate, or ends; changes nothing.

    ``known`` may answer on the first Evidence, before the model is asked. Returns that Evidence too.
    """
    ask = open_model()  # it may begin to load while the cluster is read
    hands = ControllerHands(
        report, policy, cluster, NoRunner(), ask, say, NoFolder(), Spans(time.monotonic), Interrupts()
    )
    act: Mapping[type, Callable[[Any], Any]] = {
        Look: hands.look,
        Write: hands.write,
        Gate: hands.gate,
        Tell: hands.tell,
    }
    loop = remediate(report, bounds, time.monotonic, mode="plan")
    seen: Evidence | None = None
    try:
        wish = next(loop)
        while not isinstance(wish, Propose):
            reply = act[type(wish)](wish)
            if seen is None and isinstance(reply, Evidence):
                seen = reply
                kept = known(seen)
                if kept is not None:
                    return kept, seen
                warm_lint()
            wish = loop.send(reply)
    except StopIteration as end:
        return Draft(end.value.outcome, end.value.message), seen
    else:
        return Draft("planned", f"planned: {wish.diagnosis}", wish.playbook.text), seen
    finally:
        loop.close()  # nothing is pending: nothing was changed
        hands.close()
        stop_lint()


def within_this_run(key: str, connection: Mapping[str, Any]) -> str:
    """The key for the run of Ansible that this process belongs to."""
    parent = multiprocessing.parent_process()
    pid = parent.pid if parent is not None else os.getpid()
    as_whom = json.dumps(connection, sort_keys=True, default=str)
    return _digest([key, str(pid), _started(int(pid or 0)), as_whom])


def with_evidence(key: str, evidence: Evidence) -> str:
    """The key for as long as the cluster looks the same."""
    told = (
        f"{fact.kind} {fact.subject}" if fact.kind in _FLEETING else _MOVING.sub("#", fact.text)
        for fact in evidence.anomalies
    )
    return _digest([key, *sorted(set(told))])


def _folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache) / "e2ereme" / "drafts"


def _started(pid: int) -> str:
    """When a process began, so that a number used again is another process."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[19]
    return ""


def _digest(parts: list[str]) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()
