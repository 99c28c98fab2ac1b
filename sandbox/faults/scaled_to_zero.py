"""Somebody scaled a workload to zero and forgot it."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from .fault import LIVE, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng, "Deployment", "StatefulSet"):
        edit = Edit(victim.spec.kind, victim.name, ("spec", "replicas"), 0, victim.manifest["spec"]["replicas"])
        return Damage(victim.spec.kind, victim.name, victim.name, "unanswered", (edit,))
    return None


FAULT = Fault(
    name="scaled_to_zero",
    right="resolve",
    why="replicas belong to the workload; going back a revision does not bring them back",
    variants=(LIVE,),
    damage=damage,
)
