"""A liveness probe that gives the program no time to start: it is killed again and again."""

from __future__ import annotations

import random
from typing import Any

from ..systems.edits import Edit
from .fault import BURIED, FIRST, LATEST, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        probe = victim.container.get("livenessProbe")
        if not probe or victim.container.get("startupProbe") or "exec" in probe:
            continue
        # With one failure allowed and a look every second, no program is up in time.
        wrong: dict[str, Any] = {"initialDelaySeconds": None, "periodSeconds": 1, "failureThreshold": 1}
        edits = tuple(
            Edit("Deployment", victim.name, victim.path("livenessProbe", field), value, probe.get(field))
            for field, value in wrong.items()
            if value != probe.get(field)
        )
        also: tuple[Edit, ...] = ()
        if rng.random() < 0.5 and probe.get("timeoutSeconds", 1) != 1:
            also = (
                Edit(
                    "Deployment",
                    victim.name,
                    victim.path("livenessProbe", "timeoutSeconds"),
                    1,
                    probe["timeoutSeconds"],
                ),
            )
        return Damage("Deployment", victim.name, victim.name, "unready", edits, also)
    return None


FAULT = Fault(
    name="liveness_too_eager",
    right="resolve",
    why="the probe belongs to the workload; events tell that it kills a program that is still starting",
    variants=(LATEST, BURIED, FIRST),
    damage=damage,
    taught=False,
)
