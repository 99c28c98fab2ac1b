"""HorizontalPodAutoscalers: they look every 15 seconds at what Pods use and change how many there are."""

from __future__ import annotations

from typing import Any

from ..api.managers import after_update
from ..api.quantity import canonical, value_of
from ..api.schema import compiled
from ..api.selectors import selects
from ..nodes import usage
from .pods import condition, with_condition
from .recommend import Memory, Wish, replicas_for, settle
from .world import World, seconds_since

Object = dict[str, Any]

_COMPONENT = "horizontal-pod-autoscaler"
_EVERY = 15.0
_WARMING_UP = 300.0  # seconds in which the CPU use of a young Pod counts only once it is ready
_FIRST_READY = 30.0
_SCALABLE = ("Deployment", "ReplicaSet", "StatefulSet")
_NO_API = {
    "Pods": ("FailedGetPodsMetric", "unable to get metric {0}: unable to fetch metrics from custom metrics API: no "
             "custom metrics API (custom.metrics.k8s.io) registered", "pods"),
    "Object": ("FailedGetObjectMetric", "unable to get metric {0}: {1} on {2} {3}/unable to fetch metrics from custom "
               "metrics API: no custom metrics API (custom.metrics.k8s.io) registered", "object"),
    "External": ("FailedGetExternalMetric", "unable to get external metric {1}/{0}/nil: unable to fetch metrics from "
                 "external metrics API: no external metrics API (external.metrics.k8s.io) registered", "external"),
}  # fmt: skip


class Unmeasured(Exception):
    """A metric cannot be had; ``reason`` is the condition's, ``what`` the kind of value that was wanted."""

    def __init__(self, reason: str, message: str, what: str) -> None:
        super().__init__(message)
        self.reason, self.what = reason, what


def reconcile(world: World, namespace: str, name: str) -> None:
    item = world.store.get("HorizontalPodAutoscaler", namespace, name)
    if item is None:
        return
    now = world.clock.elapsed
    memory = world.autoscalers.setdefault(item["metadata"]["uid"], Memory(now + _EVERY))
    if now + 1e-6 < memory.due:
        world.wake_after(memory.due - now, "autoscaler", namespace, name)
        return
    memory.due = now + _EVERY
    world.wake_after(_EVERY, "autoscaler", namespace, name)
    _look(world, item, memory)


def _look(world: World, item: Object, memory: Memory) -> None:
    spec, ref = item["spec"], item["spec"]["scaleTargetRef"]
    status: Object = {"desiredReplicas": 0, **(item.get("status") or {})}
    status.setdefault("currentMetrics", None)
    target = _target(world, item)
    if target is None:
        plural = f"{ref['kind'].lower()}s"
        group = ref.get("apiVersion", "").rpartition("/")[0]
        why = f'{plural}.{group} "{ref["name"]}" not found' if group else f'{plural} "{ref["name"]}" not found'
        world.recorder.event(item, "Warning", "FailedGetScale", why, _COMPONENT)
        text = f"the HPA controller was unable to get the target's current scale: {why}"
        _write(world, item, _with(world, status, "AbleToScale", False, "FailedGetScale", text))
        return
    current = target["spec"].get("replicas", 1)
    got = "the HPA controller was able to get the target's current scale"
    status = _with(world, status, "AbleToScale", True, "SucceededGetScale", got)
    if not memory.recommended:
        memory.recommended.append((world.clock.elapsed, current))
    low, high = spec.get("minReplicas", 1), spec["maxReplicas"]
    if current == 0 and low != 0:
        text = "scaling is disabled since the replica count of the target is zero"
        _write(world, item, _done(_with(world, status, "ScalingActive", False, "ScalingDisabled", text), current, 0))
    elif current > high:
        _rescale(world, item, memory, target, status, high, "Current number of replicas above Spec.MaxReplicas")
    elif current < low:
        _rescale(world, item, memory, target, status, low, "Current number of replicas below Spec.MinReplicas")
    else:
        _by_metrics(world, item, memory, target, status)


