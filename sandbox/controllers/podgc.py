"""The Pod garbage collector: Pods of Nodes that no longer exist, which no kubelet will ever end."""

from __future__ import annotations

from typing import Any

from .pods import with_disruption
from .world import World

Object = dict[str, Any]

_QUARANTINE = 40.0
_LOOKS_EVERY = 20.0


def reconcile(world: World, _: str, node: str) -> None:
    """A Node is gone, or a Pod was bound to one that is not there: removes its Pods after a while."""
    if world.store.get("Node", "", node) is not None:
        world.orphaned.pop(node, None)
        return
    pods = [pod for pod in world.store.list("Pod") if pod["spec"].get("nodeName") == node]
    if not pods:
        world.orphaned.pop(node, None)
        return
    due = world.orphaned.setdefault(node, -(-(world.clock.elapsed + _QUARANTINE) // _LOOKS_EVERY) * _LOOKS_EVERY)
    if world.clock.elapsed < due:
        world.wake_after(due - world.clock.elapsed, "podgc", "", node)
        return
    world.orphaned.pop(node)
    for pod in pods:
        _remove(world, pod)


def _remove(world: World, pod: Object) -> None:
    status = pod.get("status", {})
    conditions = with_disruption(pod, "DeletionByPodGC", "PodGC: node no longer exists", world.clock.stamp())
    phase = status.get("phase") if status.get("phase") in ("Succeeded", "Failed") else "Failed"
    pod = world.put_status(pod, {**status, "phase": phase, "conditions": conditions}, "kube-controller-manager")
    world.store.delete("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"], 0)
