"""CustomResourceDefinitions: the types that they define, and what the API server does about a new one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..store import Store
from .resources import Below, Resource
from .schema import ANY, Node, compiled

Object = dict[str, Any]

KIND = "CustomResourceDefinition"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_MOMENT = 0.5
_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_CHANGE = ("get", "patch", "update")


@dataclass(frozen=True)
class Definition:
    """One version of a custom type. ``schema`` is its OpenAPI v3 as the definition has it."""

    list_kind: str
    schema: Object
    node: Node
    columns: tuple[Object, ...]

    def cells(self, obj: Object) -> list[Any]:
        """What the columns behind the name show."""
        return [_shown(column, obj) for column in self.columns]


def resources_of(crd: Object) -> Iterator[Resource]:
    """One for each served version, the storage version first."""
    spec = crd["spec"]
    names = spec["names"]
    for version in sorted(spec["versions"], key=lambda item: not item.get("storage")):
        if not version.get("served"):
            continue
        schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        columns = version.get("additionalPrinterColumns") or [_AGE]
        definition = Definition(names.get("listKind") or f"{names['kind']}List", schema, _top(schema), tuple(columns))
        below = []
        subresources = version.get("subresources") or {}
        if "status" in subresources:
            below.append(Below("status", spec["group"], version["name"], names["kind"], _CHANGE))
        if "scale" in subresources:
            below.append(Below("scale", "autoscaling", "v1", "Scale", _CHANGE))
        yield Resource(
            spec["group"],
            version["name"],
            names["kind"],
            names["plural"],
            names.get("singular") or names["kind"].lower(),
            tuple(names.get("shortNames") or ()),
            spec["scope"] == "Namespaced",
            tuple(below),
            _VERBS,
            True,
            tuple(names.get("categories") or ()),
            f"{names['kind']}.{spec['group']}",
            definition,
        )


def completed(crd: Object) -> Object:
    """A new definition with the defaults that depend on its other fields."""
    spec = {"conversion": {"strategy": "None"}, **crd["spec"]}
    names = {**spec["names"]}
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    spec["names"] = names
    stored = [version["name"] for version in spec["versions"] if version.get("storage")]
    status = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored}
    return {**crd, "spec": spec, "status": status}


def going(crd: Object, now: str) -> Object:
    """A definition that somebody deletes: it stays until its objects are gone, and says so."""
    finalizers = [*(crd["metadata"].get("finalizers") or ()), CLEANUP]
    condition = {
        "type": "Terminating",
        "status": "True",
        "lastTransitionTime": now,
        "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    }
    status = crd.get("status") or {}
    conditions = [*(status.get("conditions") or ()), condition]
    meta = {**crd["metadata"], "finalizers": finalizers}
    return {**crd, "metadata": meta, "status": {**status, "conditions": conditions}}


class Definitions:
    """Accepts new definitions, serves their types, and cleans up after those that go. Works by itself once made."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.subscribe(self._heard)

    def _heard(self, type_: str, old: Object | None, new: Object | None) -> None:
        assert new is not None
        if new["kind"] != KIND:
            if type_ == "DELETED" and self._store.registry.custom:
                self._after_last(new)
            return
        name = new["metadata"]["name"]
        if type_ == "DELETED":
            self._store.registry.remove(new["spec"]["group"], new["spec"]["names"]["plural"])
        elif new["metadata"].get("deletionTimestamp"):
            self._store.clock.after(_MOMENT, lambda: self._clean(name))
        else:
            for resource in resources_of(new):
                self._store.serve(resource)
            if not (new.get("status") or {}).get("conditions"):
                self._store.clock.after(0, lambda: self._accept(name))

    def _accept(self, name: str) -> None:
        crd = self._store.get(KIND, "", name)
        if crd is None:
            return
        now = self._store.clock.stamp()
        conditions = [
            {"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}
            for kind, reason, message in (
                ("NamesAccepted", "NoConflicts", "no conflicts found"),
                ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            )
        ]
        status = {**crd["status"], "acceptedNames": crd["spec"]["names"], "conditions": conditions}
        self._store.update({**crd, "status": status}, status=True)

    def _clean(self, name: str) -> None:
        """Deletes what there is of a type that goes, and lets its definition go with the last of it."""
        crd = self._store.get(KIND, "", name)
        if crd is None:
            return
        for resource in resources_of(crd):
            objects = self._store.list(resource.store_kind)
            for obj in objects:
                self._store.delete(resource.store_kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
            if self._store.list(resource.store_kind):
                return
        finalizers = [held for held in crd["metadata"].get("finalizers") or () if held != CLEANUP]
        self._store.update({**crd, "metadata": {**crd["metadata"], "finalizers": finalizers}})

    def _after_last(self, gone: Object) -> None:
        group = gone.get("apiVersion", "").partition("/")[0]
        if (group, gone["kind"]) not in self._store.registry.custom:
            return
        for crd in self._store.list(KIND):
            spec = crd["spec"]
            if (spec["group"], spec["names"]["kind"]) == (group, gone["kind"]):
                name = crd["metadata"]["name"]
                if crd["metadata"].get("deletionTimestamp"):
                    self._store.clock.after(0, lambda name=name: self._clean(name))  # type: ignore[misc]


_AGE: Object = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def _top(schema: Object) -> Node:
    node = Node("struct")
    fields = {name: _node(part) for name, part in (schema.get("properties") or {}).items()}
    plain = compiled("", "v1", "ConfigMap")
    node.fields = {**fields, **{name: plain.fields[name] for name in ("apiVersion", "kind", "metadata")}}
    node.name = "CustomResource"
    node.filled = _filled(schema, fields)
    if not schema.get("properties") or schema.get("x-kubernetes-preserve-unknown-fields"):
        node.open = True
    return node


def _node(schema: Object) -> Node:
    """Scalars are free-form here: whether they fit, the schema's own validation says, in its words."""
    kind = schema.get("type")
    if kind == "array":
        node = Node("list")
        node.item = _node(schema.get("items") or {})
        node.keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        node.is_set = schema.get("x-kubernetes-list-type") == "set"
        node.atomic = not node.keys and not node.is_set
        return node
    if kind != "object":
        return ANY
    if isinstance(schema.get("additionalProperties"), dict):
        node = Node("map")
        node.item = _node(schema["additionalProperties"])
        return node
    node = Node("struct")
    node.name = "object"
    node.fields = {name: _node(part) for name, part in (schema.get("properties") or {}).items()}
    node.filled = _filled(schema, node.fields)
    node.atomic = schema.get("x-kubernetes-map-type") == "atomic"
    node.open = bool(schema.get("x-kubernetes-preserve-unknown-fields")) or schema.get("additionalProperties") is True
    return node


def _filled(schema: Object, fields: dict[str, Node]) -> tuple[tuple[str, Any], ...]:
    properties = schema.get("properties") or {}
    return tuple((name, part["default"]) for name, part in properties.items() if "default" in part and name in fields)


_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]|\[\?\(@\.([\w-]+)==[\"'](.*?)[\"']\)\]|\['([^']+)'\]")


def _shown(column: Object, obj: Object) -> Any:
    """The value at a column's JSONPath; the empty string where there is none."""
    value: Any = obj
    for key, index, field, wanted, quoted in _STEP.findall(column["jsonPath"].replace("\\.", "\0")):
        key = (key or quoted).replace("\0", ".")
        if key and isinstance(value, dict):
            value = value.get(key)
        elif index and isinstance(value, list):
            value = value[int(index)] if int(index) < len(value) else None
        elif field and isinstance(value, list):
            value = next((item for item in value if item.get(field) == wanted), None)
        else:
            value = None
    return value
