"""A readiness probe that asks for a path that is not there, or at a port where nobody listens."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from ..systems.names import other_port, typo, word
from .fault import TEMPLATE_VARIANTS, Damage, Fault
from .scene import Scene, Victim


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        action = (victim.container.get("readinessProbe") or {}).get("httpGet")
        if action is None:
            continue
        field = "path" if rng.random() < 0.7 else "port"
        wrong = _path(victim, rng) if field == "path" else _port(action["port"], victim, rng)
        edit = Edit("Deployment", victim.name, victim.path("readinessProbe", "httpGet", field), wrong, action[field])
        return Damage("Deployment", victim.name, victim.name, "unready", (edit,))
    return None


def _path(victim: Victim, rng: random.Random) -> str:
    right = victim.spec.health_path
    while True:
        made = rng.choice(
            (
                f"/{typo(rng, right.strip('/') or 'health')}",
                f"{right}/{rng.choice(('ready', 'live', 'check', 'v1'))}",
                rng.choice(("/healthz", "/health", "/ready", "/status", "/ping", "/livez")),
                f"/{word(rng, 2)}",
                f"/api{right}",
            )
        )
        if made not in (right, "/"):
            return made


def _port(right: int | str, victim: Victim, rng: random.Random) -> int | str:
    # A name that no port has is refused by some clients, so a wrong port is a number.
    return other_port(rng, victim.spec.port, avoid=frozenset({victim.spec.port}))


FAULT = Fault(
    name="readiness_probe_path",
    right="resolve",
    why="the probe belongs to the workload; the liveness probe, siblings or history tell the right path",
    variants=TEMPLATE_VARIANTS,
    damage=damage,
)
