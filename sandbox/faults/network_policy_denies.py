"""A NetworkPolicy that should let a service's callers through, and does not know one of them, or the port."""

from __future__ import annotations

import random
from collections.abc import Iterable
from ipaddress import IPv4Network
from typing import Any

from ..systems.edits import Edit
from ..systems.names import other_port, typo
from ..systems.system import ServiceSpec
from .fault import LIVE, Damage, Fault
from .scene import Scene

Object = dict[str, Any]

_CONTROL_PLANES = (IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16"))
"""Where API servers often are, if they are not on a node."""


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng, "Deployment", "StatefulSet"):
        callers = [spec for spec in scene.system.callers(victim.name) if (spec.kind, spec.name) in scene.workloads]
        suffering = [spec for spec in callers if spec.service]
        others = _not_pods(scene)
        if not suffering or not others:
            continue
        denied = rng.choice(suffering)
        name = f"{victim.name}-{rng.choice(('ingress', 'callers', 'allow', 'netpol'))}"
        policy = _policy(scene, name, victim.manifest, victim.spec.port, callers, others)
        edit = _edit(scene, name, callers.index(denied), denied, victim.spec.port, rng)
        return Damage("NetworkPolicy", name, denied.name, "unanswered", (edit,), alongside=(policy,))
    return None


def _policy(
    scene: Scene, name: str, workload: Object, port: int, callers: list[ServiceSpec], others: list[Object]
) -> Object:
    """Lets the callers in, and whoever is no Pod: nodes and the API server."""
    peers: list[Object] = [{"podSelector": {"matchLabels": dict(_labels(scene, spec))}} for spec in callers]
    peers += [{"ipBlock": block} for block in others]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": scene.namespace},
        "spec": {
            "podSelector": {"matchLabels": dict(workload["spec"]["selector"]["matchLabels"])},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": peers, "ports": [{"protocol": "TCP", "port": port}]}],
        },
    }


def _edit(scene: Scene, name: str, place: int, denied: ServiceSpec, port: int, rng: random.Random) -> Edit:
    if rng.random() < 0.25:
        path: tuple[Any, ...] = ("spec", "ingress", 0, "ports", 0, "port")
        return Edit("NetworkPolicy", name, path, other_port(rng, port), port)
    key, value = rng.choice(sorted(_labels(scene, denied).items()))
    wrong = rng.choice((typo(rng, value), f"{value}-{rng.choice(('old', 'v1', 'v2', 'canary'))}"))
    path = ("spec", "ingress", 0, "from", place, "podSelector", "matchLabels", key)
    return Edit("NetworkPolicy", name, path, wrong, value)


def _labels(scene: Scene, spec: ServiceSpec) -> dict[str, str]:
    labels: dict[str, str] = scene.workloads[spec.kind, spec.name]["spec"]["selector"]["matchLabels"]
    return labels


def _not_pods(scene: Scene) -> list[Object]:
    """Ranges of addresses for nodes and control planes, without the Pods'. Empty where the two cannot be told apart."""
    pods = _wide(pod.get("status", {}).get("podIP", "") for pod in scene.api.list("Pod", scene.namespace))
    nodes = _wide(
        item["address"]
        for node in scene.api.list("Node", "")
        for item in node.get("status", {}).get("addresses", ())
        if item["type"] == "InternalIP"
    )
    if not pods or not nodes or pods & nodes:
        return []
    blocks: list[Object] = []
    for block in sorted({*nodes, *_CONTROL_PLANES}):
        without = sorted(str(pod) for pod in pods if pod.subnet_of(block))
        if str(block) not in without:
            blocks.append({"cidr": str(block), **({"except": without} if without else {})})
    return blocks


def _wide(addresses: Iterable[str]) -> set[IPv4Network]:
    """The ranges, as wide as clusters usually have them, that IPv4 addresses are in."""
    return {IPv4Network(f"{address}/16", strict=False) for address in addresses if address.count(".") == 3}


FAULT = Fault(
    name="network_policy_denies",
    right="resolve",
    why="the policy is in the namespace and its rules may be changed; the labels of the callers tell what is meant",
    variants=(LIVE,),
    damage=damage,
    taught=False,
)
