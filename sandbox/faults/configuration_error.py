"""The paper's configuration error: a Deployment's limits are patched to a fraction of what its program needs."""

from __future__ import annotations

import random

from ..api.quantity import value_of
from ..systems.edits import Edit
from .fault import BURIED, FIRST, LATEST, Damage, Fault
from .scene import Scene, Victim
from .symptoms import subject, usages

_PATCHED = {"cpu": "2m", "memory": "200Mi"}
_LEAST_SHARE = 0.01  # of a core: what the kernel grants for any smaller limit
_PYTHON_MS, _START_MS = 200, 100  # CPU until the interpreter runs, and what the program takes unless told otherwise
_MUCH_FOR_A_REQUEST = 5  # milliseconds of CPU
_MUCH_IN_USE = 0.0016  # cores


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    victims = [
        victim for victim in scene.victims(rng) if any(edit.path[-1] == "cpu" for edit in _cut(victim, "limits"))
    ]
    for feels in (_feels_it, lambda victim: _uses_more(scene, victim)):
        for victim in victims:
            if feels(victim):
                # A request above its limit is refused, so whoever cuts the limit cuts the request too.
                edits, also = _cut(victim, "limits"), _cut(victim, "requests")
                return Damage("Deployment", victim.name, victim.name, "starved", edits, also)
    return None


def _uses_more(scene: Scene, victim: Victim) -> bool:
    """Whether what it uses will be most of its limit, though its answers get only a little slower."""
    return max(usages(scene.api, subject(scene.namespace, victim.spec), "cpu"), default=0.0) > _MUCH_IN_USE


def _feels_it(victim: Victim) -> bool:
    """Whether its program takes enough CPU to answer or to start: a small one lives on with next to nothing."""
    if _number(victim.literal("REQUEST_CPU_MS")) >= _MUCH_FOR_A_REQUEST:
        return True
    probe = victim.container.get("livenessProbe")
    if not probe or victim.container.get("startupProbe"):
        return False
    patience = probe.get("initialDelaySeconds", 0) + probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
    cost = (_number(victim.literal("START_CPU_MS")) or _START_MS) + _PYTHON_MS
    return bool(cost / 1000 / _LEAST_SHARE > 1.2 * patience)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _cut(victim: Victim, part: str) -> tuple[Edit, ...]:
    """The paper's values, where they are below what is there."""
    held = (victim.container.get("resources") or {}).get(part) or {}
    return tuple(
        Edit("Deployment", victim.name, victim.path("resources", part, key), value, held[key])
        for key, value in _PATCHED.items()
        if key in held and value_of(value) < value_of(str(held[key]))
    )


FAULT = Fault(
    name="configuration_error",
    right="resolve",
    why="limits are part of the workload in the namespace; usage, siblings or history tell a sound size",
    variants=(LATEST, BURIED, FIRST),
    damage=damage,
    taught=False,
)
