"""Playbook text for methods without a model, in the form that the model writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ..plugins.module_utils.evidence import ObjectRef
from ..plugins.module_utils.kinds import KINDS
from ..plugins.plugin_utils.step import Answer, EscalateStep, PlaybookStep


def patch(ref: ObjectRef, definition: Mapping[str, Any]) -> dict[str, Any]:
    """A task that merges ``definition`` into an object."""
    args = {"state": "patched", **_named(ref), "definition": dict(definition)}
    return {"name": f"Patch {ref.kind} {ref.name}", "kubernetes.core.k8s": args}


def json_patch(ref: ObjectRef, operations: list[dict[str, Any]]) -> dict[str, Any]:
    """A task that patches by JSON pointers."""
    return {
        "name": f"Patch {ref.kind} {ref.name}",
        "kubernetes.core.k8s_json_patch": {**_named(ref), "patch": operations},
    }


def restart(ref: ObjectRef, now: str) -> dict[str, Any]:
    """What ``kubectl rollout restart`` does."""
    annotations = {"kubectl.kubernetes.io/restartedAt": now}
    return patch(ref, {"spec": {"template": {"metadata": {"annotations": annotations}}}})


def roll_back(ref: ObjectRef) -> dict[str, Any]:
    """What ``kubectl rollout undo`` does."""
    return {"name": f"Roll back {ref.kind} {ref.name}", "kubernetes.core.k8s_rollback": _named(ref)}


def scale(ref: ObjectRef, replicas: int) -> dict[str, Any]:
    """What ``kubectl scale`` does."""
    return patch(ref, {"spec": {"replicas": replicas}})


def play(*tasks: dict[str, Any]) -> Answer:
    """A free Answer: these tasks."""
    text = yaml.safe_dump([{"tasks": list(tasks)}], sort_keys=False)
    return Answer(PlaybookStep(text), text, 0, 0, 0.0, None)


def hand_over(reason: str) -> Answer:
    """A free Answer: a person must act."""
    return Answer(EscalateStep(reason), reason, 0, 0, 0.0, None)


def _named(ref: ObjectRef) -> dict[str, Any]:
    return {"api_version": KINDS[ref.kind].api_version, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
