"""ReplicaSets: as many Pods as asked for."""

from __future__ import annotations

from typing import Any

from .pods import Refused, condition, create_pod, is_active, is_available, is_ready, owned, try_again, with_condition
from .world import World

Object = dict[str, Any]

_COMPONENT = "replicaset-controller"


def reconcile(world: World, namespace: str, name: str) -> None:
    item = world.store.get("ReplicaSet", namespace, name)
    if item is None or "deletionTimestamp" in item["metadata"]:
        return
    pods = [pod for pod in owned(world, "Pod", item) if is_active(pod)]
    wanted = item["spec"].get("replicas", 1)
    failure: Refused | None = None
    for _ in range(wanted - len(pods)):
        try:
            pod = create_pod(world, item, item["spec"]["template"])
        except Refused as refused:
            failure = refused
            world.recorder.event(item, "Warning", "FailedCreate", f"Error creating: {refused}", _COMPONENT)
            try_again(world, "replicaset", item)
            break
        pods.append(pod)
        world.recorder.event(item, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}", _COMPONENT)
    surplus = max(0, len(pods) - wanted)
    for pod in sorted(pods, key=_worth)[:surplus] if surplus else ():  # ranking thousands at each look takes long
        pods.remove(pod)
        world.store.delete("Pod", namespace, pod["metadata"]["name"])
        world.recorder.event(item, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}", _COMPONENT)
    _write_status(world, item, pods, failure)


def _worth(pod: Object) -> tuple[bool, bool, bool, int, int]:
    """What goes first when there are too many: unassigned, not ready, restarted often, young."""
    restarts = sum(item.get("restartCount", 0) for item in pod["status"].get("containerStatuses", ()))
    age = -int(pod["metadata"]["creationTimestamp"].translate(_DIGITS))
    return (bool(pod["spec"].get("nodeName")), pod["status"].get("phase") != "Pending", is_ready(pod), -restarts, age)


_DIGITS = {ord(char): None for char in "-:TZ"}


def _write_status(world: World, item: Object, pods: list[Object], failure: Refused | None) -> None:
    live = world.store.get("ReplicaSet", item["metadata"]["namespace"], item["metadata"]["name"])
    if live is None:
        return
    min_ready = item["spec"].get("minReadySeconds", 0)
    ready = [pod for pod in pods if is_ready(pod)]
    available = [pod for pod in ready if is_available(world, pod, min_ready)]
    if len(available) < len(ready):
        world.wake_after(float(min_ready), "replicaset", item["metadata"]["namespace"], item["metadata"]["name"])
    status: Object = {"replicas": len(pods), "observedGeneration": live["metadata"].get("generation", 1)}
    for key, value in (
        ("fullyLabeledReplicas", len(pods)),
        ("readyReplicas", len(ready)),
        ("availableReplicas", len(available)),
    ):
        if value:
            status[key] = value
    if failure is not None:
        # Each refusal names another Pod; the condition keeps the first one's words, as the real one does.
        new = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": str(failure)}
        kept = condition(live, "ReplicaFailure")
        status["conditions"] = [kept] if kept else with_condition([], new, world.clock.stamp())
    world.put_status(live, status)
