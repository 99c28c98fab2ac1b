# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a PodSpec refers to must be there: ConfigMaps, Secrets that it used before, claims, and their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..module_utils.evidence import Inventory, Manifest, ObjectRef
from .argspec import Objection
from .changes import Change
from .fieldpaths import below

_VOLUMES = (
    ("configMap", "ConfigMap", "name"),
    ("secret", "Secret", "secretName"),
    ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
)
_TEMPLATE = ("spec", "template", "spec")


class Reference(NamedTuple):
    """``place`` says where in the PodSpec it stands; ``key`` is empty where the whole object is meant."""

    place: str
    kind: str
    name: str
    key: str


def check_references(
    change: Change, live: Manifest, base: tuple[str, ...], inventory: Inventory, new_data: Mapping[str, set[str]]
) -> Iterator[Objection]:
    """References that the change brings in and that lead nowhere, or to a Secret that is new to the workload."""
    before = set(referred(below(live, base)))
    for reference in dict.fromkeys(referred(below(change.after, base))):
        if reference in before:
            continue
        place, kind, name, key = reference
        target = inventory.get(ObjectRef(kind, change.ref.namespace, name))
        if kind == "Secret" and name not in _secrets_before(live, base, inventory):
            yield "names.secret", change.where, f"{place}: {change.ref} did not use the Secret {name} before"
        elif target is None and not (kind == "ConfigMap" and name in new_data):
            yield "names.reference", change.where, f"{place}: {missing(kind, name, inventory)}"
        elif key:
            keys = {*((target or {}).get("data") or {}), *((target or {}).get("binaryData") or {})}
            keys |= new_data.get(name, set()) if kind == "ConfigMap" else set()
            if key not in keys and (keys or kind == "ConfigMap"):
                there = ", ".join(sorted(keys)[:10]) or "none"
                yield "names.reference", change.where, f"{place}: {kind} {name} has no key {key}; there are {there}"


def missing(kind: str, name: str, inventory: Inventory) -> str:
    """That an object is not there, and which are."""
    known = sorted(item["metadata"]["name"] for item in inventory.of(kind))
    hint = f"; there are {', '.join(known[:10])}" if known else ""
    return f"there is no {kind} {name} in {inventory.namespace}{hint}"


def data_written(changes: Sequence[Change]) -> dict[str, set[str]]:
    """ConfigMaps that the playbook itself writes, with the keys that it sets."""
    found: dict[str, set[str]] = {}
    for change in changes:
        if change.ref.kind == "ConfigMap":
            keys = {leaf.path[1] for leaf in change.leaves if len(leaf.path) > 1 and not leaf.removed}
            found.setdefault(change.ref.name, set()).update(keys)
    return found


def referred(spec: Mapping[str, Any]) -> Iterator[Reference]:
    """What a PodSpec refers to, without what is optional or half written."""
    for container in [*_items(spec, "containers"), *_items(spec, "initContainers")]:
        for entry in _items(container, "env"):
            source, place = entry.get("valueFrom"), f"env {entry.get('name')}"
            yield from _reference(source, "configMapKeyRef", "ConfigMap", place)
            yield from _reference(source, "secretKeyRef", "Secret", place)
        for entry in _items(container, "envFrom"):
            yield from _reference(entry, "configMapRef", "ConfigMap", "envFrom")
            yield from _reference(entry, "secretRef", "Secret", "envFrom")
    for volume in _items(spec, "volumes"):
        for field, kind, naming in _VOLUMES:
            yield from _reference(volume, field, kind, f"volume {volume.get('name')}", naming)


def _items(holder: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = holder.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _reference(holder: Any, field: str, kind: str, place: str, naming: str = "name") -> Iterator[Reference]:
    source = holder.get(field) if isinstance(holder, dict) else None
    if isinstance(source, dict) and isinstance(source.get(naming), str) and source.get("optional") is not True:
        yield Reference(place, kind, source[naming], str(source.get("key") or ""))


def _secrets_before(live: Manifest, base: tuple[str, ...], inventory: Inventory) -> set[str]:
    """Secrets that the object or an earlier revision of it uses."""
    uid = live["metadata"].get("uid")

    def owned(item: Manifest) -> bool:
        return any(ref.get("uid") == uid for ref in item["metadata"].get("ownerReferences") or ())

    specs = [below(live, base)]
    specs += [below(item, _TEMPLATE) for item in inventory.of("ReplicaSet") if owned(item)]
    specs += [below(item, ("data", *_TEMPLATE)) for item in inventory.of("ControllerRevision") if owned(item)]
    return {reference.name for spec in specs for reference in referred(spec) if reference.kind == "Secret"}
