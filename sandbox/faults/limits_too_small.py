"""Memory or CPU limits far below what the program needs: it is killed, or too slow to start and to answer."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from .fault import TEMPLATE_VARIANTS, Damage, Fault
from .scene import Scene, Victim

_NEEDED_BESIDES = 14  # MB that a process takes before its working set


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        if not victim.literal("WORKING_SET_MB").isdecimal():
            continue
        return _starved(victim, rng)
    return None


def _starved(victim: Victim, rng: random.Random) -> Damage:
    need = int(victim.literal("WORKING_SET_MB")) + _NEEDED_BESIDES
    resources = victim.container.get("resources") or {}
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    wrong = {"memory": _little_memory(need, rng)}
    if rng.random() < 0.5:
        wrong["cpu"] = f"{rng.randint(1, 9)}m"
    edits = tuple(
        Edit("Deployment", victim.name, victim.path("resources", "limits", key), value, limits.get(key))
        for key, value in wrong.items()
    )
    # A request above its limit is refused, so whoever cuts the limit cuts the request too.
    also = tuple(
        Edit("Deployment", victim.name, victim.path("resources", "requests", key), value, requests[key])
        for key, value in wrong.items()
        if key in requests
    )
    return Damage("Deployment", victim.name, victim.name, "unready", edits, also)


def _little_memory(need: int, rng: random.Random) -> str:
    megabytes = max(4, int(need * rng.uniform(0.15, 0.7)))
    style = rng.randrange(4)
    if style == 0:
        return f"{megabytes * 1024}Ki"
    if style == 1:
        return f"{megabytes}M"
    return f"{megabytes}Mi"


FAULT = Fault(
    name="limits_too_small",
    right="resolve",
    why="limits are part of the workload in the namespace; usage, siblings or history tell a sound size",
    variants=TEMPLATE_VARIANTS,
    damage=damage,
)
