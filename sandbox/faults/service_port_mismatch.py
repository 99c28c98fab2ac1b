"""A Service that moved to another port while its callers still ask at the old one."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from ..systems.names import other_port
from .fault import LIVE, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng, "Deployment", "StatefulSet"):
        service = scene.services.get(victim.spec.service)
        if service is None or service["spec"].get("clusterIP") == "None" or not scene.system.callers(victim.name):
            continue
        right = service["spec"]["ports"][0]["port"]
        edit = Edit("Service", victim.spec.service, ("spec", "ports", 0, "port"), other_port(rng, right), right)
        return Damage("Service", victim.spec.service, victim.name, "unanswered", (edit,))
    return None


FAULT = Fault(
    name="service_port_mismatch",
    right="resolve",
    why="the Service is in the namespace; its callers' settings tell the port that they use",
    variants=(LIVE,),
    damage=damage,
    taught=False,
)
