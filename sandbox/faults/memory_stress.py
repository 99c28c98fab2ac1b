"""A stress worker in a service's containers holds memory up to near their limit."""

from __future__ import annotations

import math
import random

from ..api.quantity import value_of
from ..systems.edits import Edit
from .fault import FOLLOWS, ONCE, PRESSED_VARIANTS, Damage, Fault
from .pressing import RENEWING, limit, pressed, steady_victims
from .scene import Scene, Victim
from .symptoms import subject, usages

_MIB = 2**20
_PAPER = 1280  # MiB that the paper's experiment holds
_PROGRAM = 14  # MiB that the program takes beside its working set
_LEAST_ROOM = 40  # MiB below a limit: else what is measured varies by more than there is room
_OWN = 5  # MiB that the stress program takes for itself, measured
_FILLS = 0.95  # of the limit: beyond it the worker is killed, again and again, and hardly anything shows
_AMPLE = 2.4  # times what is used: usage is then nearer to what was usual than to the limit
_MOST = 8192  # MiB that the default policy lets a container have


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in steady_victims(scene, rng, lambda victim: bool(limit(victim, "memory"))):
        most, used = float(value_of(limit(victim, "memory"))) / _MIB, _used(scene, victim)
        if most - used < _LEAST_ROOM:
            continue
        fills = _FILLS if variant == ONCE else rng.uniform(0.93, 0.965)
        held = int(fills * most - used - _OWN)
        if variant == ONCE:
            held = min(_PAPER, held)
        if variant == FOLLOWS and (held + used) * _AMPLE > _MOST:
            continue
        if held < 0.55 * (most - used):  # the paper's strength does not show below a limit this high
            continue
        spec = {"stressors": {"memory": {"workers": 1, "size": f"{held}MiB"}}}
        room = (_room(victim, held + used),) if variant == FOLLOWS else ()
        made = pressed(scene, victim, variant, "full", "StressChaos", spec, room)
        if made is not None:
            return made
    return None


def _used(scene: Scene, victim: Victim) -> float:
    """MiB in use: as measured, or where nothing is measured yet as the program would say."""
    measured = max(usages(scene.api, subject(scene.namespace, victim.spec), "memory"), default=0.0) / _MIB
    told = victim.literal("WORKING_SET_MB")
    return max(measured, _PROGRAM + (float(told) if told.isdecimal() else 8.0))


def _room(victim: Victim, taken: float) -> Edit:
    enough = f"{math.ceil(taken * _AMPLE / 64) * 64}Mi"
    return Edit(
        "Deployment", victim.name, victim.path("resources", "limits", "memory"), limit(victim, "memory"), enough
    )


FAULT = Fault(
    name="memory_stress",
    right="resolve",
    why=RENEWING,
    variants=PRESSED_VARIANTS,
    damage=damage,
    taught=False,
)
