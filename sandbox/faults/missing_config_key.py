"""A container asks its ConfigMap for a key that is not there: deleted, renamed, or asked for by a wrong name."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from ..systems.names import typo
from .fault import BURIED, FIRST, LATEST, Damage, Fault
from .scene import Scene, Victim

_DELETED, _RENAMED = "key_deleted", "key_renamed"


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        references = [item for item in victim.env if "configMapKeyRef" in item.get("valueFrom", {})]
        rng.shuffle(references)
        for item in references:
            ref = item["valueFrom"]["configMapKeyRef"]
            data = scene.config_maps.get(ref["name"], {}).get("data", {})
            if ref["key"] not in data or ref.get("optional"):
                continue
            if variant in (_DELETED, _RENAMED):
                return _in_the_map(victim, ref["name"], ref["key"], data, rng, variant)
            return _in_the_reference(victim, item["name"], ref, data, rng)
        required = [name for name in victim.literal("REQUIRED_SETTINGS").split(",") if name]
        for source in victim.container.get("envFrom") or ():
            name = source.get("configMapRef", {}).get("name", "")
            data = scene.config_maps.get(name, {}).get("data", {})
            keys = [key for key in required if key in data]
            if keys and variant in (_DELETED, _RENAMED):
                return _in_the_map(victim, name, rng.choice(keys), data, rng, variant)
    return None


def _in_the_map(victim: Victim, name: str, key: str, data: dict[str, str], rng: random.Random, variant: str) -> Damage:
    edits = [Edit("ConfigMap", name, ("data", key), None, data[key])]
    also = []
    if variant == _RENAMED:
        other = typo(rng, key)
        if other not in data:
            also.append(Edit("ConfigMap", name, ("data", other), data[key], None))
    return Damage("ConfigMap", name, victim.name, "unready", tuple(edits), tuple(also), restart=True)


def _in_the_reference(
    victim: Victim, variable: str, ref: dict[str, str], data: dict[str, str], rng: random.Random
) -> Damage:
    path = victim.path("env", {"name": variable}, "valueFrom", "configMapKeyRef")
    wrong_key = next(made for _ in range(99) if (made := typo(rng, ref["key"])) not in data)
    edit = Edit("Deployment", victim.name, (*path, "key"), wrong_key, ref["key"])
    if rng.random() < 0.25:
        edit = Edit("Deployment", victim.name, (*path, "name"), typo(rng, ref["name"]).lower(), ref["name"])
    return Damage("Deployment", victim.name, victim.name, "unready", (edit,))


FAULT = Fault(
    name="missing_config_key",
    right="resolve",
    why="ConfigMaps and references to them are in the namespace; the other side of the reference tells the right name",
    variants=(LATEST, BURIED, FIRST, _DELETED, _RENAMED),
    damage=damage,
)
