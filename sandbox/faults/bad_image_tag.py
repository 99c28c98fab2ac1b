"""An image reference that no registry has: a mistyped or never built tag, or a mistyped repository."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from ..systems.names import tag as any_tag
from ..systems.names import typo, wrong_tag
from .fault import BURIED, LATEST, MOVED_ON, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        image = victim.container["image"]
        wrong = _wrong(image, rng)
        if wrong in scene.system.images:
            continue
        edit = Edit("Deployment", victim.name, victim.path("image"), wrong, image)
        return Damage("Deployment", victim.name, victim.name, "unready", (edit,))
    return None


def _wrong(image: str, rng: random.Random) -> str:
    repository, _, tag = image.rpartition(":")
    if rng.random() < 0.75:
        return f"{repository}:{wrong_tag(rng, tag)}"
    folder, _, name = repository.rpartition("/")
    if rng.random() < 0.5:
        return f"{folder}/{typo(rng, name)}:{tag}"
    return f"{repository}:{any_tag(rng)}-{rng.choice(('rc', 'beta', 'test'))}"


FAULT = Fault(
    name="bad_image_tag",
    right="resolve",
    why="the image belongs to the workload; the last good one stands in its history",
    variants=(LATEST, BURIED, MOVED_ON),
    damage=damage,
)
