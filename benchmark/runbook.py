"""The best runbook that we could write without a model: a few rules on the workload that the report names."""

from __future__ import annotations

from typing import Any

from ..plugins.module_utils.evidence import Inventory, Manifest, ObjectRef
from ..plugins.plugin_utils.policy import Policy
from ..plugins.plugin_utils.report import Report
from ..plugins.plugin_utils.step import Answer
from ..plugins.plugin_utils.wishes import Write
from .named import named_workload
from .writing import hand_over, play, restart, roll_back, scale

_BAD_REVISION = (
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "RunContainerError",
    "CrashLoopBackOff", "StartError", "OOMKilled", "ContainerCannotRun",
)  # fmt: skip


def runbook(report: Report, wish: Write, policy: Policy) -> Answer:
    """At zero: scale to one. New Pods do not start: roll back. Else restart; then the other; then call a person."""
    inventory = wish.evidence.inventory
    ref = named_workload(report, inventory)
    if ref is None:
        return hand_over("the report names no workload")
    item = inventory.get(ref) or {}
    back = play(roll_back(ref) if ref.kind != "StatefulSet" else restart(ref, inventory.time))
    again = play(restart(ref, inventory.time))
    if item["spec"].get("replicas") == 0:
        order = [play(scale(ref, 1))]
    elif _reasons(ref, item, inventory) & set(_BAD_REVISION):
        order = [back, again]
    else:
        order = [again, back]
    tries = len(wish.attempts)
    return order[tries] if tries < len(order) else hand_over("restart and rollback did not help")


def _reasons(ref: ObjectRef, item: Manifest, inventory: Inventory) -> set[str]:
    """Why containers of its Pods wait, or ended last."""
    labels = item["spec"]["selector"].get("matchLabels", {})
    found: set[str] = set()
    for pod in inventory.of("Pod"):
        own = pod["metadata"].get("labels", {})
        if all(own.get(key) == value for key, value in labels.items()):
            for status in pod.get("status", {}).get("containerStatuses", ()):
                found |= {_reason(status.get("state", {})), _reason(status.get("lastState", {}))}
    return found


def _reason(state: Any) -> str:
    return str((state.get("waiting") or state.get("terminated") or {}).get("reason", ""))
