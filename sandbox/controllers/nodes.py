"""The node lifecycle controller: Nodes that are no longer heard of, taints by condition, and Pods that can no
longer be counted on. In the words of the real controller, measured on Kubernetes 1.34."""

from __future__ import annotations

from typing import Any

from .pods import condition, is_active, with_condition
from .world import World

Object = dict[str, Any]

GRACE = 50.0
"""Seconds without a sign of life until a Node counts as lost (node-monitor-grace-period's default)."""
_LOOKS_EVERY = 5.0
_COMPONENT = "node-controller"
_UNREACHABLE = "node.kubernetes.io/unreachable"
_NOT_READY = "node.kubernetes.io/not-ready"
_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
_PRESSURES = {
    "MemoryPressure": "node.kubernetes.io/memory-pressure",
    "DiskPressure": "node.kubernetes.io/disk-pressure",
    "PIDPressure": "node.kubernetes.io/pid-pressure",
    "NetworkUnavailable": "node.kubernetes.io/network-unavailable",
}
_OURS = frozenset({_UNREACHABLE, _NOT_READY, _UNSCHEDULABLE, *_PRESSURES.values()})
_SMALL_CLUSTER = 50
_DISRUPTED = 0.55


def reconcile(world: World, _: str, name: str) -> None:
    node = world.store.get("Node", "", name)
    if node is None:
        return
    machines = world.machines
    if not machines.reports(name):
        due = _next_look(machines.last_heard(name) + GRACE)
        if world.clock.elapsed < due:
            world.wake_after(due - world.clock.elapsed, "nodes", "", name)
        elif _ready(node) != "Unknown":
            node = _lose(world, node)
    _taint(world, node)


def _next_look(seconds: float) -> float:
    """The controller looks every few seconds, not at the very moment."""
    return -(-seconds // _LOOKS_EVERY) * _LOOKS_EVERY


def _ready(node: Object) -> str:
    found = condition(node, "Ready")
    return str(found["status"]) if found else ""


def _lose(world: World, node: Object) -> Object:
    """Nobody knows any more how the Node is, nor its Pods: they stop getting requests."""
    name, now = node["metadata"]["name"], world.clock.stamp()
    status = node["status"]
    conditions: list[Object] = status.get("conditions") or []
    for old in conditions:
        lost = {
            "status": "Unknown",
            "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
        }
        conditions = with_condition(conditions, {**old, **lost}, now)
    node = world.put_status(node, {**status, "conditions": conditions})
    say(world, node, "NodeNotReady", f"Node {name} status is now: NodeNotReady")
    for pod in world.store.list("Pod"):
        if pod["spec"].get("nodeName") == name and is_active(pod):
            _doubt(world, pod)
    return node


def _doubt(world: World, pod: Object) -> None:
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return
    new = {**found, "status": "False"}
    conditions = with_condition(pod["status"]["conditions"], new, world.clock.stamp())
    world.put_status(pod, {**pod["status"], "conditions": conditions}, "kube-controller-manager")
    world.recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready", _COMPONENT)


def say(world: World, node: Object, reason: str, message: str) -> None:
    """An event about a Node, as controllers write it: without a version."""
    meta = {key: node["metadata"][key] for key in ("name", "uid")}
    world.recorder.event({**node, "metadata": meta}, "Normal", reason, message, _COMPONENT)


def _taint(world: World, node: Object) -> None:
    """Makes the taints say what the conditions say. Those that evict wait for the next look, and are not put on
    where a great part of the cluster is lost: then it is rather the network that failed."""
    ready, now = _ready(node), world.clock.stamp()
    lost = {"Unknown": _UNREACHABLE, "False": _NOT_READY}.get(ready)
    keys = [lost] if lost else []
    keys += [_PRESSURES[kind] for kind in _PRESSURES if _is_true(node, kind)]
    if node["spec"].get("unschedulable"):
        keys.append(_UNSCHEDULABLE)
    wanted = [(key, "NoSchedule") for key in keys]
    if lost and not _much_is_lost(world):
        wanted.append((lost, "NoExecute"))
    taints: list[Object] = node["spec"].get("taints") or []
    kept = [
        taint
        for taint in taints
        if taint["key"] not in _OURS or (taint["key"], taint["effect"]) in wanted or _by_hand(taint)
    ]
    there = {(taint["key"], taint["effect"]) for taint in kept}
    kept += [{"key": key, "effect": effect, "timeAdded": now} for key, effect in wanted if (key, effect) not in there]
    if kept == taints:
        return
    spec = {key: value for key, value in node["spec"].items() if key != "taints"}
    if kept:
        spec["taints"] = kept
    world.store.update({**node, "metadata": dict(node["metadata"]), "spec": spec})


def _by_hand(taint: Object) -> bool:
    """Effects that the controller never uses are somebody else's."""
    return taint["effect"] == "PreferNoSchedule" or (
        taint["effect"] == "NoExecute" and taint["key"] not in (_UNREACHABLE, _NOT_READY)
    )


def _is_true(node: Object, kind: str) -> bool:
    found = condition(node, kind)
    return found is not None and found["status"] == "True"


def _much_is_lost(world: World) -> bool:
    nodes = world.store.list("Node")
    lost = sum(_ready(node) in ("Unknown", "False") for node in nodes)
    if lost == len(nodes):
        return True
    return lost > 2 and lost / len(nodes) >= _DISRUPTED and len(nodes) <= _SMALL_CLUSTER
