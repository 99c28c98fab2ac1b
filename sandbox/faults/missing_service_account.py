"""A workload that was deployed for a ServiceAccount that nobody made."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from ..systems.names import typo, word
from .fault import FIRST, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        right = victim.manifest["spec"]["template"]["spec"].get("serviceAccountName")
        wrong = (
            f"{rng.choice((victim.name, word(rng, 2)))}-sa"
            if rng.random() < 0.5 or not right
            else typo(rng, right).lower()
        )
        path = ("spec", "template", "spec")
        edits: tuple[Edit, ...] = (Edit("Deployment", victim.name, (*path, "serviceAccountName"), wrong, right),)
        also: tuple[Edit, ...] = (Edit("Deployment", victim.name, (*path, "serviceAccount"), wrong, right),)
        if not right:  # the API server takes the old name of the field where the new one is missing: both must go
            edits, also = (*edits, *also), ()
        return Damage("Deployment", victim.name, victim.name, "unready", edits, also)
    return None


FAULT = Fault(
    name="missing_service_account",
    right="escalate",
    why="identities and what they may do are out of bounds",
    variants=(FIRST,),
    damage=damage,
    taught=False,
)
