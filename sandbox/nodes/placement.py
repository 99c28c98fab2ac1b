"""Which node takes a Pod, and in whose words it is refused."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..api.quantity import value_of
from ..controllers.affinity import any_term_holds
from ..controllers.pods import condition, resource_sum, with_condition
from ..controllers.world import World
from .late_binding import choose_node, claims_of, why_no_volume

Object = dict[str, Any]

_COMPONENT = "default-scheduler"
_CLAIMS = ("pod has unbound", "persistentvolumeclaim ")
_SYSTEM = "kube-system"
_SPARE = (
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/unschedulable",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/pid-pressure",
)


def why_not(spec: Object, node: Object, *, daemon: bool = False) -> str:
    """Why the node cannot take such a Pod, resources apart; empty when it can."""
    taints = list(node["spec"].get("taints") or ())
    if node["spec"].get("unschedulable"):
        if not daemon and not _tolerates(spec, {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}):
            return "node(s) were unschedulable"
        taints = [taint for taint in taints if taint["key"] != "node.kubernetes.io/unschedulable"]
    for taint in taints:
        if taint["effect"] == "PreferNoSchedule" or (daemon and taint["key"] in _SPARE) or _tolerates(spec, taint):
            continue
        return "node(s) had untolerated taint(s)"
    labels = node["metadata"].get("labels", {})
    if not (spec.get("nodeSelector") or {}).items() <= labels.items() or not _affine(spec, labels):
        return "node(s) didn't match Pod's node affinity/selector"
    return ""


def schedule(world: World, namespace: str, name: str) -> None:
    """Binds a Pod to the node with the most room, or says why not."""
    pod = world.store.get("Pod", namespace, name)
    if pod is None or pod["spec"].get("nodeName") or "deletionTimestamp" in pod["metadata"]:
        return
    if pod["spec"].get("schedulerName", _COMPONENT) != _COMPONENT:
        return  # somebody else's to bind
    claims, problem = claims_of(world, pod)
    nodes = world.store.list("Node")
    reasons: Counter[str] = Counter()
    fitting: list[tuple[float, str]] = []
    loads, of_users = _loads(world)
    scored = loads if namespace == _SYSTEM else of_users
    for node in nodes:
        reason = problem or why_not(pod["spec"], node) or _too_small(pod["spec"], node, loads)
        reason = reason or (why_no_volume(world, claims, node) if claims else "")
        if reason:
            reasons[reason] += 1
        else:
            fitting.append((_fullness(node, scored), node["metadata"]["name"]))
    if fitting:
        chosen = min(fitting)[1]
        if not choose_node(world, claims, chosen):  # else it is bound when its volumes are there
            _bind(world, pod, chosen)
    else:
        _refuse(world, pod, len(nodes), reasons)


def _bind(world: World, pod: Object, node: str) -> None:
    bound = world.store.update({**pod, "metadata": dict(pod["metadata"]), "spec": {**pod["spec"], "nodeName": node}})
    text = f"Successfully assigned {pod['metadata']['namespace']}/{pod['metadata']['name']} to {node}"
    world.recorder.event(bound, "Normal", "Scheduled", text, _COMPONENT, action="Binding")


def _refuse(world: World, pod: Object, nodes: int, reasons: Counter[str]) -> None:
    if not nodes:
        text = "no nodes available to schedule pods"
    else:
        listed = ", ".join(
            f"{count} {reason}" for reason, count in sorted(reasons.items(), key=lambda item: f"{item[1]} {item[0]}")
        )
        claim = next((reason for reason in reasons if reason.startswith(_CLAIMS)), "")
        room = sum(count for reason, count in reasons.items() if reason.startswith("Insufficient"))
        rest = [f"{room} No preemption victims found for incoming pod"] if room else []
        rest += [f"{nodes - room} Preemption is not helpful for scheduling"] if nodes - room else []
        text = f"0/{nodes} nodes are available: {listed}. no new claims to deallocate, preemption: "
        text += f"0/{nodes} nodes are available: {', '.join(rest)}."
        if claim:  # found before any node is looked at: there is nothing to preempt, and this is how it is told
            text = f"0/{nodes} nodes are available: {claim}. not found"
    now = world.clock.stamp()
    status = pod.get("status", {})
    new = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": text}
    old = condition(pod, "PodScheduled")
    if old is None or old.get("message") != text:
        pod = world.put_status(pod, {**status, "conditions": with_condition(status.get("conditions", []), new, now)})
    world.recorder.event(pod, "Warning", "FailedScheduling", text, _COMPONENT, action="Scheduling")
    world.wake_after(300.0, "scheduler", pod["metadata"]["namespace"], pod["metadata"]["name"])


_Loads = dict[str, tuple[float, float, int]]


def _loads(world: World) -> tuple[_Loads, _Loads]:
    """node -> (cores, bytes, Pods) that are promised there: by all Pods, and without the cluster's own. Those lie
    where the cluster's makers put them, so that they say nothing about which node is the emptier for users."""
    everything: _Loads = {}
    of_users: _Loads = {}
    for pod in world.store.list("Pod"):
        node = pod["spec"].get("nodeName")
        if node and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
            cores, memory = (
                resource_sum(pod["spec"], "requests", "cpu"),
                resource_sum(pod["spec"], "requests", "memory"),
            )
            for loads in (everything, of_users) if pod["metadata"]["namespace"] != _SYSTEM else (everything,):
                before = loads.get(node, (0.0, 0.0, 0))
                loads[node] = (before[0] + cores, before[1] + memory, before[2] + 1)
    return everything, of_users


def _too_small(spec: Object, node: Object, loads: dict[str, tuple[float, float, int]]) -> str:
    cores, memory, count = loads.get(node["metadata"]["name"], (0.0, 0.0, 0))
    room = node["status"]["allocatable"]
    if resource_sum(spec, "requests", "cpu") + cores > float(value_of(str(room["cpu"]))):
        return "Insufficient cpu"
    if resource_sum(spec, "requests", "memory") + memory > float(value_of(str(room["memory"]))):
        return "Insufficient memory"
    return "Too many pods" if count >= int(room.get("pods", 110)) else ""


def _fullness(node: Object, loads: dict[str, tuple[float, float, int]]) -> float:
    cores, memory, count = loads.get(node["metadata"]["name"], (0.0, 0.0, 0))
    room = node["status"]["allocatable"]
    return cores / float(value_of(str(room["cpu"]))) + memory / float(value_of(str(room["memory"]))) + count / 1000


def _tolerates(spec: Object, taint: Object) -> bool:
    return any(tolerates(item, taint) for item in spec.get("tolerations") or ())


def tolerates(toleration: Object, taint: Object) -> bool:
    """Whether one toleration covers one taint."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return bool(toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""))


def _affine(spec: Object, labels: dict[str, str]) -> bool:
    wanted = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    return not wanted or any_term_holds(wanted["nodeSelectorTerms"], labels)
