"""Pods as controllers see them: making them, telling which are active, ready, available."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..api.admission import admit_pod
from ..api.quantity import value_of
from ..api.status import StatusError
from .world import World, seconds_since

Object = dict[str, Any]

_FIRST_WAIT, _LONGEST_WAIT = 0.005, 1000.0  # client-go's DefaultTypedControllerRateLimiter


class Refused(Exception):
    """Admission would refuse the Pod; the text is the API server's."""


def owner_of(obj: Object) -> Object | None:
    """The controlling owner reference."""
    for ref in obj["metadata"].get("ownerReferences", ()):
        if ref.get("controller"):
            found: Object = ref
            return found
    return None


def owned(world: World, kind: str, owner: Object) -> list[Object]:
    """The objects of a kind that the owner controls."""
    family = world.children.get(owner["metadata"]["uid"], {})
    return [family[key] for key in sorted([key for key in family if key[0] == kind])]


def reference(owner: Object) -> Object:
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_active(pod: Object) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and pod.get("status", {}).get("phase") not in (
        "Succeeded",
        "Failed",
    )


def condition(obj: Object, kind: str) -> Object | None:
    for item in obj.get("status", {}).get("conditions", ()):
        if item["type"] == kind:
            found: Object = item
            return found
    return None


def is_ready(pod: Object) -> bool:
    found = condition(pod, "Ready")
    return found is not None and found["status"] == "True"


def is_available(world: World, pod: Object, min_ready: int) -> bool:
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return False
    return not min_ready or seconds_since(world, found["lastTransitionTime"]) >= min_ready


def with_disruption(pod: Object, reason: str, message: str, now: str) -> list[Object]:
    """The Pod's conditions, with the one that says why a controller ends it."""
    new = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "observedGeneration": pod["metadata"].get("generation", 1),
        "reason": reason,
        "message": message,
    }
    return with_condition(pod.get("status", {}).get("conditions") or [], new, now)


def with_condition(conditions: list[Object], new: Object, now: str) -> list[Object]:
    """The conditions with this one set; lastTransitionTime moves only with the status."""
    return with_conditions(conditions, (new,), now)


def with_conditions(conditions: list[Object], several: Iterable[Object], now: str) -> list[Object]:
    """As ``with_condition``, for several of different types."""
    left = {new["type"]: new for new in several}
    made = []
    for old in conditions:
        new = left.pop(old["type"], None)
        if new is not None:
            same = old["status"] == new["status"]
            old = {**new, "lastTransitionTime": old["lastTransitionTime"] if same else now}
        made.append(old)
    return [*made, *({**new, "lastTransitionTime": now} for new in left.values())]


def create_pod(
    world: World,
    owner: Object,
    template: Object,
    name: str = "",
    *,
    labels: Object | None = None,
    node: str = "",
    prefix: str = "",
) -> Object:
    """Creates a Pod from a template. ``prefix``: what its name begins with, if not with the owner's. Raises Refused
    when admission says no."""
    meta, space = owner["metadata"], owner["metadata"]["namespace"]
    prefix = prefix or f"{meta['name']}-"
    name = name or world.store.generated_name(prefix)
    spec = {**template["spec"], **({"nodeName": node} if node else {})}
    template_meta = template.get("metadata", {})
    made: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": space,
            "labels": {**template_meta.get("labels", {}), **(labels or {})},
            "ownerReferences": [reference(owner)],
        },
        "spec": spec,
    }
    if template_meta.get("annotations"):
        made["metadata"]["annotations"] = template_meta["annotations"]
    made["metadata"]["generateName"] = prefix
    if owner["kind"] == "StatefulSet":
        made["spec"] = {**spec, "hostname": name, "subdomain": owner["spec"].get("serviceName", "")}
    try:
        pod = world.store.create(admit_pod(world.store, made))
    except StatusError as error:
        raise Refused(error.message) from None
    world.refusals.pop(meta["uid"], None)
    return pod


def try_again(
    world: World, controller: str, owner: Object, first: float = _FIRST_WAIT, longest: float = _LONGEST_WAIT
) -> None:
    """After a refusal, wakes the controller when its work queue would: ``first`` seconds later, and twice as late
    each time in a row. Nothing shortens that; least of all that there would be room meanwhile."""
    meta = owner["metadata"]
    before = world.refusals.get(meta["uid"], 0)
    world.refusals[meta["uid"]] = before + 1
    world.wake_after(min(longest, first * 2.0 ** min(before, 30)), controller, meta["namespace"], meta["name"])


def resource_sum(spec: Object, field: str, resource: str) -> float:
    """Cores, or bytes, that the Pod's containers ask for (``field``: requests or limits)."""
    total = 0.0
    for container in spec["containers"]:
        resources = container.get("resources") or {}
        value = (resources.get(field) or {}).get(resource)
        if value is None and field == "requests":
            value = (resources.get("limits") or {}).get(resource)
        total += float(value_of(str(value))) if value is not None else 0.0
    return total
