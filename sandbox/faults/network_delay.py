"""Each packet that a service's Pods send takes long."""

from __future__ import annotations

import random
from typing import Any

from .fault import FOLLOWS, ONCE, PRESSED_VARIANTS, Damage, Fault
from .pressing import RENEWING, pressed, steady_victims
from .scene import Scene

_PAPER = {"latency": "1000ms"}


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in steady_victims(scene, rng, lambda victim: True):
        spec = {"action": "delay", "delay": _PAPER if variant == ONCE else _by_chance(rng)}
        made = pressed(scene, victim, variant, "slow", "NetworkChaos", spec)
        if made is not None:
            return made
    return None


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
