# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What counts as ready, by kind: one table of predicates."""

from __future__ import annotations

from collections.abc import Callable

from .evidence import Manifest


def unready(manifest: Manifest) -> str:
    """Why an object is not as it is wanted; empty when it is, or when its kind has no such notion."""
    predicate = READY.get(manifest.get("kind", ""))
    return predicate(manifest) if predicate else ""


def _observed(manifest: Manifest) -> str:
    generation = manifest["metadata"].get("generation")
    observed = (manifest.get("status") or {}).get("observedGeneration")
    return "its controller has not seen the change yet" if generation and observed and observed < generation else ""


def _condition(manifest: Manifest, name: str) -> str:
    for item in (manifest.get("status") or {}).get("conditions") or ():
        if item.get("type") == name:
            return str(item.get("status"))
    return ""


def _deployment(manifest: Manifest) -> str:
    desired, status = int(manifest["spec"].get("replicas", 1)), manifest.get("status") or {}
    updated, ready, total = (int(status.get(key) or 0) for key in ("updatedReplicas", "readyReplicas", "replicas"))
    if why := _observed(manifest):
        return why
    if desired == 0:
        return "it is scaled to 0"
    if manifest["spec"].get("paused") and updated < desired:
        return "its rollout is paused"
    if updated < desired:
        return f"{updated} of {desired} Pods updated"
    if total > updated:
        return f"{total - updated} old Pods still there"
    return f"{ready} of {desired} Pods ready" if ready < desired else ""


def _stateful_set(manifest: Manifest) -> str:
    desired, status = int(manifest["spec"].get("replicas", 1)), manifest.get("status") or {}
    if why := _observed(manifest):
        return why
    if desired == 0:
        return "it is scaled to 0"
    ready = int(status.get("readyReplicas") or 0)
    if ready < desired:
        return f"{ready} of {desired} Pods ready"
    strategy = manifest["spec"].get("updateStrategy") or {}
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    current, update = status.get("currentRevision"), status.get("updateRevision")
    if strategy.get("type") == "OnDelete" or not update or current == update:
        return ""
    updated = int(status.get("updatedReplicas") or 0)
    return f"{updated} of {desired} Pods updated" if updated < desired - partition else ""


def _daemon_set(manifest: Manifest) -> str:
    status = manifest.get("status") or {}
    desired, ready = int(status.get("desiredNumberScheduled") or 0), int(status.get("numberReady") or 0)
    if why := _observed(manifest):
        return why
    if ready < desired:
        return f"{ready} of {desired} Pods ready"
    if (manifest["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
        return ""
    updated = int(status.get("updatedNumberScheduled") or 0)
    return f"{updated} of {desired} Pods updated" if updated < desired else ""


def _replica_set(manifest: Manifest) -> str:
    desired = int(manifest["spec"].get("replicas", 1))
    ready = int((manifest.get("status") or {}).get("readyReplicas") or 0)
    return f"{ready} of {desired} Pods ready" if ready < desired else ""


def _job(manifest: Manifest) -> str:
    if _condition(manifest, "Failed") == "True":
        return "it failed"
    return (
        ""
        if _condition(manifest, "Complete") == "True" or (manifest.get("status") or {}).get("active")
        else "not started"
    )


def _pod(manifest: Manifest) -> str:
    phase = (manifest.get("status") or {}).get("phase", "Pending")
    if phase == "Succeeded" or _condition(manifest, "Ready") == "True":
        return ""
    return f"{phase}, not ready"


def _claim(manifest: Manifest) -> str:
    phase = (manifest.get("status") or {}).get("phase", "Pending")
    return "" if phase == "Bound" else str(phase)


def _autoscaler(manifest: Manifest) -> str:
    for name in ("AbleToScale", "ScalingActive"):
        if _condition(manifest, name) == "False":
            return f"{name} is False"
    return ""


def _node(manifest: Manifest) -> str:
    if _condition(manifest, "Ready") != "True":
        return "not ready"
    for name in ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"):
        if _condition(manifest, name) == "True":
            return name
    return ""


READY: dict[str, Callable[[Manifest], str]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "ReplicaSet": _replica_set,
    "Job": _job,
    "Pod": _pod,
    "PersistentVolumeClaim": _claim,
    "HorizontalPodAutoscaler": _autoscaler,
    "Node": _node,
}
