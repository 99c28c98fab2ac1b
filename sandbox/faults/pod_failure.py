"""The containers of a service's Pods are given an image without their program: they fail as long as it lasts."""

from __future__ import annotations

import random

from .fault import FOLLOWS, ON_NODE, ONCE, Damage, Fault
from .pressing import RENEWING, pressed, steady_victims
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in steady_victims(scene, rng, lambda victim: bool(victim.container.get("command"))):
        made = pressed(scene, victim, variant, "unready", "PodChaos", {"action": "pod-failure"})
        if made is not None:
            return made
    return None


FAULT = Fault(
    name="pod_failure",
    right="resolve",
    why=RENEWING,
    variants=(ONCE, FOLLOWS, ON_NODE),
    damage=damage,
    taught=False,
    beyond=(FOLLOWS,),
)
