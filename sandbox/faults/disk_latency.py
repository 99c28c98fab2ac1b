"""The volume that a service writes its log to is slow: so are its answers."""

from __future__ import annotations

import random
from itertools import chain

from .fault import FOLLOWS, ONCE, PRESSED_VARIANTS, Damage, Fault
from .pressing import RENEWING, pressed, steady_victims
from .scene import Scene, Victim


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    found = (steady_victims(scene, rng, _writes, kind) for kind in ("Deployment", "StatefulSet"))
    for victim in chain.from_iterable(found):
        delay, percent = ("5s", 50) if variant == ONCE else (f"{rng.randrange(1000, 6001, 250)}ms", rng.randint(40, 90))
        spec = {
            "action": "latency",
            "delay": delay,
            "percent": percent,
            "volumePath": victim.spec.volume,
            "containerNames": [victim.spec.container],
        }
        made = pressed(scene, victim, variant, "slow", "IOChaos", spec)
        if made is not None:
            return made
    return None


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
