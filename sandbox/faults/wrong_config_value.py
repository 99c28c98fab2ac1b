"""A value in a ConfigMap that the program cannot use, found out when its Pods start the next time."""

from __future__ import annotations

import random

from ..systems.edits import Edit
from .fault import LIVE, Damage, Fault
from .scene import Scene, Victim
from .values import wrong_number, wrong_url, wrong_word


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        entries = list(_entries(scene, victim))
        rng.shuffle(entries)
        for name, config_map, key, value in entries:
            if name.endswith("_URL"):
                wrong, symptom = wrong_url(value, set(scene.services), rng), "unanswered"
            elif name.endswith(("_LEVEL", "_MODE", "_ENABLED")):
                wrong, symptom = wrong_word(value, rng), "unready"
            elif value.isdecimal() and name.endswith(("_MS", "_SIZE", "_LIMIT", "_SECONDS", "_MB", "_WORKERS")):
                wrong, symptom = wrong_number(value, rng), "unready"
            else:
                continue
            edit = Edit("ConfigMap", config_map, ("data", key), wrong, value)
            return Damage("ConfigMap", config_map, victim.name, symptom, (edit,), restart=True)
    return None


def _entries(scene: Scene, victim: Victim) -> list[tuple[str, str, str, str]]:
    """(variable, ConfigMap, key, value) of all that the container reads from ConfigMaps."""
    found = []
    for item in victim.env:
        ref = item.get("valueFrom", {}).get("configMapKeyRef")
        data = scene.config_maps.get(ref["name"], {}).get("data", {}) if ref else {}
        if ref and ref["key"] in data:
            found.append((item["name"], ref["name"], ref["key"], data[ref["key"]]))
    for source in victim.container.get("envFrom") or ():
        name = source.get("configMapRef", {}).get("name", "")
        found += [(key, name, key, value) for key, value in scene.config_maps.get(name, {}).get("data", {}).items()]
    return found


FAULT = Fault(
    name="wrong_config_value",
    right="resolve",
    why="the ConfigMap is in the namespace; logs, siblings and what was last applied tell a value that works",
    variants=(LIVE,),
    damage=damage,
)
