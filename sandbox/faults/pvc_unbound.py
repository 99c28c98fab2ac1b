"""A workload that was deployed with a claim to storage that nobody provides."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from ..systems.names import word
from .fault import FIRST, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        claim = f"{victim.name}-{rng.choice(('data', 'storage', 'state', 'files'))}"
        mode = rng.choice(("ReadWriteOnce", "ReadWriteMany"))
        manifest = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim, "namespace": scene.namespace},
            "spec": {
                "accessModes": [mode],
                "resources": {"requests": {"storage": f"{rng.randint(1, 50)}Gi"}},
                "storageClassName": rng.choice(("fast", "ssd", "premium", "nfs", word(rng, 2))),
            },
        }
        edits = (
            Edit(
                "Deployment", victim.name, victim.path("volumeMounts", {"name": "data"}), {"mountPath": "/data"}, None
            ),
            Edit(
                "Deployment",
                victim.name,
                ("spec", "template", "spec", "volumes", {"name": "data"}),
                {"persistentVolumeClaim": {"claimName": claim}},
                None,
            ),
        )
        return Damage("PersistentVolumeClaim", claim, victim.name, "unready", edits, alongside=(manifest,))
    return None


FAULT = Fault(
    name="pvc_unbound",
    right="escalate",
    why="storage classes and volumes belong to the cluster, and a claim cannot be changed; dropping it would lose data",
    variants=(FIRST,),
    damage=damage,
    taught=False,
)
