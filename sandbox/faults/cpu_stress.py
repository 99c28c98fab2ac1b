"""Stress workers in a service's containers take the processor time that its limit grants."""

from __future__ import annotations

import math
import random

from ..api.quantity import value_of
from ..systems.edits import Edit
from .fault import FOLLOWS, ONCE, PRESSED_VARIANTS, Damage, Fault
from .pressing import RENEWING, limit, pressed, steady_victims
from .scene import Scene, Victim

_MOST_CORES = 4.0  # that the default policy lets a container have
_AMPLE = 2.6  # times what is asked for: usage is then well under half of the limit


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in steady_victims(scene, rng, lambda victim: bool(limit(victim, "cpu"))):
        cores = float(value_of(limit(victim, "cpu")))
        workers, load = _strength(cores, variant, rng)
        if not workers:
            continue
        spec = {"stressors": {"cpu": {"workers": workers, "load": load}}}
        room = (_room(victim, workers * load / 100),) if variant == FOLLOWS else ()
        made = pressed(scene, victim, variant, "busy", "StressChaos", spec, room)
        if made is not None:
            return made
    return None


def _strength(cores: float, variant: str, rng: random.Random) -> tuple[int, int]:
    """(workers, percent of a core that each asks for): the paper's, or by chance enough to show."""
    if variant == ONCE:
        return 10, 100
    most = _MOST_CORES / _AMPLE if variant == FOLLOWS else 10.0
    asked = rng.uniform(min(1.05 * cores, most), min(3 * cores, most))
    if asked < cores:  # what leaves something over hurts nobody
        return 0, 0
    workers = math.ceil(asked)
    return workers, max(1, min(100, math.ceil(100 * asked / workers)))


def _room(victim: Victim, asked: float) -> Edit:
    enough = f"{min(_MOST_CORES, math.ceil(asked * _AMPLE * 10) / 10) * 1000:.0f}m"
    return Edit("Deployment", victim.name, victim.path("resources", "limits", "cpu"), limit(victim, "cpu"), enough)


FAULT = Fault(
    name="cpu_stress",
    right="resolve",
    why=RENEWING,
    variants=PRESSED_VARIANTS,
    damage=damage,
    taught=False,
)
