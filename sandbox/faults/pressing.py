"""What all faults that press on Pods by experiments share: whom they can press on, and what helps against it.

An experiment binds to the Pods that it finds: new ones are free of it, and replacing them is a repair. One that stays
with a node, to which somebody has bound the workload, is escaped by Pods that go elsewhere. One that follows the
workload is escaped by nothing that the default policy allows, unless the Pods are given room for it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..systems.edits import Edit
from .fault import FOLLOWS, ON_NODE, Damage, Experiment
from .scene import Scene, Victim

Object = dict[str, Any]

_HOSTNAME = "kubernetes.io/hostname"

RENEWING = (
    "the experiment binds to the Pods that it found: new ones are free of it, and the policy lets Pods be replaced"
)
MOVING = "what presses on the Pods stays with a node: the selector that binds them to it belongs to the workload"
GIVING_ROOM = "limits belong to the workload; usage tells how much it takes beside what presses"
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
    when the variant asks for a node and there is no other to go to."""
    labels, node, why = victim.manifest["spec"]["selector"]["matchLabels"], "", ""
    bound: tuple[Edit, ...] = ()
    if variant == ON_NODE:
        nodes = two_nodes(scene, labels)
        if nodes is None:
            return None
        (node, other), why = nodes, MOVING
        path = ("spec", "template", "spec", "nodeSelector", _HOSTNAME)
        bound = (Edit(victim.spec.kind, victim.name, path, node, other),)
    elif variant == FOLLOWS:
        why = GIVING_ROOM if room else NOTHING_HELPS
    return Damage(
        victim.spec.kind,
        victim.name,
        victim.name,
        symptom,
        bound,
        experiments=(Experiment(kind, spec, labels, node, variant in (FOLLOWS, ON_NODE)),),
        renew=variant not in (FOLLOWS, ON_NODE),
        repair=room if variant == FOLLOWS else (),
        why=why,
    )


def first_pressed(
    scene: Scene,
    victims: Iterable[Victim],
    variant: str,
    symptom: str,
    kind: str,
    spec: Callable[[Victim], Mapping[str, Any]],
) -> Damage | None:
    """``pressed`` on the first victim on which it can be, with the experiment that ``spec`` gives for each."""
    made = (pressed(scene, victim, variant, symptom, kind, spec(victim)) for victim in victims)
    return next((damage for damage in made if damage is not None), None)


def steady_victims(
    scene: Scene, rng: random.Random, fits: Callable[[Victim], bool], kind: str = "Deployment"
) -> Iterator[Victim]:
    """Victims that fit, and that no node selector or affinity binds already."""
    for victim in scene.victims(rng, kind):
        pod = victim.manifest["spec"]["template"]["spec"]
        if not pod.get("affinity") and not pod.get("nodeSelector") and fits(victim):
            yield victim


def two_nodes(scene: Scene, labels: Mapping[str, str]) -> tuple[str, str] | None:
    """The names, as their labels have them, of the node that has most Pods with these labels, and of another one."""
    names = [
        node["metadata"]["labels"][_HOSTNAME]
        for node in scene.api.list("Node", "")
        if not node["spec"].get("unschedulable") and not node["spec"].get("taints")
    ]
    if len(names) < 2:
        return None
    mine = [
        pod["spec"].get("nodeName", "")
        for pod in scene.api.list("Pod", scene.namespace)
        if labels.items() <= (pod["metadata"].get("labels") or {}).items()
    ]
    names.sort(key=lambda name: (-mine.count(name), name))
    return names[0], names[1]


def limit(victim: Victim, resource: str) -> str:
    """The main container's limit as it is written; empty without one."""
    return str(((victim.container.get("resources") or {}).get("limits") or {}).get(resource, ""))
