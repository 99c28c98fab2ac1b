"""A NetworkPolicy that should let a service's callers through, and does not know one of them, or the port."""

from __future__ import annotations

import random
from typing import Any

from ..systems.edits import Edit
from ..systems.names import other_port, typo
from ..systems.system import ServiceSpec
from .fault import LIVE, Damage, Fault
from .scene import Scene

Object = dict[str, Any]


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng, "Deployment", "StatefulSet"):
        callers = [spec for spec in scene.system.callers(victim.name) if (spec.kind, spec.name) in scene.workloads]
        suffering = [spec for spec in callers if spec.service]
        pods = _pod_network(scene)
        if not suffering or not pods:
            continue
        denied = rng.choice(suffering)
        name = f"{victim.name}-{rng.choice(('ingress', 'callers', 'allow', 'netpol'))}"
        policy = _policy(scene, name, victim.manifest, victim.spec.port, callers, pods)
        edit = _edit(scene, name, callers.index(denied), denied, victim.spec.port, rng)
        return Damage("NetworkPolicy", name, denied.name, "unanswered", (edit,), alongside=(policy,))
    return None


def _policy(scene: Scene, name: str, workload: Object, port: int, callers: list[ServiceSpec], pods: str) -> Object:
    """Lets the callers in, and whoever is no Pod: nodes and the API server."""
    peers: list[Object] = [{"podSelector": {"matchLabels": dict(_labels(scene, spec))}} for spec in callers]
    peers.append({"ipBlock": {"cidr": "0.0.0.0/0", "except": [pods]}})
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


def _pod_network(scene: Scene) -> str:
    """The range that the Pods' addresses are from, as wide as clusters usually have it; empty without Pods."""
    for pod in scene.api.list("Pod", scene.namespace):
        first, second, *_ = (pod.get("status", {}).get("podIP") or ".").split(".")
        if first:
            return f"{first}.{second}.0.0/16"
    return ""


FAULT = Fault(
    name="network_policy_denies",
    right="resolve",
    why="the policy is in the namespace and its rules may be changed; the labels of the callers tell what is meant",
    variants=(LIVE,),
    damage=damage,
    taught=False,
)
