"""Keys that others ask of a ConfigMap and that it does not have: fields as good as those it has."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from ..plugins.module_utils.evidence import Inventory, ObjectRef
from ..plugins.module_utils.facts_references import references
from ..plugins.module_utils.workloads import View

_ALIKE = 3


def missing_keys(inventory: Inventory) -> dict[ObjectRef, tuple[str, ...]]:
    """By ConfigMap, the keys that workloads refer to and that it lacks."""
    found: dict[ObjectRef, dict[str, None]] = {}
    for work in View(inventory).workloads.values():
        for ref, key, *_ in references(work):
            held = inventory.get(ref) if ref.kind == "ConfigMap" else None
            if key and held is not None and key not in (held.get("data") or {}):
                found.setdefault(ref, {})[key] = None
    return {ref: tuple(keys) for ref, keys in found.items()}


def values_of_like_keys(key: str, data: Mapping[str, Any]) -> list[Any]:
    """What the keys that are spelled most like ``key`` hold, the likest first."""
    by_likeness = sorted(data, key=lambda other: -SequenceMatcher(None, key, other).ratio())
    return [data[other] for other in by_likeness[:_ALIKE]]
