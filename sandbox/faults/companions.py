"""Changes that come along with a damage: a later one that does no harm, an earlier one that the rest has followed."""

from __future__ import annotations

import json
import random
from typing import Any

from ..systems.edits import Edit, value_at
from .fault import CannotInject, Damage
from .scene import Scene

Object = dict[str, Any]


def harmless(scene: Scene, damage: Damage, rng: random.Random) -> Edit:
    """A later change of the template that neither helps nor hurts; as an Edit from it to what was before."""
    kind = "Deployment" if ("Deployment", damage.workload) in scene.workloads else "StatefulSet"
    template = ("spec", "template", "metadata")
    if rng.random() < 0.5:
        stamp = f"2026-03-{rng.randint(1, 28):02d}T{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:00Z"
        return Edit(kind, damage.workload, (*template, "annotations", "kubectl.kubernetes.io/restartedAt"), stamp, None)
    key = rng.choice(("build", "commit", "release", "revision"))
    return Edit(
        kind, damage.workload, (*template, "annotations", f"ci.example/{key}"), f"{rng.getrandbits(28):07x}", None
    )


def moved_on(scene: Scene, damage: Damage, rng: random.Random) -> tuple[Edit, ...]:
    """A key of the workload's ConfigMap gets a new name, in the map and in the workload at once."""
    kind = "Deployment" if ("Deployment", damage.workload) in scene.workloads else "StatefulSet"
    item = scene.workloads[kind, damage.workload]
    spec = scene.system.service(damage.workload)
    touched = {json.dumps(edit.path) for edit in damage.edits}
    container = ("spec", "template", "spec", "containers", {"name": spec.container}, "env")
    variables = list(value_at(item, container) or ())
    rng.shuffle(variables)
    for env in variables:
        ref = env.get("valueFrom", {}).get("configMapKeyRef")
        if not ref or any(f'"{env["name"]}"' in path for path in touched):
            continue
        held = scene.config_maps.get(ref["name"], {}).get("data", {})
        if ref["key"] not in held or _used_elsewhere(scene, damage.workload, ref):
            continue
        endings = ("_V2", "_NEW", "_2") if ref["key"].isupper() else ("-v2", ".new", "-2")
        new = ref["key"] + rng.choice(endings)
        path = (*container, {"name": env["name"]}, "valueFrom", "configMapKeyRef", "key")
        return (
            Edit("ConfigMap", ref["name"], ("data", ref["key"]), None, held[ref["key"]]),
            Edit("ConfigMap", ref["name"], ("data", new), held[ref["key"]], None),
            Edit(kind, damage.workload, path, new, ref["key"]),
        )
    raise CannotInject(f"{damage.workload} reads no ConfigMap key that could be renamed: take another system")


def _used_elsewhere(scene: Scene, workload: str, ref: Object) -> bool:
    for (_, name), item in scene.workloads.items():
        text = json.dumps(item["spec"]["template"]["spec"])
        if name != workload and f'"name": "{ref["name"]}"' in text and f'"key": "{ref["key"]}"' in text:
            return True
    return False
