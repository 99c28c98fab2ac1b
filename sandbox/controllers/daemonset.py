"""DaemonSets: one Pod on every node that takes it."""

from __future__ import annotations

import math
from typing import Any

from ..nodes.placement import why_not
from .pods import Refused, create_pod, is_active, is_available, is_ready, owned, try_again
from .statefulset import REVISION_LABEL, ensure_revision
from .world import World

Object = dict[str, Any]

_COMPONENT = "daemonset-controller"
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def reconcile(world: World, namespace: str, name: str) -> None:
    item = world.store.get("DaemonSet", namespace, name)
    if item is None or "deletionTimestamp" in item["metadata"]:
        return
    revision = ensure_revision(world, item).rsplit("-", 1)[1]
    nodes = [
        node for node in world.store.list("Node") if not why_not(item["spec"]["template"]["spec"], node, daemon=True)
    ]
    names = {node["metadata"]["name"] for node in nodes}
    pods = [pod for pod in owned(world, "Pod", item) if is_active(pod)]
    for pod in pods:
        if pod["spec"].get("nodeName") not in names:
            world.store.delete("Pod", namespace, pod["metadata"]["name"])
    generation = item["metadata"].get("annotations", {}).get(_TEMPLATE_GENERATION, "1")
    for node in sorted(names - {pod["spec"].get("nodeName") for pod in owned(world, "Pod", item)}):
        try:
            pod = create_pod(
                world,
                item,
                item["spec"]["template"],
                labels={REVISION_LABEL: revision, "pod-template-generation": generation},
                node=node,
            )
        except Refused as refused:
            world.recorder.event(item, "Warning", "FailedCreate", f"Error creating: {refused}", _COMPONENT)
            try_again(world, "daemonset", item)
            break
        world.recorder.event(item, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}", _COMPONENT)
    _replace_old(world, item, pods, len(names), revision)
    _write_status(world, item, names, revision)


def _replace_old(world: World, item: Object, pods: list[Object], wanted: int, revision: str) -> None:
    """Deletes Pods of earlier templates, as many at once as may be unavailable; those that are down cost nothing."""
    strategy = item["spec"].get("updateStrategy", {})
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return
    least = item["spec"].get("minReadySeconds", 0)
    old = [pod for pod in pods if pod["metadata"]["labels"].get(REVISION_LABEL) != revision]
    down = [pod for pod in old if not is_ready(pod)]
    allowed = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1)
    allowed = allowed if isinstance(allowed, int) else math.ceil(int(allowed.rstrip("%")) * wanted / 100)
    missing = sum(not is_available(world, pod, least) for pod in pods) + wanted - len(pods)
    spare = max(0, max(1, allowed) - missing)
    for pod in down or old[:spare]:
        world.store.delete("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"])


def _write_status(world: World, item: Object, names: set[str], revision: str) -> None:
    live = world.store.get("DaemonSet", item["metadata"]["namespace"], item["metadata"]["name"])
    if live is None:
        return
    pods = [pod for pod in owned(world, "Pod", live) if is_active(pod)]
    ready = sum(is_ready(pod) for pod in pods)
    least = live["spec"].get("minReadySeconds", 0)
    available = sum(is_available(world, pod, least) for pod in pods)
    if available < ready:
        world.wake_after(float(least), "daemonset", live["metadata"]["namespace"], live["metadata"]["name"])
    status: Object = {
        "currentNumberScheduled": len(pods),
        "numberMisscheduled": 0,
        "desiredNumberScheduled": len(names),
        "numberReady": ready,
        "observedGeneration": live["metadata"].get("generation", 1),
    }
    updated = sum(pod["metadata"]["labels"].get(REVISION_LABEL) == revision for pod in pods)
    for key, value in (
        ("updatedNumberScheduled", updated),
        ("numberAvailable", available),
        ("numberUnavailable", len(names) - available),
    ):
        if value:
            status[key] = value
    world.put_status(live, status)
