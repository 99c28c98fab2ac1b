"""The types of the API, compiled from schema.json and defaults.yaml into nodes that can be walked."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from . import own_yaml

_HERE = Path(__file__).parent
_TIMES = ("Time", "MicroTime")
_FREE_FORM = ("FieldsV1", "RawExtension", "JSON", "Info")


class Node:
    """One type. ``shape``: struct, map, list, string, integer, number, boolean, quantity, int-or-string,
    time or any. A struct has ``fields``, a map or list an ``item``. ``keys``: a list that is a map by these
    keys. ``is_set``: a list of distinct scalars. ``atomic``: replaced as a whole. ``merge_key`` and
    ``strategy``: what a strategic merge goes by. ``go``: how Go calls the type. ``skeleton``: the field is
    there ({}) even when nobody wrote it. ``open``: fields that it does not name are kept."""

    __slots__ = (
        "atomic",
        "default",
        "defaults",
        "enum",
        "fields",
        "filled",
        "go",
        "is_set",
        "item",
        "keys",
        "merge_key",
        "name",
        "open",
        "required",
        "shape",
        "skeleton",
        "strategy",
    )

    def __init__(self, shape: str) -> None:
        self.shape = shape
        self.name = ""
        self.open = False
        self.go = shape
        self.fields: dict[str, Node] = {}
        self.item: Node | None = None
        self.keys: tuple[str, ...] = ()
        self.is_set = False
        self.atomic = False
        self.merge_key = ""
        self.strategy: tuple[str, ...] = ()
        self.enum: tuple[str, ...] = ()
        self.required: tuple[str, ...] = ()
        self.default: Any = None
        self.skeleton = False
        self.defaults: dict[str, Any] = {}
        self.filled: tuple[tuple[str, Any], ...] = ()

    def below(self, key: str) -> Node:
        """The node of a field or value; an unknown one is free-form."""
        if self.shape == "struct":
            return self.fields.get(key, ANY)
        return self.item if self.item is not None and self.shape == "map" else ANY


ANY = Node("any")


@cache
def node_of(group: str, version: str, kind: str) -> Node:
    """The node of a served kind; free-form for one whose schema was not captured."""
    name = _document()["kinds"].get(f"{group}/{version}/{kind}")
    return _struct(name) if name else ANY


@cache
def raw() -> dict[str, Any]:
    """The captured document itself (openapi.py serves it)."""
    return _document()


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((_HERE / "schema.json").read_bytes())
    return document


@cache
def _defaults() -> dict[str, dict[str, Any]]:
    document: dict[str, dict[str, Any]] = own_yaml.read(_HERE / "defaults.yaml")
    return document


_structs: dict[str, Node] = {}


def _struct(name: str) -> Node:
    """The node of a definition; recursive definitions end in the same node."""
    if name in _structs:
        return _structs[name]
    short = name.rsplit(".", 1)[-1]
    definition = _document()["definitions"][name]
    if short in _TIMES:
        node = Node("time")
    elif short in _FREE_FORM:
        node = Node("any")
    else:
        node = Node(_scalar_shape(definition))
    node.name = short
    node.go = f"{name.rsplit('.', 2)[-2]}.{short}"
    _structs[name] = node
    if node.shape == "struct":
        for field, part in definition.get("fields", {}).items():
            node.fields[field] = _field(part)
        node.required = tuple(definition.get("required", ()))
        node.atomic = definition.get("map") == "atomic"
        node.filled = _filled(node, _defaults().get(short, {}))
    return node


def definition_of(node: Node) -> str:
    """The definition that this is the node of; empty where it is a node of its own."""
    return next((name for name, there in _structs.items() if there is node), "")


def node_named(name: str) -> Node:
    """The node of a captured definition."""
    return _struct(name)


def _filled(node: Node, given: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """What a missing field is filled with: the given default, the schema's own, or {} for a plain struct."""
    found = dict(given)
    for field, child in node.fields.items():
        if field in found:
            continue
        if child.default is not None:
            found[field] = child.default
        elif child.skeleton and child.shape == "struct":
            found[field] = {}
    return tuple(found.items())


def _field(part: dict[str, Any]) -> Node:
    """A field's own node: a definition's node, told apart where the field says more than the definition."""
    if "ref" in part:
        base = _struct(part["ref"])
        if part.get("default") is None and "map" not in part and "enum" not in part:
            return base
        node = Node(base.shape)
        for slot in Node.__slots__:
            setattr(node, slot, getattr(base, slot))
        # A recursive definition may still be filling its fields: share the dict, not a copy.
        node.fields = base.fields
        _later(node, base)
        node.skeleton = part.get("default") == {}
        node.atomic = node.atomic or part.get("map") == "atomic"
        return node
    node = Node(_scalar_shape(part))
    node.go = str(part["format"]) if part.get("format") in ("int32", "int64") else node.shape
    node.go = {"integer": "int", "boolean": "bool", "number": "float64"}.get(node.go, node.go)
    node.enum = tuple(part.get("enum", ()))
    default = part.get("default")
    node.default = default if default not in (None, {}, 0, "", False) else None
    node.skeleton = default == {}
    node.atomic = part.get("map") == "atomic"
    if node.shape == "list":
        node.item = _field(part.get("items", {}))
        node.go = f"[]{node.item.go}"
        node.keys = tuple(part.get("keys", ())) if part.get("list") == "map" else ()
        node.is_set = part.get("list") == "set"
        node.atomic = not node.keys and not node.is_set
        node.merge_key = part.get("merge", "")
        node.strategy = tuple(part.get("strategy", "").split(",")) if part.get("strategy") else ()
    elif node.shape == "map":
        node.item = _field(part.get("values", {})) if "values" in part else ANY
        node.go = f"map[string]{node.item.go}"
    return node


_waiting: list[tuple[Node, Node]] = []


def _later(node: Node, base: Node) -> None:
    """Copies what ``base`` learns only at the end of its own making."""
    if base.shape == "struct" and not base.filled:
        _waiting.append((node, base))


def compiled(group: str, version: str, kind: str) -> Node:
    """As node_of, with everything in place."""
    node = node_of(group, version, kind)
    while _waiting:
        copy, base = _waiting.pop()
        copy.filled, copy.required, copy.atomic = base.filled, base.required, base.atomic or copy.atomic
    return node


def _scalar_shape(part: dict[str, Any]) -> str:
    kind = part.get("type")
    if kind == "array":
        return "list"
    if kind == "object":
        return "map" if "values" in part else "struct"
    if kind == "string" and part.get("format") == "date-time":
        return "time"
    return kind or "any"
