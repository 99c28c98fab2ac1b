"""Which fields a manager owns: sets of paths, their FieldsV1 form, and the differences between two objects.

A path is a tuple of FieldsV1 steps: ``f:name``, ``k:{"name":"web"}`` (one item of a list that is a map),
``v:"x"`` (one member of a set).
"""

from __future__ import annotations

import json
from collections.abc import Set
from functools import lru_cache
from typing import Any

from ..remembered import Remembered
from .schema import ANY, Node

Path = tuple[str, ...]
Object = dict[str, Any]

_NOT_OWNED = frozenset({"f:apiVersion", "f:kind"})
_OWNED_METADATA = frozenset({"f:annotations", "f:labels", "f:finalizers", "f:ownerReferences", "f:generateName"})


def owned_by(node: Node, value: Object) -> set[Path]:
    """Every field that an applied configuration names."""
    found: set[Path] = set()
    _collect(node, value, (), found, marks=False)
    return {path for path in found if _counts(path)}


def changed(node: Node, old: Object | None, new: Object) -> tuple[set[Path], set[Path]]:
    """The fields that ``new`` sets anew or to another value, and those of ``old`` that it no longer has."""
    touched: set[Path] = set()
    removed: set[Path] = set()
    _compare(node, old or {}, new, (), touched, removed, bare=not old)
    return {path for path in touched if _counts(path)}, removed


def to_tree(paths: Set[Path]) -> Object:
    """FieldsV1."""
    tree: Object = {}
    owned: set[int] = set()  # ids of places that are owned themselves, and have nothing below so far
    for path in sorted(paths):  # each before what lies below it
        at = tree
        for step in path:
            below = at.get(step)
            if below is None:
                if id(at) in owned:
                    owned.discard(id(at))
                    at["."] = {}
                below = at[step] = {}
            at = below
        owned.add(id(at))
    return tree


def _paths_of(tree: Object) -> frozenset[Path]:
    paths: set[Path] = set()
    _walk(tree, (), paths)
    return frozenset(paths)


from_tree = Remembered(_paths_of)
"""The paths of FieldsV1."""


def item_step(node: Node, item: Any) -> str | None:
    """The step of a list's item, or None when it cannot be told (a key is missing)."""
    if node.keys:
        if not isinstance(item, dict):
            return None
        keys: Object = {}
        for key in node.keys:
            value = item.get(key)
            if value is None:
                child = node.item.fields.get(key) if node.item else None
                value = child.default if child else None
            if value is None:
                return None
            keys[key] = value
        try:
            return _key_step(tuple(keys), *keys.values())
        except TypeError:  # a key that is no plain value
            return _key_step.__wrapped__(tuple(keys), *keys.values())
    return "v:" + json.dumps(item, separators=(",", ":"))


@lru_cache(maxsize=4096, typed=True)
def _key_step(names: tuple[str, ...], *values: Any) -> str:
    return "k:" + json.dumps(dict(zip(names, values, strict=True)), separators=(",", ":"), sort_keys=True)


def _counts(path: Path) -> bool:
    if path[0] in _NOT_OWNED:
        return False
    if path[0] == "f:metadata":
        return len(path) > 1 and path[1] in _OWNED_METADATA
    return True


def _collect(node: Node, value: Any, path: Path, found: set[Path], *, marks: bool = True, bare: bool = False) -> None:
    """Adds the paths of ``value``. ``marks``: containers count as fields too (in an update they do, in an applied
    configuration not). ``bare``: an empty object has this path already, as Go writes plain structs and required
    lists out even when nobody set them."""
    if isinstance(value, dict) and value and not node.atomic and node.shape in ("struct", "map", "any"):
        for key, part in value.items():
            child = node.below(key)
            step = (*path, f"f:{key}")
            there = bare and (child.skeleton or key in node.required)
            if there and part == {}:
                continue
            if marks and _is_inner(child, part) and not there:
                found.add(step)
            _collect(child, part, step, found, marks=marks, bare=there)
    elif node.shape == "list" and value and isinstance(value, list) and not node.atomic:
        item_node = node.item or ANY
        for item in value:
            key = item_step(node, item)
            if key is None:
                found.add(path)
                return
            step = (*path, key)
            found.add(step)
            if node.keys:
                _collect(item_node, item, step, found, marks=marks)
    else:
        found.add(path)


def _is_inner(node: Node, value: Any) -> bool:
    """A container whose parts are owned one by one."""
    if node.atomic or not value:
        return False
    return isinstance(value, dict) or (isinstance(value, list) and node.shape == "list")


def _compare(
    node: Node, old: Any, new: Any, path: Path, touched: set[Path], removed: set[Path], bare: bool = False
) -> None:
    if old is new or old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict) and not node.atomic and (old or path == () or new):
        for key, part in new.items():
            child = node.below(key)
            step = (*path, f"f:{key}")
            if key in old:
                _compare(child, old[key], part, step, touched, removed)
            else:
                there = bare and (child.skeleton or key in node.required or key == "metadata")
                if there and part == {}:
                    continue
                if _is_inner(child, part) and not there:
                    touched.add(step)
                _collect(child, part, step, touched, bare=there)
        for key, part in old.items():
            if key not in new:
                gone = (*path, f"f:{key}")
                removed.add(gone)
                _collect(node.below(key), part, gone, removed)
        return
    if node.shape == "list" and not node.atomic and isinstance(old, list) and isinstance(new, list):
        item_node = node.item or ANY
        before = {item_step(node, item): item for item in old}
        after = {item_step(node, item): item for item in new}
        if None in before or None in after:
            touched.add(path)
            return
        for key, item in after.items():
            assert key is not None
            step = (*path, key)
            if key not in before:
                touched.add(step)
                if node.keys:
                    _collect(item_node, item, step, touched)
            elif node.keys:
                _compare(item_node, before[key], item, step, touched, removed)
        for key, item in before.items():
            if key not in after:
                assert key is not None
                gone = (*path, key)
                removed.add(gone)
                if node.keys:
                    _collect(item_node, item, gone, removed)
        return
    touched.add(path)


def _walk(tree: Object, path: Path, paths: set[Path]) -> None:
    if not tree and path:
        paths.add(path)
    for step, below in tree.items():
        if step == ".":
            paths.add(path)
        else:
            _walk(below, (*path, step), paths)
