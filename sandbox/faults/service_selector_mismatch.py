"""A Service whose selector matches no Pod, or not the right ones."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from ..systems.names import typo
from .fault import LIVE, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng, "Deployment", "StatefulSet"):
        service = scene.services.get(victim.spec.service)
        selector = (service or {}).get("spec", {}).get("selector")
        if not selector:
            continue
        key = rng.choice(sorted(selector))
        style = rng.random()
        if style < 0.6:
            wrong = next(made for _ in range(99) if (made := typo(rng, selector[key])) != selector[key])
            edit = Edit("Service", victim.spec.service, ("spec", "selector", key), wrong, selector[key])
        else:
            extra = rng.choice(
                [name for name in ("version", "tier", "role", "release", "track") if name not in selector]
            )
            value = rng.choice(("v2", "frontend", "main", "stable", "blue", "canary"))
            edit = Edit("Service", victim.spec.service, ("spec", "selector", extra), value, None)
        return Damage("Service", victim.spec.service, victim.name, "unanswered", (edit,))
    return None


FAULT = Fault(
    name="service_selector_mismatch",
    right="resolve",
    why="the Service is in the namespace; the Pods' labels tell what to select",
    variants=(LIVE,),
    damage=damage,
)
