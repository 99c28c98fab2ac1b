"""What every real namespace has besides its healthy services: things that look odd and are right."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from .names import tag, word
from .parts import Blueprint, workload
from .system import System

Object = dict[str, Any]


def noise(system: System, rng: random.Random) -> System:
    """Adds, each by chance: a workload switched off on purpose, a finished Job, a ConfigMap nobody reads."""
    first = next(item for item in system.manifests if item["kind"] == "Deployment")
    template = first["spec"]["template"]["spec"]
    program = next(item for item in template["containers"][0]["volumeMounts"] if item["name"] == "program")
    items = template["volumes"][0]["configMap"].get("items", [{"path": "program.py"}])
    path = f"{program['mountPath']}/{items[0]['path']}"
    repository = template["containers"][0]["image"].rsplit("/", 1)[0]
    made: list[Object] = []
    images = set(system.images)
    if rng.random() < 0.5:
        name = f"{rng.choice(('legacy', 'old', 'beta', 'canary'))}-{word(rng, 2)}"
        plan = Blueprint(
            name=name,
            namespace=system.namespace,
            image=f"{repository}/{name}:{tag(rng)}",
            labels={"app": name},
            replicas=0,
            command=("python3", path, "serve"),
            mount=program["mountPath"],
            file=items[0]["path"],
            env=({"name": "PORT", "value": "8080"},),
            annotations={"note": "switched off on purpose"} if rng.random() < 0.5 else {},
        )
        images.add(plan.image)
        made += workload(plan)
    if rng.random() < 0.5:
        name = f"{rng.choice(('migrate', 'seed', 'import', 'backfill'))}-{word(rng, 1)}"
        image = f"{repository}/tools:{tag(rng)}"
        images.add(image)
        made.append(_job(name, system.namespace, image, path, template["volumes"], program))
    if rng.random() < 0.5:
        made.append(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": f"{word(rng, 2)}-notes", "namespace": system.namespace},
                "data": {"owner": word(rng, 2), "ticket": f"OPS-{rng.randint(100, 9999)}"},
            }
        )
    return replace(system, manifests=(*system.manifests, *made), images=frozenset(images))


def _job(name: str, space: str, image: str, path: str, volumes: list[Object], mount: Object) -> Object:
    container = {"name": "task", "image": image, "command": ["python3", path, "once"], "volumeMounts": [mount]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": space},
        "spec": {
            "backoffLimit": 2,
            "template": {
                "metadata": {"labels": {"job": name}},
                "spec": {"restartPolicy": "Never", "containers": [container], "volumes": volumes},
            },
        },
    }
