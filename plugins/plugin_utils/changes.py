# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a task does: the verb, the object, and each field that it writes.

A merge is read as the API server would merge it; a JSON patch is applied to the object of the
Inventory, so that what it takes away by replacing a whole subtree is seen too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from ..module_utils.evidence import Inventory, ObjectRef
from .argspec import Objection
from .fieldpaths import ENTRY, Leaf, Path, at, differences, leaves, list_index, merge_key, merged
from .tasks import Task
from .yamltree import Where

READ = "read"
_PATCH_KEYS = {"op", "path", "value"}


@dataclass(frozen=True)
class Change:
    """One verb on one object; ``leaves`` are the fields that it writes. A read has none."""

    verb: str  # read, create, patch, replace, scale, rollback, delete
    ref: ObjectRef
    api_version: str
    where: Where
    leaves: tuple[Leaf, ...] = ()
    after: Mapping[str, Any] = field(default_factory=dict)  # the object as it would be


@dataclass(frozen=True)
class Described:
    """What a task does, and what cannot be made out about it."""

    changes: tuple[Change, ...]
    objections: tuple[Objection, ...]


def describe(task: Task, inventory: Inventory) -> Described:
    """The Changes of one task whose arguments have the declared types."""
    objections: list[Objection] = []
    kind = task.module.rpartition(".")[2]
    if kind == "k8s":
        changes = list(_manifests(task, inventory, objections))
    else:
        change = _single(
            task, {"k8s_info": READ, "k8s_scale": "scale", "k8s_rollback": "rollback"}.get(kind, "patch"), objections
        )
        if kind == "k8s_scale":
            change = replace(
                change, leaves=(Leaf(("spec", "replicas"), task.args.get("replicas"), False, (*task.at, "replicas")),)
            )
        if kind == "k8s_json_patch":
            tree = deepcopy(dict(inventory.get(change.ref) or {}))
            change = replace(change, leaves=tuple(_json_patch(task, tree, objections)), after=tree)
        changes = [change]
    for change in changes:
        _identified(change, objections)
    return Described(tuple(changes), tuple(objections))


def _single(task: Task, verb: str, objections: list[Objection]) -> Change:
    ref, version = _identity(task, {}, task.at, objections)
    return Change(verb, ref, version, task.at)


def _manifests(task: Task, inventory: Inventory, objections: list[Objection]) -> Iterator[Change]:
    given = [key for key in ("definition", "resource_definition") if key in task.args]
    if len(given) > 1:
        objections.append(
            ("args.spec", (*task.at, given[1]), "definition and resource_definition are the same argument")
        )
    body = task.args[given[0]] if given else {}
    at_body = (*task.at, given[0]) if given else task.at
    for index, item in enumerate(body if isinstance(body, list) else [body]):
        where = (*at_body, index) if isinstance(body, list) else at_body
        if not isinstance(item, dict):
            objections.append(("manifest.shape", where, "a manifest is a mapping"))
            continue
        yield _manifest(task, item, where, inventory, objections)


def _manifest(
    task: Task, item: Mapping[str, Any], where: Where, inventory: Inventory, objections: list[Objection]
) -> Change:
    ref, version = _identity(task, item, where, objections)
    fields = _without_identity(item)
    objections += [
        ("manifest.directive", (*where, *path), f"{path[-1]} changes how a merge works and is not allowed")
        for path in _directives(fields)
    ]
    for place, key in _keyless(fields):
        objections.append(("manifest.merge-key", (*where, *place), f"an entry of this list needs its {key}"))
    state = task.args.get("state", "present")
    live = inventory.get(ref)
    if state == "absent":
        if fields:
            objections.append(("manifest.delete", where, "a deletion names an object and says nothing else"))
        return Change("delete", ref, version, where)
    if not fields:
        objections.append(("manifest.empty", where, "nothing is changed: the definition has no field"))
    if task.args.get("force"):
        current = _without_identity(_served(live)) if live else {}
        return Change("replace", ref, version, where, tuple(differences(current, dict(fields), (), where)), item)
    written = tuple(leaves(fields, (), where)) if fields else ()
    if "merge" in (task.args.get("merge_type") or ()) and any(
        ENTRY in leaf.path or isinstance(leaf.value, list) for leaf in written
    ):
        objections.append(
            (
                "manifest.merge",
                (*task.at, "merge_type"),
                "merge would replace whole lists; leave merge_type out or write strategic-merge",
            )
        )
    return Change(
        "create" if state == "present" and live is None else "patch",
        ref,
        version,
        where,
        written,
        merged(live or {}, item),
    )


