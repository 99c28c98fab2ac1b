"""The taint eviction controller: Pods leave a Node whose NoExecute taints they do not tolerate, or no longer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..nodes.placement import tolerates
from .pods import with_disruption
from .world import World

Object = dict[str, Any]

_COMPONENT = "taint-eviction-controller"


def reconcile(world: World, _: str, name: str) -> None:
    """Looks at all Pods of one Node."""
    node = world.store.get("Node", "", name)
    taints = [taint for taint in (node or {}).get("spec", {}).get("taints") or () if taint.get("effect") == "NoExecute"]
    waiting = world.evictions
    if not taints and not waiting:
        return
    for pod in world.store.list("Pod"):
        uid = pod["metadata"]["uid"]
        if pod["spec"].get("nodeName") != name or "deletionTimestamp" in pod["metadata"]:
            continue
        patience = patience_with(pod["spec"].get("tolerations") or (), taints)
        if patience is None:
            if waiting.pop(uid, None) is not None:
                _say(world, pod, f"Cancelling deletion of Pod {_named(pod)}")
            continue
        due = waiting.setdefault(uid, world.clock.elapsed + patience)
        if due > world.clock.elapsed + 1e-6:
            world.wake_after(due - world.clock.elapsed, "eviction", "", name)
        else:
            del waiting[uid]
            _evict(world, pod)


def listen(world: World, _kubelet: object) -> Callable[[str, Object | None, Object | None], None]:
    """Pods that come to a Node, or lose it, for this controller and for the collector of Pods without a Node."""

    def heard(type_: str, old: Object | None, new: Object | None) -> None:
        pod = new or old
        if pod is None or pod["kind"] != "Pod":
            return
        node = pod["spec"].get("nodeName")
        if type_ == "DELETED":
            world.evictions.pop(pod["metadata"]["uid"], None)
        elif node and (old is None or not old["spec"].get("nodeName")):
            found = world.store.get("Node", "", node)
            if found is None:
                world.wake("podgc", "", node)
            elif found["spec"].get("taints"):
                world.wake("eviction", "", node)

    return heard


def patience_with(tolerations: Iterable[Object], taints: list[Object]) -> float | None:
    """Seconds that a Pod stays on a Node with these NoExecute taints; None: for good."""
    allowed: list[float] = []
    tolerations = list(tolerations)
    for taint in taints:
        fitting = [item for item in tolerations if tolerates(item, taint)]
        if not fitting:
            return 0.0
        if fitting[0].get("tolerationSeconds") is not None:
            allowed.append(max(0.0, float(fitting[0]["tolerationSeconds"])))
    return min(allowed, default=None)


def _evict(world: World, pod: Object) -> None:
    _say(world, pod, f"Marking for deletion Pod {_named(pod)}")
    status = pod.get("status", {})
    conditions = with_disruption(
        pod, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint", world.clock.stamp()
    )
    world.put_status(pod, {**status, "conditions": conditions}, "kube-controller-manager")
    world.store.delete("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"])


def _say(world: World, pod: Object, text: str) -> None:
    meta = {key: pod["metadata"][key] for key in ("name", "namespace")}  # it knows the Pod by name alone
    world.recorder.event({**pod, "metadata": meta}, "Normal", "TaintManagerEviction", text, _COMPONENT)


def _named(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
