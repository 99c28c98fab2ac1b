"""A share of the packets that a service's Pods send never arrives."""

from __future__ import annotations

import random
from typing import Any

from .fault import FOLLOWS, ONCE, PRESSED_VARIANTS, Damage, Fault
from .pressing import RENEWING, first_pressed, steady_victims
from .scene import Scene, Victim

_PAPER = 50  # percent


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    def spec(_: Victim) -> dict[str, Any]:
        share = _PAPER if variant == ONCE else rng.randrange(40, 81)
        return {"action": "loss", "loss": {"loss": str(share)}}

    victims = steady_victims(scene, rng, lambda victim: True)
    return first_pressed(scene, victims, variant, "slow", "NetworkChaos", spec)


FAULT = Fault(
    name="network_loss",
    right="resolve",
    why=RENEWING,
    variants=PRESSED_VARIANTS,
    damage=damage,
    taught=False,
    beyond=(FOLLOWS,),
)
