"""A workload whose image was never there, with no revision before and no sibling that has it."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from ..systems.names import tag, word
from .fault import FIRST, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        image = victim.container["image"]
        folder = image.rpartition("/")[0]
        wrong = f"{folder}/{word(rng, 2)}-{rng.choice(('api', 'app', 'svc', 'server'))}:{tag(rng)}"
        edit = Edit("Deployment", victim.name, victim.path("image"), wrong, image)
        return Damage("Deployment", victim.name, victim.name, "unready", (edit,))
    return None


FAULT = Fault(
    name="unknown_image",
    right="escalate",
    why="no good image is known anywhere: any tag would be a guess",
    variants=(FIRST,),
    damage=damage,
)
