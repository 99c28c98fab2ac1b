# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Watches the cluster after a change until it is healthy and stays so, or clearly will not be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .asserted import asserted_checks
from .cluster import Cluster
from .evidence import Evidence, Inventory, Measurement, ObjectRef
from .facts_requests import SLOW, SLOWER, usual_seconds
from .health import (
    Scope,
    health_checks,
    hopeless,
    may_come_up,
    restart_counts,
    restarts_since,
    scope,
    symptom_checks,
    unchanged,
    worse,
)
from .measure import ask, doors
from .quantity import seconds_between
from .reading import read
from .verdict import Check, Verdict
from .workloads import View

SETTLE = 15.0
TIMEOUT = 120.0
PATIENCE = 25.0
"""Seconds without any change after which waiting longer is no use, unless a Pod is on its way."""
_WAITING, _SETTLING = 1.0, 3.0  # seconds between two looks
_WATCHED = (
    "Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "Service", "EndpointSlice",
    "ConfigMap", "Secret", "PersistentVolumeClaim", "ServiceAccount", "NetworkPolicy", "Ingress",
    "HorizontalPodAutoscaler", "ResourceQuota", "PodMetrics", "Node", "Event",
)  # fmt: skip


@dataclass(frozen=True)
class _Seen:
    """One look: what holds, what is worse, and when it was."""

    view: View
    checks: tuple[Check, ...]
    worse: tuple[str, ...]
    where: Scope

    @property
    def sound(self) -> bool:
        return not self.worse and all(check.passed for check in self.checks)

    @property
    def signature(self) -> tuple[object, ...]:
        return tuple((check.name, check.subject, check.passed) for check in self.checks), self.worse


def verify(
    cluster: Cluster,
    before: Evidence,
    touched: tuple[ObjectRef, ...],
    *,
    suspects: tuple[ObjectRef, ...] = (),
    checks: Sequence[Mapping[str, Any]] = (),
    settle: float = SETTLE,
    timeout: float = TIMEOUT,
) -> Verdict:
    """Healthy when all checks hold for ``settle`` seconds of API-server time, within ``timeout``.

    ``before`` is the Evidence from before the change; without ``suspects`` its first near object
    counts as one. ``checks`` are those of the user (see ``asserted``).
    """
    namespace = before.inventory.namespace
    baseline: Mapping[tuple[str, str], int] = {}
    started = sound_since = changed_at = ""
    samples: dict[tuple[ObjectRef, int, str], list[Measurement]] = {}
    signature: tuple[object, ...] = ()
    while True:
        inventory, _ = read(cluster, namespace, _WATCHED)
        started = started or inventory.time
        if not sound_since:
            samples, baseline = {}, restart_counts(inventory)
        seen = _observe(cluster, before, inventory, touched, suspects, checks, baseline, samples)
        now = inventory.time
        waited = seconds_between(started, now) or 0.0
        if seen.signature != signature:
            signature, changed_at = seen.signature, now
        if seen.sound:
            sound_since = sound_since or now
            held = seconds_between(sound_since, now) or 0.0
            if held >= settle:
                return _verdict(seen, True, held, inventory)
            cluster.sleep(min(_SETTLING, settle - held))
            continue
        if sound_since and any(not check.passed and check.name == "restarts" for check in seen.checks):
            held = seconds_between(sound_since, now) or 0.0
            return _verdict(seen, False, held, inventory)  # it came up and fell over again
        sound_since = ""
        if waited >= timeout or _gives_up(before, seen, touched, waited, seconds_between(changed_at, now) or 0.0):
            return _verdict(seen, False, 0.0, inventory)
        cluster.sleep(_WAITING)


