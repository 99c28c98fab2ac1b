"""A machine is lost: it has no power any more, or its kubelet is dead and nobody hears of it.

For the sandbox alone: no API of a real cluster switches a machine off, and to do it by other means would hit all that
runs there. What follows is Kubernetes' own: the Lease ages, after 50 s the Node is NotReady and tainted, its Pods get
no more requests; after their ``tolerationSeconds``, 5 minutes, they are started elsewhere, with empty volumes where
these were the machine's. Pods of a StatefulSet wait for the machine.
"""

from __future__ import annotations

import random

from .fault import Damage, Fault
from .scene import Scene

GONE, HUNG = "gone", "hung"


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    ready = [node["metadata"]["name"] for node in scene.api.list("Node", "") if not node["spec"].get("taints")]
    pods = scene.api.list("Pod", scene.namespace)
    for victim in scene.victims(rng):
        labels = victim.manifest["spec"]["selector"]["matchLabels"].items()
        mine = [pod for pod in pods if labels <= (pod["metadata"].get("labels") or {}).items()]
        nodes = sorted({pod["spec"].get("nodeName", "") for pod in mine} & set(ready))
        if nodes and len(ready) > 1:  # where all are lost nothing is moved: that is another fault
            state = "off" if variant == GONE else "hung"
            return Damage("Node", rng.choice(nodes), victim.name, "unready", (), switched=state)
    return None


FAULT = Fault(
    name="node_lost",
    right="escalate",
    why="machines belong to those who run the cluster; what ran on it is started elsewhere after five minutes without "
    "anybody's help, and before that it may still be running there",
    variants=(GONE, HUNG),
    damage=damage,
    taught=False,
    touches_cluster=True,
    simulated=True,
)
