"""Edits: one field of one object, from a value to another, and how to carry them out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from .rest import Api

Object = dict[str, Any]
Key = str | int | dict[str, Any]
"""A field's name, an index, or what identifies a list's item, such as {"name": "cart"}."""


@dataclass(frozen=True)
class Edit:
    """``wrong`` is what the fault put there, ``right`` what belongs there; None: the field is absent."""

    kind: str
    name: str
    path: tuple[Key, ...]
    wrong: Any
    right: Any

    def reversed(self) -> Edit:
        return Edit(self.kind, self.name, self.path, self.right, self.wrong)


def value_at(tree: Any, path: Iterable[Key]) -> Any:
    """What stands at the path, or None."""
    for key in path:
        tree = _step(tree, key)
        if tree is None:
            return None
    return tree


def with_value(tree: Any, path: tuple[Key, ...], value: Any) -> Any:
    """A copy of the tree with the value at the path; None takes the field or item away."""
    key, rest = path[0], path[1:]
    if isinstance(key, str):
        tree = tree or {}
        new = value if not rest else with_value(tree.get(key), rest, value)
        if new is None:
            return {name: item for name, item in tree.items() if name != key}
        return {**tree, key: new}
    items = list(tree or [])
    spot = key if isinstance(key, int) else next((i for i, item in enumerate(items) if _matches(item, key)), len(items))
    new = value if not rest else with_value(items[spot] if spot < len(items) else dict(key), rest, value)  # type: ignore[arg-type]
    if new is None:
        return items[:spot] + items[spot + 1 :]
    if isinstance(key, dict) and isinstance(new, dict) and not rest:
        new = {**key, **new}
    return [*items[:spot], new, *items[spot + 1 :]]


def carry_out(api: Api, namespace: str, edits: Iterable[Edit], manager: str) -> None:
    """Writes every edit's ``right`` value, one write an object, as `kubectl edit` does."""
    by_object: dict[tuple[str, str], list[Edit]] = {}
    for edit in edits:
        by_object.setdefault((edit.kind, edit.name), []).append(edit)
    for (kind, name), group in by_object.items():
        api.edit(kind, namespace, name, partial(_edited, group), manager)


def _edited(edits: Iterable[Edit], live: Object) -> Object:
    for edit in edits:
        live = with_value(live, edit.path, edit.right)
    return live


def container_path(container: str, *more: Key) -> tuple[Key, ...]:
    """The path into one container of a workload's template."""
    return ("spec", "template", "spec", "containers", {"name": container}, *more)


def _step(tree: Any, key: Key) -> Any:
    if isinstance(key, dict):
        return next((item for item in tree or () if _matches(item, key)), None)
    if isinstance(key, int):
        return tree[key] if isinstance(tree, list) and key < len(tree) else None
    return tree.get(key) if isinstance(tree, dict) else None


def _matches(item: Any, key: dict[str, Any]) -> bool:
    return isinstance(item, dict) and all(item.get(name) == value for name, value in key.items())
