"""A quota below what already runs: Pods that go are not replaced."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from ..systems.names import word
from .fault import LIVE, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    running = len(scene.api.list("Pod", scene.namespace))
    for victim in scene.victims(rng):
        room = running - victim.manifest["spec"]["replicas"] - rng.randint(0, 2)
        name = f"{word(rng, 2)}-quota"
        manifest = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": name, "namespace": scene.namespace},
            "spec": {"hard": {"pods": str(max(1, room))}},
        }
        edit = Edit("ResourceQuota", name, ("spec", "hard", "pods"), str(max(1, room)), str(running + 20))
        return Damage("ResourceQuota", name, victim.name, "unready", (edit,), restart=True, alongside=(manifest,))
    return None


FAULT = Fault(
    name="quota_exceeded",
    right="escalate",
    why="quotas are set for the namespace by those who run the cluster",
    variants=(LIVE,),
    damage=damage,
)
