# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges by a reading whether what was repaired is healthy and nothing else is worse; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from .draft import Draft
from .evidence import Evidence, Inventory, Manifest, ObjectRef
from .present import grave
from .ready import unready
from .scope import Before, Scope
from .verdict import Check
from .workloads import REVISION, View, owned_by, pod_is_over, pod_is_ready

_LASTING = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Service", "ConfigMap", "PersistentVolumeClaim",
            "NetworkPolicy", "Ingress", "HorizontalPodAutoscaler")  # fmt: skip
_CANNOT_START = ("ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CrashLoopBackOff",
                 "CreateContainerConfigError", "CreateContainerError", "RunContainerError")  # fmt: skip


def health_checks(now: View, where: Scope, restarts: Mapping[ObjectRef, int]) -> list[Check]:
    """Rollout, Pods, restarts and endpoints of what is in focus."""
    checks = []
    for ref in where.focus:
        work = now.workloads.get(ref)
        if work is None:
            if ref.kind != "Pod":  # a Pod of its own that was replaced is judged by its successor
                checks.append(Check("exists", str(ref), False, "gone", "there"))
            continue
        if ref.kind in ("Job", "CronJob"):
            why = unready(work.manifest)
            checks.append(Check("run", str(ref), not why, why or "as wanted", "as wanted"))
            continue
        desired = work.desired or 0
        ready = sum(pod_is_ready(pod) for pod in work.pods)
        why = unready(work.manifest)
        passed = not why and desired > 0 and ready >= desired
        measured = f"{ready} of {desired} Pods ready"
        detail = why if why and why != measured else ""
        checks.append(Check("rollout", str(ref), passed, measured, f"{max(desired, 1)} ready", detail))
        count = restarts.get(ref, 0)
        checks.append(Check("restarts", str(ref), count == 0, str(count), "0"))
        if "EndpointSlice" in now.inventory.objects:
            names = [service["metadata"]["name"] for service in now.services.get(ref, ())]
            counts = {name: now.ready_addresses.get(name, 0) for name in names}
            checks += [
                Check("endpoints", f"Service {name}", there > 0, str(there), "at least 1")
                for name, there in counts.items()
            ]
    checks += [
        Check("endpoints", str(ref), False, "selects no Pods", "at least 1")
        for ref in sorted(where.around)
        if ref.kind == "Service" and ref in now.selected and not now.selected[ref] and not _served(now, ref)
    ]
    return checks


def _served(now: View, service: ObjectRef) -> bool:
    """Whether Pods are behind a Service although their workload could not be read."""
    return now.unlisted((now.inventory.get(service) or {}).get("spec", {}).get("selector"))


def symptom_checks(before: Before, now: View, where: Scope, drafts: Iterable[Draft]) -> list[Check]:
    """The report's own symptom must be gone, one dependency hop around what it names included.

    What else was broken, and was not touched, is only told. ``drafts``: what is ``present`` now.
    """
    then, current = before.grave, grave(now, drafts, where.around)
    checks = [
        Check("symptom", str(ref), False, text, "no anomaly")
        for ref, text in current.items()
        if ref in where.around or (ref in where.linked and ref in then)
    ]
    checks += [
        Check("symptom", str(ref), True, "gone", "no anomaly", text)
        for ref, text in then.items()
        if ref in where.linked and ref not in current
    ]
    checks += [
        Check("elsewhere", str(ref), True, text, "as before", "broken before, and no part of this report")
        for ref, text in current.items()
        if ref in then and ref not in where.linked
    ]
    return sorted(checks, key=lambda check: (check.name, check.subject))


def worse(before: Before, now: View, where: Scope, drafts: Iterable[Draft]) -> tuple[str, ...]:
    """What was healthy before and is not now, or is gone."""
    current = grave(_as_measured(before.evidence, now), drafts, where.around)
    lines = [f"{ref}: {current[ref]}" for ref in sorted(set(current) - set(before.grave))]
    for kind in _LASTING:
        if kind not in now.inventory.objects:
            continue
        names = {item["metadata"]["name"] for item in now.inventory.of(kind)}
        gone = [item["metadata"]["name"] for item in before.evidence.inventory.of(kind)]
        lines += [f"{kind} {name}: it is gone" for name in gone if name not in names]
    for ref, work in before.view.workloads.items():
        after = now.workloads.get(ref)
        if work.desired and after is not None and after.desired == 0 and ref not in current:
            lines.append(f"{ref}: it is scaled to 0, from {work.desired}")
    return tuple(lines)