def _by_metrics(world: World, item: Object, memory: Memory, target: Object, status: Object) -> None:
    current = target["spec"].get("replicas", 1)
    wanted, cause, measured = -1, "", []
    failures: list[Unmeasured] = []
    metrics = item["spec"].get("metrics") or []
    for metric in metrics:
        try:
            replicas, shown, named = _measure(world, item, target, metric, current)
        except Unmeasured as error:
            failures.append(error)
            world.recorder.event(item, "Warning", error.reason, str(error), _COMPONENT)
            measured.append({"type": ""})
            continue
        measured.append(shown)
        if replicas > wanted:
            wanted, cause = replicas, named
    if failures and (wanted < 0 or wanted < current):
        first = failures[0]
        text = f"invalid metrics ({len(failures)} invalid out of {len(metrics)}), first error is: "
        text += f"failed to get {first.what} metric value: {first}"
        world.recorder.event(item, "Warning", "FailedComputeMetricsReplicas", text, _COMPONENT)
        why = f"the HPA was unable to compute the replica count: {first}"
        status = _with(world, status, "ScalingActive", False, first.reason, why)
        _write(world, item, {**status, "currentReplicas": current, "currentMetrics": measured})
        return
    found = f"the HPA was able to successfully calculate a replica count from {cause}"
    status = _with(world, status, "ScalingActive", True, "ValidMetricFound", found)
    status["currentMetrics"] = measured
    wish: Wish = settle(item["spec"], memory, world.clock.elapsed, current, wanted)
    status = _with(world, status, "AbleToScale", True, *wish.able)
    status = _with(world, status, "ScalingLimited", wish.limited[0] != "DesiredWithinRange", *wish.limited)
    reason = f"{cause} above target" if wish.replicas > current else "All metrics below target"
    _rescale(world, item, memory, target, status, wish.replicas, reason)


def _rescale(
    world: World, item: Object, memory: Memory, target: Object, status: Object, replicas: int, reason: str
) -> None:
    current = target["spec"].get("replicas", 1)
    if replicas != current:
        _set_scale(world, target, replicas)
        memory.scaled = [entry for entry in memory.scaled if entry[0] > world.clock.elapsed - 3600.0]
        memory.scaled.append((world.clock.elapsed, replicas - current))
        text = f"New size: {replicas}; reason: {reason}"
        world.recorder.event(item, "Normal", "SuccessfulRescale", text, _COMPONENT)
        done = f"the HPA controller was able to update the target scale to {replicas}"
        status = _with(world, status, "AbleToScale", True, "SucceededRescale", done)
        status["lastScaleTime"] = world.clock.stamp()
    _write(world, item, _done(status, current, replicas))


def _set_scale(world: World, target: Object, replicas: int) -> None:
    """As a write of the scale subresource."""
    new = {**target, "spec": {**target["spec"], "replicas": replicas}}
    group, _, version = target["apiVersion"].rpartition("/")
    node = compiled(group, version, target["kind"])
    manager, stamp = "kube-controller-manager", world.clock.stamp()
    fields = after_update(node, target, new, manager, stamp, target["apiVersion"], "scale")
    world.store.update({**new, "metadata": {**target["metadata"], "managedFields": fields}})


def _target(world: World, item: Object) -> Object | None:
    ref = item["spec"]["scaleTargetRef"]
    if ref["kind"] not in _SCALABLE:
        return None
    return world.store.get(ref["kind"], item["metadata"]["namespace"], ref["name"])


def _measure(world: World, item: Object, target: Object, metric: Object, current: int) -> tuple[int, Object, str]:
    """(replicas, what the status shows, what it is called). Raises Unmeasured."""
    kind = metric["type"]
    if kind in _NO_API:
        reason, text, field = _NO_API[kind]
        part = metric[field]
        about = part.get("describedObject") or {}
        space = item["metadata"]["namespace"]
        text = text.format(part["metric"]["name"], space, about.get("kind", ""), about.get("name", ""))
        raise Unmeasured(reason, text, f"{part['metric']['name']} {kind.lower()} metric")
    inside = kind == "ContainerResource"
    part = metric["containerResource" if inside else "resource"]
    return _of_resource(world, target, part, part.get("container", ""), current, inside)


