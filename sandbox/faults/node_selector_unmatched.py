"""A node selector that no node matches: Pods stay Pending."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from ..systems.names import word
from .fault import BURIED, FIRST, LATEST, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        key = rng.choice(
            (
                "disktype",
                "pool",
                "node-role",
                "topology.kubernetes.io/zone",
                "kubernetes.io/arch",
                f"{word(rng, 2)}.example/class",
            )
        )
        value = rng.choice(("ssd", "gpu", "high-mem", "arm64", "backend", "eu-9z", word(rng, 2)))
        right = victim.manifest["spec"]["template"]["spec"].get("nodeSelector")
        edit = Edit(
            "Deployment",
            victim.name,
            ("spec", "template", "spec", "nodeSelector"),
            {**(right or {}), key: value},
            right,
        )
        return Damage("Deployment", victim.name, victim.name, "unready", (edit,))
    return None


FAULT = Fault(
    name="node_selector_unmatched",
    right="resolve",
    why="the selector belongs to the workload; nodes and siblings tell that it matches nothing",
    variants=(LATEST, BURIED, FIRST),
    damage=damage,
    taught=False,
)
