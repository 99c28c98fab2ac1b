# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Watches the cluster after a change until it is healthy and stays so, or clearly will not be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .asserted import asserted_checks
from .cluster import Cluster
from .evidence import Evidence, Inventory, Manifest, Measurement, ObjectRef
from .facts_requests import SLOW, SLOWER, usual_seconds
from .health import (
    health_checks,
    hopeless,
    may_come_up,
    restart_counts,
    restarts_since,
    symptom_checks,
    unchanged,
    worse,
)
from .measure import Door, ask, doors
from .present import present
from .quantity import seconds_between
from .reading import read
from .scope import Before, Scope, scope
from .verdict import Check, Verdict
from .workloads import View

SETTLE = 15.0
TIMEOUT = 120.0
PATIENCE = 25.0
"""Seconds without any change after which waiting longer is no use, unless a Pod is on its way."""
_SOON, _LATER = 1.0, 3.0  # seconds between two looks: soon where something has just changed
_PULSE = ("Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "EndpointSlice")
"""Read at each look: whether what is to run runs."""
_FRAME = ("ReplicaSet", "CronJob", "Service")
"""Read once, and again where a Pod belongs to what is not known: it says what belongs together."""
_REST = (  # read only where all runs, or at the end
    "ConfigMap", "Secret", "PersistentVolumeClaim", "ServiceAccount", "NetworkPolicy", "Ingress",
    "HorizontalPodAutoscaler", "ResourceQuota", "PodMetrics", "Node", "Event",
)  # fmt: skip

_Samples = dict[tuple[ObjectRef, int, str], list[Measurement]]


@dataclass(frozen=True)
class _Seen:
    """One look: what holds and what is worse. ``whole``: symptoms were looked for too."""

    view: View
    where: Scope
    checks: tuple[Check, ...]
    worse: tuple[str, ...] = ()
    whole: bool = False

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

    ``before`` is the Evidence from before the change; without ``suspects`` all that was wrong in it
    must be right. ``checks`` are those of the user (see ``asserted``).
    """
    was = Before(before, touched, suspects)
    frame: Mapping[str, tuple[Manifest, ...]] = {}
    baseline: Mapping[tuple[str, str], int] = {}
    started = sound_since = changed_at = ""
    samples: _Samples = {}
    signature: tuple[object, ...] = ()
    while True:
        inventory = _read(cluster, was, frame)
        frame = {kind: inventory.objects[kind] for kind in _FRAME if kind in inventory.objects}
        now = inventory.time
        started = started or now
        if not sound_since:
            samples, baseline = {}, restart_counts(inventory)
        held = seconds_between(sound_since or now, now) or 0.0
        seen = _pulse(cluster, was, View(inventory), baseline, samples)
        up = seen.sound or bool(samples)  # what is not up yet is not asked, nor searched for symptoms
        if seen.sound and sound_since and held < settle:
            cluster.sleep(min(_LATER, settle - held))
            continue
        if up:
            seen = _whole(cluster, was, seen, checks)
        if seen.signature != signature:
            signature, changed_at = seen.signature, now
        if seen.sound:
            sound_since = sound_since or now
            if held >= settle:
                return _verdict(seen, True, held)
            cluster.sleep(min(_LATER, settle - held))
            continue
        if sound_since and any(not check.passed and check.name == "restarts" for check in seen.checks):
            return _verdict(_whole(cluster, was, seen, ()), False, held)  # it came up and fell over again
        sound_since = ""
        waited, still = seconds_between(started, now) or 0.0, seconds_between(changed_at, now) or 0.0
        if waited >= timeout or _gives_up(was, seen, waited, still):
            return _verdict(_whole(cluster, was, seen, ()), False, 0.0)
        cluster.sleep(min(_LATER, max(_SOON, still / 3)))


def verify_undone(
    cluster: Cluster, before: Evidence, touched: tuple[ObjectRef, ...], *, timeout: float = TIMEOUT
) -> Verdict:
    """Whether everything is at least as it was before; ``Verdict.worse`` is empty then.

    ``healthy`` says the same here: an undo restores what there was, broken or not.
    """
    was = Before(before, touched)
    started = ""
    while True:
        inventory, _ = read(cluster, before.inventory.namespace, (*_PULSE, *_FRAME, *_REST))
        started = started or inventory.time
        view = View(inventory)
        where = scope(was, view)
        measured = view.renewed(replace(inventory, measurements=ask(cluster, _asked(was, view, where, 1), 1)))
        lines = worse(was, measured, where, present(view))
        waited = seconds_between(started, inventory.time) or 0.0
        if not lines or waited >= timeout:
            check = Check("undone", inventory.namespace, not lines, f"{len(lines)} worse", "0 worse")
            return Verdict(not lines, (check,), waited, lines, inventory.unseen)
        cluster.sleep(min(_LATER, max(_SOON, waited / 3)))


def _read(cluster: Cluster, was: Before, frame: Mapping[str, tuple[Manifest, ...]]) -> Inventory:
    """The pulse of a namespace in the ``frame`` of an earlier look, which is read where it is empty or outdated."""
    namespace = was.evidence.inventory.namespace
    touched = (ref.kind for ref in was.touched)
    moving = tuple(dict.fromkeys((*_PULSE, *touched, *(() if frame else _FRAME))))
    inventory, _ = read(cluster, namespace, moving)
    if not frame:
        return inventory
    known = {item["metadata"]["name"] for item in frame.get("ReplicaSet", ())}
    owners = [owner for pod in inventory.of("Pod") for owner in pod["metadata"].get("ownerReferences") or ()]
    alone = any(not item["metadata"].get("ownerReferences") for item in frame.get("ReplicaSet", ()))
    if alone or any(owner["kind"] == "ReplicaSet" and owner["name"] not in known for owner in owners):
        frame = {**frame, **read(cluster, namespace, ("ReplicaSet",))[0].objects}
    return replace(inventory, objects={**frame, **inventory.objects})


def _pulse(
    cluster: Cluster, was: Before, view: View, baseline: Mapping[tuple[str, str], int], samples: _Samples
) -> _Seen:
    """Whether what is in question runs, and where it does, whether it answers."""
    where = scope(was, view)
    found = health_checks(view, where, restarts_since(baseline, view))
    if not all(check.passed for check in found):  # asking what is not up yet would only tell the same
        samples.clear()
        return _Seen(view, where, tuple(found))
    for item in ask(cluster, _asked(was, view, where), 1 if samples else 2):
        samples.setdefault((item.target, item.port, item.path), []).append(item)
    pooled = tuple(_pooled(items) for items in samples.values())
    measured = view.renewed(replace(view.inventory, measurements=pooled))
    return _Seen(measured, where, (*found, *_request_checks(pooled, where)))


def _whole(cluster: Cluster, was: Before, seen: _Seen, asserted: Sequence[Mapping[str, Any]]) -> _Seen:
    """The same look with the rest of the namespace: symptoms, what is worse, the user's checks."""
    if seen.whole:
        return seen
    pulse = seen.view.inventory
    touched = {ref.kind for ref in was.touched}
    rest, _ = read(cluster, pulse.namespace, tuple(kind for kind in (*_FRAME, *_REST) if kind not in touched))
    inventory = replace(
        pulse, objects={**pulse.objects, **rest.objects}, usage=rest.usage, unseen=(*pulse.unseen, *rest.unseen)
    )
    view = View(inventory)
    drafts = present(view)
    symptoms = symptom_checks(was, view, seen.where, drafts)
    if not inventory.measurements:  # a failing request that was not repeated is not gone
        symptoms = [check for check in symptoms if not (check.passed and check.name == "symptom")]
    checks = [*seen.checks, *symptoms]
    checks += asserted_checks(cluster, view, asserted) if all(check.passed for check in checks) else []
    return _Seen(view, seen.where, tuple(checks), worse(was, view, seen.where, drafts), whole=True)


def _asked(was: Before, view: View, where: Scope, siblings: int = 3) -> tuple[Door, ...]:
    about = [ref for ref in where.around if ref.kind == "Service" or ref in view.workloads]
    return doors(view, [*sorted(about), *was.failing], siblings)


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


def _gives_up(was: Before, seen: _Seen, waited: float, still: float) -> bool:
    if hopeless(was, seen.view, seen.where) and waited >= 3.0:
        return True
    if may_come_up(seen.view, seen.where):
        return False
    return still >= (PATIENCE / 2 if unchanged(was, seen.view) else PATIENCE)


def _verdict(seen: _Seen, healthy: bool, held: float) -> Verdict:
    unseen = list(seen.view.inventory.unseen)
    services = {ref for ref in seen.where.around if ref.kind == "Service"}
    asked = {item.target for item in seen.view.inventory.measurements}
    if healthy:
        unseen += [_not_asked(seen.view, ref) for ref in sorted(services - asked)]
    return Verdict(healthy, seen.checks, held, seen.worse, tuple(unseen))


def _not_asked(view: View, service: ObjectRef) -> str:
    why = "not permitted" if doors(view, (service,), 0) else "no HTTP port known"
    return f"requests to {service}: {why}"
