"""A share of the packets that a service's Pods send never arrives."""

from __future__ import annotations

import random

from .fault import FOLLOWS, ONCE, PRESSED_VARIANTS, Damage, Fault
from .pressing import RENEWING, pressed, steady_victims
from .scene import Scene

_PAPER = 50  # percent


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in steady_victims(scene, rng, lambda victim: True):
        share = _PAPER if variant == ONCE else rng.randrange(40, 81)
        spec = {"action": "loss", "loss": {"loss": str(share)}}
        made = pressed(scene, victim, variant, "slow", "NetworkChaos", spec)
        if made is not None:
            return made
    return None


FAULT = Fault(
    name="network_loss",
    right="resolve",
    why=RENEWING,
    variants=PRESSED_VARIANTS,
    damage=damage,
    taught=False,
    beyond=(FOLLOWS,),
)
