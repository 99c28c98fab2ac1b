"""What all faults that press on Pods by experiments share: whom they can press on, and what helps against it.

An experiment binds to the Pods that it finds: new ones are free of it, and replacing them is a repair. One that stays
with a node is escaped by Pods that go elsewhere. One that follows the workload is escaped by nothing that the default
policy allows, unless the Pods are given room for it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..systems.edits import Edit
from .fault import FOLLOWS, ON_NODE, Damage, Experiment
from .scene import Scene, Victim

Object = dict[str, Any]

RENEWING = (
    "the experiment binds to the Pods that it found: new ones are free of it, and the policy lets Pods be replaced"
)
MOVING = "what presses on the Pods stays with their node: affinity belongs to the workload and leads them elsewhere"
NOTHING_HELPS = (
    "it follows the workload's Pods wherever they run, from outside the namespace: whoever runs the cluster must end it"
)


def pressed(
    scene: Scene,
    victim: Victim,
    variant: str,
    symptom: str,
    kind: str,
    spec: Mapping[str, Any],
    room: tuple[Edit, ...] = (),
) -> Damage | None:
    """The damage of one experiment on a victim. ``room``: what gives its Pods enough of it, where something can. None
    when the variant asks for a node and the victim's Pods are on several, or there is no other."""
    labels = victim.manifest["spec"]["selector"]["matchLabels"]

    def made(node: str = "", renew: bool = False, repair: tuple[Edit, ...] = (), why: str = "") -> Damage:
        experiment = Experiment(kind, spec, labels, node, variant in (FOLLOWS, ON_NODE))
        return Damage(
            victim.spec.kind,
            victim.name,
            victim.name,
            symptom,
            (),
            experiments=(experiment,),
            renew=renew,
            repair=repair,
            why=why,
        )

    if variant == ON_NODE:
        node = only_node(scene, labels)
        return made(node, repair=(_away_from(victim, node),), why=MOVING) if node else None
    if variant == FOLLOWS and room:
        return made(repair=room, why="limits belong to the workload; usage tells how much it takes beside what presses")
    if variant == FOLLOWS:
        return made(why=NOTHING_HELPS)
    return made(renew=True)


def steady_victims(
    scene: Scene, rng: random.Random, fits: Callable[[Victim], bool], kind: str = "Deployment"
) -> Iterator[Victim]:
    """Victims that fit, and that no node selector or affinity binds already."""
    for victim in scene.victims(rng, kind):
        pod = victim.manifest["spec"]["template"]["spec"]
        if not pod.get("affinity") and not pod.get("nodeSelector") and fits(victim):
            yield victim


def only_node(scene: Scene, labels: Mapping[str, str]) -> str:
    """The node that has all Pods with these labels; empty when there are several, or no other to go to."""
    nodes = {
        pod["spec"].get("nodeName", "")
        for pod in scene.api.list("Pod", scene.namespace)
        if labels.items() <= (pod["metadata"].get("labels") or {}).items()
    }
    free = [
        node["metadata"]["name"]
        for node in scene.api.list("Node", "")
        if not node["spec"].get("unschedulable") and not node["spec"].get("taints")
    ]
    name = nodes.pop() if len(nodes) == 1 else ""
    return name if name and any(node != name for node in free) else ""


def limit(victim: Victim, resource: str) -> str:
    """The main container's limit as it is written; empty without one."""
    return str(((victim.container.get("resources") or {}).get("limits") or {}).get(resource, ""))


def _away_from(victim: Victim, node: str) -> Edit:
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": [node]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    path = ("spec", "template", "spec", "affinity")
    return Edit(victim.spec.kind, victim.name, path, None, {"nodeAffinity": required})