def _identity(task: Task, item: Mapping[str, Any], where: Where, objections: list[Objection]) -> tuple[ObjectRef, str]:
    """Kind, namespace, name and apiVersion; the module lets the manifest win, we want them to agree."""
    meta = item.get("metadata") or {}
    if not isinstance(meta, dict):
        objections.append(("manifest.shape", (*where, "metadata"), "metadata is a mapping"))
        meta = {}
    found: dict[str, str] = {}
    for key, inside, holder in (
        ("kind", "kind", item),
        ("api_version", "apiVersion", item),
        ("name", "name", meta),
        ("namespace", "namespace", meta),
    ):
        outer, inner = task.args.get(key), holder.get(inside)
        if outer is not None and inner is not None and outer != inner:
            objections.append(
                ("manifest.disagrees", where, f"{key} is {outer!r} in the arguments and {inner!r} in the manifest")
            )
        value = inner if inner is not None else outer
        if value is not None and not isinstance(value, str):
            objections.append(("manifest.shape", where, f"{key} must be a string"))
            value = str(value)
        found[key] = value or ""
    return ObjectRef(found["kind"], found["namespace"], found["name"]), found["api_version"]


def _identified(change: Change, objections: list[Objection]) -> None:
    wanted = {"kind": change.ref.kind, "namespace": change.ref.namespace, "api_version": change.api_version}
    if change.verb != READ:
        wanted["name"] = change.ref.name
    for key, value in wanted.items():
        if not value:
            objections.append(("manifest.unnamed", change.where, f"{key} is missing"))


def _without_identity(item: Mapping[str, Any]) -> dict[str, Any]:
    fields = {key: value for key, value in item.items() if key not in ("apiVersion", "kind", "metadata")}
    meta = item.get("metadata")
    if isinstance(meta, dict):
        rest = {key: value for key, value in meta.items() if key not in ("name", "namespace")}
        if rest:
            fields["metadata"] = rest
    return fields


def _served(live: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the API server itself writes."""
    kept = {key: value for key, value in live.items() if key != "status"}
    server = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")
    return {**kept, "metadata": {key: value for key, value in live["metadata"].items() if key not in server}}


def _keyless(tree: Any, path: Path = (), where: Where = ()) -> Iterator[tuple[Where, str]]:
    """Entries of list maps that do not say which entry they are: the API server could not merge them."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _keyless(value, (*path, key), (*where, key))
    elif isinstance(tree, list):
        key = merge_key(path)
        for index, value in enumerate(tree):
            if key and not (isinstance(value, dict) and isinstance(value.get(key), (str, int))):
                yield (*where, index), key
            yield from _keyless(value, (*path, ENTRY), (*where, index))


def _directives(tree: Any, path: Where = ()) -> Iterator[Where]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key.startswith("$"):
                yield (*path, key)
            yield from _directives(value, (*path, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _directives(value, (*path, index))


def _json_patch(task: Task, tree: dict[str, Any], objections: list[Objection]) -> Iterator[Leaf]:
    """Each field that the operations write, found by applying them to ``tree``, a copy of the object."""
    operations = task.args.get("patch")
    for index, operation in enumerate(operations if isinstance(operations, list) else ()):
        where = (*task.at, "patch", index)
        problem = _operation_problem(operation)
        if problem:
            objections.append(("patch.shape", where, problem))
            continue
        if operation["op"] == "test" or not tree:
            continue
        parts = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        try:
            yield from _operate(tree, parts, operation, where)
        except (KeyError, IndexError, ValueError):
            objections.append(
                ("names.field", where, f"{operation['path']} is not in {task.args.get('kind')} {task.args.get('name')}")
            )


def _operation_problem(operation: Any) -> str:
    if not isinstance(operation, dict) or set(operation) - _PATCH_KEYS:
        return "an operation has op, path and value"
    if operation.get("op") not in ("add", "replace", "remove", "test"):
        return "op can be add, replace, remove or test"
    path = operation.get("path")
    if not isinstance(path, str) or not path.startswith("/") or path == "/":
        return "path must begin with / and name a field"
    if ("value" in operation) == (operation["op"] == "remove"):
        return f"{operation['op']} {'takes no' if operation['op'] == 'remove' else 'needs a'} value"
    return ""


def _operate(tree: dict[str, Any], parts: list[str], operation: Mapping[str, Any], where: Where) -> Iterator[Leaf]:
    parent, last, op = at(tree, parts[:-1]), parts[-1], operation["op"]
    above = _path(tree, parts[:-1])
    new = deepcopy(operation.get("value"))
    if isinstance(parent, dict):
        if op != "add" and last not in parent:
            raise KeyError(last)
        yield from differences(parent.get(last), new, (*above, last), where)
        if op == "remove":
            del parent[last]
        else:
            parent[last] = new
        return
    if not isinstance(parent, list):
        raise KeyError(last)
    position = len(parent) if last == "-" and op == "add" else list_index(last)
    if not 0 <= position < len(parent) + (op == "add"):
        raise IndexError(last)
    entry = (*above, ENTRY)
    if op == "add":
        parent.insert(position, new)
        yield from leaves(new, entry, where)
    elif op == "replace":
        old, parent[position] = parent[position], new
        yield from differences(old, new, entry, where)
    else:
        del parent[position]
        # Taking an entry from a list that is one value changes that value; it does not remove it.
        yield Leaf(entry, None, bool(merge_key(above)), where)


def _path(tree: Any, parts: list[str]) -> Path:
    path: list[str] = []
    for part in parts:
        path.append(ENTRY if isinstance(tree, list) else part)
        tree = at(tree, [part])
    return tuple(path)
