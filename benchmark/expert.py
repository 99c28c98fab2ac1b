"""A writer that knows the fault: it undoes the injection's own edits. It bounds what can be reached.

Of a course it knows what has come by now.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..plugins.module_utils.evidence import Inventory, Manifest, ObjectRef
from ..plugins.plugin_utils.hands import Ask
from ..plugins.plugin_utils.policy import Policy
from ..plugins.plugin_utils.report import Report
from ..plugins.plugin_utils.step import Answer
from ..plugins.plugin_utils.wishes import Write
from ..sandbox.faults import Injected
from .cases import WAIT, Scene
from .writing import hand_over, json_patch, play, restart

_GONE = object()
_AMPLE = {"cpu": "500m", "memory": "256Mi"}
"""Instead of a limit that was not there before: the policy lets nobody take a limit away."""


def expert(scene: Scene) -> Ask:
    """Writes the ground-truth repair at once, or hands over where that is right."""

    def ask(report: Report, wish: Write, policy: Policy) -> Answer:
        going = scene.unfolding
        there = going.injected if going is not None else [scene.injected] if scene.injected is not None else []
        beyond = [item for item in there if item.right == "escalate"]
        if beyond:
            told = [f"{item.workload['name']}: {item.why}" if going is not None else item.why for item in beyond]
            return hand_over("; ".join(told))
        if not there or scene.charge.right == WAIT:
            return hand_over("it goes by itself" if there else "nothing is wrong")
        inventory = wish.evidence.inventory
        tasks = _tasks([edit for item in there for edit in item.edits], inventory)
        renewed = [item for item in there if _reads_at_start(item)]
        tasks += [restart(_suffering(item, inventory), inventory.time) for item in renewed]
        return play(*tasks)

    return ask


def _reads_at_start(injected: Injected) -> bool:
    """Whether only new Pods are rid of it: what presses on the old ones goes with them, and what a ConfigMap says is
    read when they start."""
    if not injected.edits:
        return injected.restart
    return any(edit.kind == "ConfigMap" for edit in injected.edits)


def _suffering(injected: Injected, inventory: Inventory) -> ObjectRef:
    return ObjectRef(injected.workload["kind"], inventory.namespace, injected.workload["name"])


def _tasks(edits: Iterable[Any], inventory: Inventory) -> list[dict[str, Any]]:
    by_object: dict[ObjectRef, list[Any]] = {}
    for edit in edits:
        by_object.setdefault(ObjectRef(edit.kind, inventory.namespace, edit.name), []).append(edit)
    return [json_patch(ref, _operations(inventory.get(ref) or {}, group)) for ref, group in by_object.items()]


def _operations(live: Manifest, edits: list[Any]) -> list[dict[str, Any]]:
    """JSON patch operations; what is taken away comes last, from the back, so that no index moves before its turn."""
    writes, removals = [], []
    for edit in edits:
        pointer, present = _pointer(live, edit.path)
        value = _AMPLE.get(edit.path[-1]) if edit.right is None and "limits" in edit.path else edit.right
        if value is not None:
            writes.append({"op": "replace" if present else "add", "path": pointer, "value": value})
        elif present:
            removals.append({"op": "remove", "path": pointer})
    return writes + sorted(removals, key=lambda operation: str(operation["path"]), reverse=True)


def _pointer(live: Any, path: Iterable[Any]) -> tuple[str, bool]:
    """The JSON pointer of a path with list-map keys, and whether something stands there."""
    parts: list[str] = []
    node: Any = live
    for key in path:
        if isinstance(key, str):
            parts.append(key.replace("~", "~0").replace("/", "~1"))
            node = node.get(key, _GONE) if isinstance(node, dict) else _GONE
            continue
        items = node if isinstance(node, list) else []
        spot = (
            key if isinstance(key, int) else next((i for i, item in enumerate(items) if _fits(item, key)), len(items))
        )
        parts.append(str(spot) if spot < len(items) else "-")
        node = items[spot] if spot < len(items) else _GONE
    return "/" + "/".join(parts), node is not _GONE


def _fits(item: Any, key: dict[str, Any]) -> bool:
    return isinstance(item, dict) and all(item.get(name) == value for name, value in key.items())
