"""Every node is cordoned: whatever loses its place finds no new one."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from .fault import LIVE, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    nodes = scene.api.list("Node", "")
    for victim in scene.victims(rng):
        edits = tuple(Edit("Node", node["metadata"]["name"], ("spec", "unschedulable"), True, None) for node in nodes)
        return Damage("Node", nodes[0]["metadata"]["name"], victim.name, "unready", edits, restart=True)
    return None


FAULT = Fault(
    name="nodes_cordoned",
    right="escalate",
    why="nodes belong to the cluster: nothing in the namespace brings them back",
    variants=(LIVE,),
    damage=damage,
    touches_cluster=True,
)
