"""Each packet that a service's Pods send takes long."""

from __future__ import annotations

import random
from typing import Any

from .fault import FOLLOWS, ONCE, PRESSED_VARIANTS, Damage, Fault
from .pressing import RENEWING, first_pressed, steady_victims
from .scene import Scene, Victim

_PAPER = {"latency": "1000ms"}


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    def spec(_: Victim) -> dict[str, Any]:
        return {"action": "delay", "delay": _PAPER if variant == ONCE else _by_chance(rng)}

    victims = steady_victims(scene, rng, lambda victim: True)
    return first_pressed(scene, victims, variant, "slow", "NetworkChaos", spec)


def _by_chance(rng: random.Random) -> dict[str, Any]:
    latency = rng.randrange(500, 2001, 50)
    jitter = rng.choice((0, 0, 10, 20)) * latency // 100
    return {"latency": f"{latency}ms", **({"jitter": f"{jitter}ms", "correlation": "25"} if jitter else {})}


FAULT = Fault(
    name="network_delay",
    right="resolve",
    why=RENEWING,
    variants=PRESSED_VARIANTS,
    damage=damage,
    taught=False,
    beyond=(FOLLOWS,),
)
