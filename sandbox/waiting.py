"""When kubernetes.core calls an object ready: the predicates behind its modules' ``wait``."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def is_ready(kind: str, obj: Object) -> bool:
    """By kind; an object of another kind is ready when it is there."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    generation = obj["metadata"].get("generation", 0)
    observed = status.get("observedGeneration", 0)
    if kind == "Deployment":
        have = status.get("replicas")
        return bool(
            status
            and spec.get("replicas") == (have or 0)
            and status.get("availableReplicas") == have
            and observed == generation
            and not status.get("unavailableReplicas")
        )
    if kind == "Pod":
        states = status.get("containerStatuses")
        return states is not None and all(state.get("ready") for state in states)
    if kind == "DaemonSet":
        wanted = status.get("desiredNumberScheduled")
        return (
            wanted is not None
            and status.get("updatedNumberScheduled", 0) == wanted
            and status.get("numberReady") == wanted
            and observed == generation
            and not status.get("unavailableReplicas")
        )
    if kind == "StatefulSet":
        wanted = spec.get("replicas")
        if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
            return observed == generation and status.get("replicas") == wanted
        return (
            observed == generation
            and status.get("updateRevision") == status.get("currentRevision")
            and status.get("updatedReplicas", 0) == wanted
            and status.get("readyReplicas", 0) == wanted
            and status.get("replicas") == wanted
        )
    return True


def condition_holds(obj: Object, wanted: Object) -> bool:
    """Whether the status has a condition of this type, status and, where asked for, reason."""
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition.get("type") == wanted["type"]:
            status = str(wanted.get("status", True)).capitalize()
            reason = wanted.get("reason")
            return condition.get("status") == status and (not reason or condition.get("reason") == reason)
    return False
