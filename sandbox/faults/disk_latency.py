"""The volume that a service writes its log to is slow: so are its answers."""

from __future__ import annotations

import random
from itertools import chain
from typing import Any

from .fault import FOLLOWS, ONCE, PRESSED_VARIANTS, Damage, Fault
from .pressing import RENEWING, first_pressed, steady_victims
from .scene import Scene, Victim


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    def spec(victim: Victim) -> dict[str, Any]:
        delay, percent = ("5s", 50) if variant == ONCE else (f"{rng.randrange(1000, 6001, 250)}ms", rng.randint(40, 90))
        return {
            "action": "latency",
            "delay": delay,
            "percent": percent,
            "volumePath": victim.spec.volume,
            "containerNames": [victim.spec.container],
        }

    found = (steady_victims(scene, rng, _writes, kind) for kind in ("Deployment", "StatefulSet"))
    return first_pressed(scene, chain.from_iterable(found), variant, "slow", "IOChaos", spec)


def _writes(victim: Victim) -> bool:
    return bool(victim.spec.volume)


FAULT = Fault(
    name="disk_latency",
    right="resolve",
    why=RENEWING,
    variants=PRESSED_VARIANTS,
    damage=damage,
    taught=False,
    beyond=(FOLLOWS,),
)