def verify_undone(
    cluster: Cluster, before: Evidence, touched: tuple[ObjectRef, ...], *, timeout: float = TIMEOUT
) -> Verdict:
    """Whether everything is at least as it was before; ``Verdict.worse`` is empty then.

    ``healthy`` says the same here: an undo restores what there was, broken or not.
    """
    started = ""
    while True:
        inventory, _ = read(cluster, before.inventory.namespace, _WATCHED)
        started = started or inventory.time
        view = View(inventory)
        where = scope(before, view, touched, ())
        asked = doors(view, [ref for ref in where.around if ref.kind == "Service" or ref in view.workloads], siblings=1)
        measured = view.renewed(replace(inventory, measurements=ask(cluster, asked, 1)))
        lines = worse(before, measured, where)
        waited = seconds_between(started, inventory.time) or 0.0
        if not lines or waited >= timeout:
            check = Check("undone", inventory.namespace, not lines, f"{len(lines)} worse", "0 worse")
            return Verdict(not lines, (check,), waited, lines, inventory.unseen)
        cluster.sleep(_WAITING)


def _observe(
    cluster: Cluster,
    before: Evidence,
    inventory: Inventory,
    touched: tuple[ObjectRef, ...],
    suspects: tuple[ObjectRef, ...],
    asserted: Sequence[Mapping[str, Any]],
    baseline: Mapping[tuple[str, str], int],
    samples: dict[tuple[ObjectRef, int, str], list[Measurement]],
) -> _Seen:
    view = View(inventory)
    where = scope(before, view, touched, suspects)
    found = health_checks(view, where, restarts_since(baseline, view))
    if all(check.passed for check in found):  # asking what is not up yet would only tell the same
        asked = doors(view, [ref for ref in where.around if ref.kind == "Service" or ref in view.workloads])
        for item in ask(cluster, asked, 2):
            samples.setdefault((item.target, item.port, item.path), []).append(item)
        pooled = tuple(_pooled(items) for items in samples.values())
        view = view.renewed(replace(inventory, measurements=pooled))
        found += _request_checks(pooled, where)
    found += symptom_checks(before, view, where)
    found += asserted_checks(cluster, view, asserted) if all(check.passed for check in found) else []
    return _Seen(view, tuple(found), worse(before, view, where), where)


def _pooled(items: list[Measurement]) -> Measurement:
    """One series out of several of the same target."""
    last = items[-1]
    count = sum(item.samples for item in items)
    failed = sum(item.failed * item.samples for item in items) / count
    worst = next((item for item in reversed(items) if item.failed), last)
    times = sorted(item.seconds for item in items)
    return replace(
        last, samples=count, failed=failed, status=worst.status, error=worst.error, seconds=times[len(times) // 2]
    )


def _request_checks(measured: Iterable[Measurement], where: Scope) -> list[Check]:
    items = tuple(measured)
    checks = []
    for item in items:
        if item.target.kind != "Service" or item.target not in where.around:
            continue
        usual = usual_seconds(items, item.path, item.target)
        bound = max(SLOW, SLOWER * usual) if usual is not None else None
        quick = bound is None or item.seconds <= bound
        measured_text = f"{item.failed:.0%} of {item.samples} failed, {item.seconds:.3f} s"
        bound_text = "0% failed" + (f", {bound:.3f} s" if bound is not None else "")
        name = f"GET :{item.port}{item.path}"
        checks.append(
            Check(name, str(item.target), item.failed == 0 and quick, measured_text, bound_text, item.error[:120])
        )
    return checks


def _gives_up(before: Evidence, seen: _Seen, touched: tuple[ObjectRef, ...], waited: float, still: float) -> bool:
    if hopeless(before, seen.view, seen.where) and waited >= 3.0:
        return True
    if may_come_up(seen.view, seen.where):
        return False
    return still >= (PATIENCE / 2 if unchanged(before, seen.view, touched) else PATIENCE)


def _verdict(seen: _Seen, healthy: bool, held: float, inventory: Inventory) -> Verdict:
    unseen = list(inventory.unseen)
    services = {ref for ref in seen.where.around if ref.kind == "Service"}
    asked = {item.target for item in seen.view.inventory.measurements}
    if healthy:
        unseen += [f"requests to {ref}: no HTTP port known" for ref in sorted(services - asked)]
    return Verdict(healthy, seen.checks, held, seen.worse, tuple(unseen))
