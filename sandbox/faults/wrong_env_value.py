"""A variable of the container with a value that cannot work: a wrong host or port, no number, an unknown word."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from ..systems.names import other_port, typo
from .fault import TEMPLATE_VARIANTS, Damage, Fault
from .scene import Scene, Victim
from .values import wrong_number, wrong_url, wrong_word


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        literals = [item for item in victim.env if item.get("value") and item["name"] != "REQUIRED_SETTINGS"]
        rng.shuffle(literals)
        for item in literals:
            made = _wrong(item["name"], item["value"], scene, victim, rng)
            if made is not None:
                value, symptom = made
                edit = Edit(
                    "Deployment", victim.name, victim.path("env", {"name": item["name"]}, "value"), value, item["value"]
                )
                return Damage("Deployment", victim.name, victim.name, symptom, (edit,))
    return None


def _wrong(name: str, value: str, scene: Scene, victim: Victim, rng: random.Random) -> tuple[str, str] | None:
    """(value, symptom)"""
    if name.endswith("_URL"):
        return wrong_url(value, set(scene.services), rng), "unanswered"
    if name == "PORT":
        if "--port" in str(victim.container.get("command")) or not victim.container.get("readinessProbe"):
            return None
        return (str(other_port(rng, int(value))) if rng.random() < 0.7 else wrong_number(value, rng)), "unready"
    if name == "WORKING_SET_MB":
        limit = str(((victim.container.get("resources") or {}).get("limits") or {}).get("memory", ""))
        if limit.endswith("Mi") and rng.random() < 0.6:
            return str(int(limit[:-2]) * rng.randint(2, 9)), "unready"
        return wrong_number(value, rng), "unready"
    if name == "HEALTH_PATH":
        if "httpGet" not in (victim.container.get("readinessProbe") or {}):
            return None
        return typo(rng, value), "unready"
    if value.isdecimal() and name.endswith(("_MS", "_SIZE", "_LIMIT", "_SECONDS", "_MB", "_WORKERS")):
        return wrong_number(value, rng), "unready"
    if name.endswith(("_LEVEL", "_MODE", "_ENABLED")):
        return wrong_word(value, rng), "unready"
    return None


FAULT = Fault(
    name="wrong_env_value",
    right="resolve",
    why="the variable belongs to the workload; Services, logs, siblings or history tell the right value",
    variants=TEMPLATE_VARIANTS,
    damage=damage,
)