def _as_measured(before: Evidence, now: View) -> View:
    """The reading with only those measurements that there are from before too: others compare with nothing."""
    known = {(item.target, item.port, item.path) for item in before.inventory.measurements}
    kept = tuple(item for item in now.inventory.measurements if (item.target, item.port, item.path) in known)
    return now.renewed(replace(now.inventory, measurements=kept))


def restart_counts(inventory: Inventory) -> dict[tuple[str, str], int]:
    """Restarts by Pod uid and container; an evicted or failed Pod counts as one."""
    counts: dict[tuple[str, str], int] = {}
    for pod in inventory.of("Pod"):
        uid = str(pod["metadata"].get("uid"))
        status = pod.get("status") or {}
        for item in status.get("containerStatuses") or ():
            counts[uid, item["name"]] = int(item.get("restartCount") or 0)
        if status.get("phase") == "Failed":
            counts[uid, ""] = 1
    return counts


def restarts_since(baseline: Mapping[tuple[str, str], int], view: View) -> dict[ObjectRef, int]:
    """Restarts and failures of each workload's Pods since the baseline; of Pods unknown to it, all."""
    current = restart_counts(view.inventory)
    found: dict[ObjectRef, int] = {}
    for work in view.workloads.values():
        uids = {str(pod["metadata"].get("uid")) for pod in work.pods}
        more = sum(count - baseline.get(key, 0) for key, count in current.items() if key[0] in uids)
        if more > 0:
            found[work.ref] = more
    return found


def hopeless(before: Before, now: View, where: Scope) -> str:
    """Why Pods made after the change cannot become ready by waiting; empty while they may."""
    known = {pod["metadata"].get("uid") for pod in before.evidence.inventory.of("Pod")}
    for ref in where.focus:
        work = now.workloads.get(ref)
        for pod in work.pods if work else ():
            if pod["metadata"].get("uid") in known or pod_is_over(pod) or _is_replaced(pod, ref, now):
                continue
            if reason := _stuck(pod):
                return f"{ref}: a new Pod is in {reason}"
    return ""


def _is_replaced(pod: Manifest, ref: ObjectRef, now: View) -> bool:
    """Whether a Pod is of an earlier revision of its Deployment: it goes, whatever it is in."""
    uid = str(now.workloads[ref].manifest["metadata"].get("uid"))
    sets = [item for item in now.revisions.get(uid, ()) if item["kind"] == "ReplicaSet"]
    newest = max(sets, key=_revision, default=None)
    return any(item is not newest and owned_by(pod, item) for item in sets)


def _revision(item: Manifest) -> int:
    number = (item["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(number) if number.isdecimal() else 0


def may_come_up(now: View, where: Scope) -> bool:
    """Whether some Pod in focus is on its way: starting, or running and waiting for its probe."""
    pods = [
        pod for ref in where.focus if ref in now.workloads for pod in now.workloads[ref].pods if not pod_is_over(pod)
    ]
    return any(not pod_is_ready(pod) and not _stuck(pod) for pod in pods)


def unchanged(before: Before, now: View) -> bool:
    """Whether nothing that was to be changed differs from before (its spec and data; a Pod by its uid)."""
    for ref in before.touched:
        old, new = before.evidence.inventory.get(ref), now.inventory.get(ref)
        if (old is None) != (new is None):
            return False
        if old is not None and new is not None and _content(old) != _content(new):
            return False
    return True


def _content(item: Manifest) -> tuple[object, ...]:
    return (item["metadata"].get("uid"), item.get("spec"), item.get("data"), item["metadata"].get("generation"))


def _stuck(pod: Manifest) -> str:
    status = pod.get("status") or {}
    for item in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        reason = ((item.get("state") or {}).get("waiting") or {}).get("reason", "")
        if reason in _CANNOT_START:
            return str(reason)
    return ""
