"""A request for more memory or CPU than any node has: its Pods stay Pending."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from .fault import TEMPLATE_VARIANTS, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        resources = victim.container.get("resources") or {}
        key = rng.choice(("memory", "memory", "cpu"))
        wrong = f"{rng.randint(48, 900)}Gi" if key == "memory" else str(rng.randint(40, 600))
        right = (resources.get("requests") or {}).get(key)
        path = victim.path("resources", "limits", key)
        limit = (resources.get("limits") or {}).get(key)
        edits: tuple[Edit, ...] = (
            Edit("Deployment", victim.name, victim.path("resources", "requests", key), wrong, right),
        )
        # A request above its limit is refused, so whoever raises it raises the limit too.
        also: tuple[Edit, ...] = (Edit("Deployment", victim.name, path, wrong, limit),) if limit else ()
        if also and right is None:
            edits, also = (*edits, *also), ()  # without a request of its own the limit would stand for it
        return Damage("Deployment", victim.name, victim.name, "unready", edits, also)
    return None


FAULT = Fault(
    name="request_too_large",
    right="resolve",
    why="requests are part of the workload; usage, limits, siblings or history tell a sound size",
    variants=TEMPLATE_VARIANTS,
    damage=damage,
)
