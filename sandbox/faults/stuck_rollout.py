"""A new revision that asks for a setting nobody gives it: it never gets ready, the old one goes on serving."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from ..systems.names import word
from .fault import BURIED, LATEST, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        old = victim.literal("REQUIRED_SETTINGS")
        name = f"{word(rng, 2).upper()}_{rng.choice(('TOKEN', 'REGION', 'TENANT', 'BUCKET', 'QUEUE', 'TOPIC'))}"
        wrong = f"{old},{name}" if old else name
        path = victim.path("env", {"name": "REQUIRED_SETTINGS"})
        edit = (
            Edit("Deployment", victim.name, (*path, "value"), wrong, old)
            if old
            else Edit("Deployment", victim.name, path, {"value": wrong}, None)
        )
        also = [
            Edit(
                "Deployment",
                victim.name,
                ("spec", "strategy"),
                {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                victim.manifest["spec"].get("strategy"),
            )
        ]
        image = victim.container["image"]
        repository = image.rpartition(":")[0]
        others = [
            known for known in sorted(scene.system.images) if known.rpartition(":")[0] == repository and known != image
        ]
        if others:
            also.append(Edit("Deployment", victim.name, victim.path("image"), rng.choice(others), image))
        return Damage("Deployment", victim.name, victim.name, "unready", (edit,), tuple(also))
    return None


FAULT = Fault(
    name="stuck_rollout",
    right="resolve",
    why="the workload is in the namespace; its log tells the setting, its history the revision that serves",
    variants=(LATEST, BURIED),
    damage=damage,
    taught=False,
)
