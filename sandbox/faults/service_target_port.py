"""A Service that sends requests to a port of its Pods where nobody listens, or that has no such name."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from ..systems.names import other_port, typo
from .fault import LIVE, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng, "Deployment", "StatefulSet"):
        service = scene.services.get(victim.spec.service)
        if service is None or service["spec"].get("clusterIP") == "None":
            continue
        port = service["spec"]["ports"][0]
        right = port.get("targetPort", port["port"])
        taken = frozenset(
            item["containerPort"]
            for container in victim.manifest["spec"]["template"]["spec"]["containers"]
            for item in container.get("ports") or ()
        )
        names = {item.get("name") for item in victim.container.get("ports") or ()}
        wrong: int | str = other_port(rng, victim.spec.port, avoid=taken)
        if isinstance(right, str) and rng.random() < 0.7:
            wrong = next(made for _ in range(99) if (made := _name(right, rng)) not in names)
        elif rng.random() < 0.15:
            wrong = next(made for _ in range(99) if (made := _name("http", rng)) not in names)
        edit = Edit(
            "Service", victim.spec.service, ("spec", "ports", {"port": port["port"]}, "targetPort"), wrong, right
        )
        return Damage("Service", victim.spec.service, victim.name, "unanswered", (edit,))
    return None


def _name(right: str, rng: random.Random) -> str:
    made = rng.choice(
        (typo(rng, right), f"{right}s", f"{right}-1", "http", "https", "web", "grpc", "main", "tcp", "app")
    )
    return made.lower()[:15]


FAULT = Fault(
    name="service_target_port",
    right="resolve",
    why="the Service is in the namespace; the Pods' ports and probes tell where they listen",
    variants=(LIVE,),
    damage=damage,
)
