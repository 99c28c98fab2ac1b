"""How far a Deployment's rollout is: its bounds, its status, its conditions, in the real controller's words."""

from __future__ import annotations

import math
from typing import Any

from ..remembered import Remembered
from .pods import with_condition
from .world import World, seconds_since

Object = dict[str, Any]


def _bounds(spec: Object) -> tuple[int, int, int]:
    replicas = spec.get("replicas", 1)
    rolling = spec.get("strategy", {}).get("rollingUpdate") or {}
    surge = _share(rolling.get("maxSurge", "25%"), replicas, math.ceil)
    missing = _share(rolling.get("maxUnavailable", "25%"), replicas, math.floor)
    if surge == 0 and missing == 0:
        missing = 1
    return replicas, surge, min(missing, replicas)


bounds = Remembered(_bounds)
"""(replicas, maxSurge, maxUnavailable) of a Deployment's spec, as whole Pods."""


def _share(value: int | str, replicas: int, rounded: Any) -> int:
    return value if isinstance(value, int) else int(rounded(int(value.rstrip("%")) * replicas / 100))


def complete(deployment: Object) -> bool:
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    return all(status.get(key, 0) == wanted for key in ("replicas", "updatedReplicas", "availableReplicas"))


def note_progress(world: World, deployment: Object, reason: str, message: str, status: str = "True") -> None:
    live = world.store.get("Deployment", deployment["metadata"]["namespace"], deployment["metadata"]["name"])
    if live is not None:
        now = world.clock.stamp()
        new = {"type": "Progressing", "status": status, "lastUpdateTime": now, "reason": reason, "message": message}
        old_status = live.get("status", {})
        conditions = at_the_end(with_condition(old_status.get("conditions", []), new, now), "Progressing")
        world.put_status(live, {**old_status, "conditions": conditions})


def write_status(world: World, deployment: Object, new: Object | None, sets: list[Object]) -> Object:
    meta, spec, before = deployment["metadata"], deployment["spec"], deployment.get("status", {})
    now = world.clock.stamp()
    counts = {
        key: sum(item.get("status", {}).get(key, 0) for item in sets)
        for key in ("replicas", "readyReplicas", "availableReplicas")
    }
    updated = new.get("status", {}).get("replicas", 0) if new else 0
    wanted, _, missing = bounds(spec)
    unavailable = max(0, sum(item["spec"]["replicas"] for item in sets) - counts["availableReplicas"])
    status: Object = {"observedGeneration": meta.get("generation", 1)}
    for key, value in (
        ("replicas", counts["replicas"]),
        ("updatedReplicas", updated),
        ("readyReplicas", counts["readyReplicas"]),
        ("availableReplicas", counts["availableReplicas"]),
        ("unavailableReplicas", unavailable),
    ):
        if value:
            status[key] = value
    conditions: list[Object] = before.get("conditions", [])
    if counts["availableReplicas"] >= wanted - missing:
        enough = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        enough = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    conditions = set_condition(conditions, "Available", *enough, now)
    conditions = _progressing(world, {**deployment, "status": status}, new, before, conditions, now)
    failure = next(
        (c for item in sets for c in item.get("status", {}).get("conditions", ()) if c["type"] == "ReplicaFailure"),
        None,
    )
    if failure:
        conditions = set_condition(conditions, "ReplicaFailure", "True", failure["reason"], failure["message"], now)
    else:
        conditions = [item for item in conditions if item["type"] != "ReplicaFailure"]
    status["conditions"] = conditions
    return world.put_status(deployment, status)


def _progressing(
    world: World, deployment: Object, new: Object | None, before: Object, conditions: list[Object], now: str
) -> list[Object]:
    spec, status = deployment["spec"], deployment["status"]
    deadline = spec.get("progressDeadlineSeconds", 600)
    current = next((item for item in conditions if item["type"] == "Progressing"), None)
    if (
        spec.get("paused")
        or new is None
        or (
            current is not None
            and current["reason"] == "NewReplicaSetAvailable"
            and current["message"].split('"')[1] == new["metadata"]["name"]
        )
    ):
        return conditions
    name = new["metadata"]["name"]
    if complete(deployment):
        return set_condition(
            conditions,
            "Progressing",
            "True",
            "NewReplicaSetAvailable",
            f'ReplicaSet "{name}" has successfully progressed.',
            now,
        )
    old_replicas = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    moved = (
        status.get("updatedReplicas", 0) > before.get("updatedReplicas", 0)
        or status.get("replicas", 0) - status.get("updatedReplicas", 0) < old_replicas
        or status.get("readyReplicas", 0) > before.get("readyReplicas", 0)
        or status.get("availableReplicas", 0) > before.get("availableReplicas", 0)
    )
    meta = deployment["metadata"]
    if moved or current is None:
        world.wake_after(deadline + 1, "deployment", meta["namespace"], meta["name"])
        text = f'ReplicaSet "{name}" is progressing.'
        return [
            {**item, "lastUpdateTime": now} if item["type"] == "Progressing" else item
            for item in set_condition(conditions, "Progressing", "True", "ReplicaSetUpdated", text, now)
        ]
    if current["status"] == "True" and seconds_since(world, current["lastUpdateTime"]) > deadline:
        return set_condition(
            conditions,
            "Progressing",
            "False",
            "ProgressDeadlineExceeded",
            f'ReplicaSet "{name}" has timed out progressing.',
            now,
        )
    if current["status"] == "True":
        rest = deadline - seconds_since(world, current["lastUpdateTime"]) + 1
        world.wake_after(rest, "deployment", meta["namespace"], meta["name"])
    return conditions


def set_condition(
    conditions: list[Object], kind: str, status: str, reason: str, message: str, now: str
) -> list[Object]:
    """Sets a condition; lastUpdateTime moves only when something of it changed."""
    old = next((item for item in conditions if item["type"] == kind), None)
    if old and (old["status"], old["reason"], old["message"]) == (status, reason, message):
        return conditions
    new = {"type": kind, "status": status, "lastUpdateTime": now, "reason": reason, "message": message}
    return at_the_end(with_condition(conditions, new, now), kind)


def at_the_end(conditions: list[Object], kind: str) -> list[Object]:
    """The Deployment controller puts the condition that it set last behind the others."""
    return sorted(conditions, key=lambda item: item["type"] == kind)