def _of_resource(
    world: World, target: Object, part: Object, container: str, current: int, inside: bool
) -> tuple[int, Object, str]:
    name, wanted = part["name"], part["target"]
    by_share = wanted["type"] == "Utilization"
    reason = "FailedGetContainerResourceMetric" if inside else "FailedGetResourceMetric"
    what = f"{name} container resource" if inside else f"{name} resource"
    failed = f"failed to get {name} utilization: " if by_share else f"failed to get {name} usage: "
    space = target["metadata"]["namespace"]
    pods = [
        pod
        for pod in world.store.list("Pod", space)
        if selects(target["spec"].get("selector"), pod["metadata"].get("labels") or {})
    ]
    used = _used(world, space, name, container)
    names = {pod["metadata"]["name"] for pod in pods}
    counted = {pod: amount for pod, amount in used.items() if pod in names}
    if not counted:
        text = f"unable to get metrics for resource {name}: no metrics returned from resource metrics API"
        raise Unmeasured(reason, failed + text, what)
    ready, unready, missing = _grouped(world, pods, counted, name)
    if by_share:
        per_pod = {pod["metadata"]["name"]: _requested(pod, name, container, reason, failed, what) for pod in pods}
        share = wanted["averageUtilization"] / 100
    else:
        per_pod = dict.fromkeys((pod["metadata"]["name"] for pod in pods), float(value_of(str(wanted["averageValue"]))))
        share = 1.0
    if not ready:
        text = "did not receive metrics for targeted pods (pods might be unready)"
        raise Unmeasured(reason, failed + text, what)
    replicas = replicas_for(ready, per_pod, share, current, unready, missing)
    average = sum(ready.values()) / len(ready)
    shown: Object = {"averageValue": _shown(average, name)}
    if by_share:
        shown["averageUtilization"] = int(sum(ready.values()) * 100 / sum(per_pod[pod] for pod in ready))
    field, kind = ("containerResource", "ContainerResource") if inside else ("resource", "Resource")
    body: Object = {"name": name, "current": shown, **({"container": container} if inside else {})}
    return replicas, {"type": kind, field: body}, f"{what} utilization (percentage of request)" if by_share else what


def _used(world: World, space: str, name: str, container: str) -> dict[str, float]:
    """Pod -> cores or bytes, as metrics-server would tell."""
    found: dict[str, float] = {}
    for (pod, part), (cores, size) in usage.of_namespace(world, world.machines.heard(), space).items():
        if not container or part == container:
            found[pod] = found.get(pod, 0.0) + (cores if name == "cpu" else size)
    return found


def _grouped(
    world: World, pods: list[Object], used: dict[str, float], name: str
) -> tuple[dict[str, float], list[str], list[str]]:
    """The use of Pods that count, those that are not ready for counting, those of which nothing is known."""
    ready: dict[str, float] = {}
    unready, missing = [], []
    for pod in pods:
        pod_name, status = pod["metadata"]["name"], pod.get("status", {})
        if "deletionTimestamp" in pod["metadata"] or status.get("phase") == "Failed":
            continue
        if status.get("phase") == "Pending":
            unready.append(pod_name)
        elif pod_name not in used:
            missing.append(pod_name)
        elif name == "cpu" and _too_young(world, pod):
            unready.append(pod_name)
        else:
            ready[pod_name] = used[pod_name]
    return ready, unready, missing


def _too_young(world: World, pod: Object) -> bool:
    """Start-up costs say nothing of the load."""
    found, start = condition(pod, "Ready"), pod["status"].get("startTime")
    if found is None or not start:
        return True
    if seconds_since(world, start) < _WARMING_UP:
        return bool(found["status"] == "False") or seconds_since(world, found["lastTransitionTime"]) < _EVERY
    late = seconds_since(world, start) - seconds_since(world, found["lastTransitionTime"])
    return bool(found["status"] == "False") and late < _FIRST_READY


def _requested(pod: Object, name: str, container: str, reason: str, failed: str, what: str) -> float:
    total = 0.0
    for part in pod["spec"]["containers"]:
        if container and part["name"] != container:
            continue
        amount = ((part.get("resources") or {}).get("requests") or {}).get(name)
        if amount is None:
            text = f"missing request for {name} in container {part['name']} of Pod {pod['metadata']['name']}"
            raise Unmeasured(reason, failed + text, what)
        total += float(value_of(str(amount)))
    return total


def _shown(amount: float, name: str) -> str:
    if name == "cpu":
        return canonical(f"{int(amount * 1000)}m")
    return str(int(amount))


def _with(world: World, status: Object, kind: str, good: bool, reason: str, message: str) -> Object:
    new = {"type": kind, "status": str(good), "reason": reason, "message": message}
    return {**status, "conditions": with_condition(status.get("conditions") or [], new, world.clock.stamp())}


def _done(status: Object, current: int, desired: int) -> Object:
    return {**status, "currentReplicas": current, "desiredReplicas": desired}


def _write(world: World, item: Object, status: Object) -> None:
    live = world.store.get("HorizontalPodAutoscaler", item["metadata"]["namespace"], item["metadata"]["name"])
    if live is not None:
        world.put_status(live, status)
