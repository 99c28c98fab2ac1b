# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changes against the cluster as it was read: what is patched must exist, and so must what is referred to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..module_utils.evidence import Inventory, Manifest, ObjectRef
from .argspec import Objection
from .changes import READ, Change
from .fieldpaths import Leaf
from .policy import Policy
from .safety import names_container

_REVISION = "deployment.kubernetes.io/revision"
_GENERATION = "deprecated.daemonset.template.generation"
_ROLLS_BACK = ("Deployment", "DaemonSet")


def check_names(changes: Sequence[Change], inventory: Inventory, policy: Policy) -> Iterator[Objection]:
    """All names in a playbook that do not fit what the cluster has."""
    written = [change for change in changes if change.verb != READ]
    new_data = _data_written(written)
    for change in written:
        live = inventory.get(change.ref)
        if live is None and change.verb != "create" and change.ref.kind in policy.kinds and change.ref.name:
            yield "names.object", change.where, _missing(change.ref.kind, change.ref.name, inventory)
            continue
        if change.verb == "rollback" and live is not None:
            yield from _revision(change, live, inventory)
        if change.verb == "delete" and live is not None:
            yield from _owned(change, live)
        rule = policy.kinds.get(change.ref.kind)
        if rule is not None and rule.pod_spec and live is not None:
            yield from _containers(change, live, rule.pod_spec)
            yield from _images(change, inventory, policy)
            yield from _references(change, live, rule.pod_spec, inventory, new_data)


def _missing(kind: str, name: str, inventory: Inventory) -> str:
    known = sorted(item["metadata"]["name"] for item in inventory.of(kind))
    hint = f"; there are {', '.join(known[:10])}" if known else ""
    return f"there is no {kind} {name} in {inventory.namespace}{hint}"


def _revision(change: Change, live: Manifest, inventory: Inventory) -> Iterator[Objection]:
    """The module goes back exactly one revision, and silently does nothing where that is gone."""
    if live["kind"] not in _ROLLS_BACK:
        yield "names.rollback", change.where, f"only {' and '.join(_ROLLS_BACK)} can be rolled back"
        return
    if live["kind"] == "Deployment":
        owned = [item for item in inventory.of("ReplicaSet") if _belongs(item, live)]
        now, past = _number(live, _REVISION), {_number(item, _REVISION) for item in owned}
    else:
        owned = [item for item in inventory.of("ControllerRevision") if _belongs(item, live)]
        now, past = int(live["metadata"].get("generation", 0)), {_number(item, _GENERATION) for item in owned}
    if now - 1 not in past:
        yield "names.revision", change.where, f"{change.ref} has no revision {now - 1} to go back to"


def _number(item: Manifest, annotation: str) -> int:
    text = str((item["metadata"].get("annotations") or {}).get(annotation, ""))
    return int(text) if text.isdigit() else 0


def _belongs(item: Manifest, owner: Manifest) -> bool:
    uid = owner["metadata"].get("uid")
    return any(ref.get("uid") == uid and ref.get("kind") == owner["kind"] for ref in item["metadata"].get("ownerReferences") or ())


def _owned(change: Change, live: Manifest) -> Iterator[Objection]:
    if change.ref.kind == "Pod" and not any(ref.get("controller") for ref in live["metadata"].get("ownerReferences") or ()):
        yield "names.bare-pod", change.where, f"nothing would bring {change.ref} back: no controller owns it"


def _containers(change: Change, live: Manifest, base: tuple[str, ...]) -> Iterator[Objection]:
    spec = _below(live, base)
    for leaf in change.leaves:
        if names_container(leaf):
            group = leaf.path[-3]
            known = [item["name"] for item in spec.get(group) or ()]
            if leaf.value not in known:
                what = f"{change.ref} has no {group[:-1]} {leaf.value}, so it would be added; there are {', '.join(known) or 'none'}"
                yield "names.container", leaf.where, what
    # An entry that names nobody cannot be merged: the API server refuses it.
    after = _below(change.after, base)
    for group in ("containers", "initContainers"):
        entries = after.get(group) or ()
        if any(not isinstance(item, dict) or "name" not in item for item in entries):
            yield "names.container", change.where, f"an entry of {group} has no name"


def _images(change: Change, inventory: Inventory, policy: Policy) -> Iterator[Objection]:
    from fnmatch import fnmatchcase

    images = [leaf for leaf in change.leaves if leaf.path[-1] == "image" and not leaf.removed]
    if not images:
        return
    known = known_repositories(inventory, policy) if "@known" in policy.images else frozenset()
    for leaf in images:
        repository = repository_of(leaf.value) if isinstance(leaf.value, str) else ""
        if not repository or not (repository in known or any(fnmatchcase(repository, entry) for entry in policy.images)):
            yield "names.image", leaf.where, f"the image {leaf.value!r} is from a repository that {inventory.namespace} does not use"


def known_repositories(inventory: Inventory, policy: Policy) -> frozenset[str]:
    """The repositories of all images in the Inventory, old revisions included."""
    found: set[str] = set()
    for kind, items in inventory.objects.items():
        rule = policy.kinds.get(kind)
        base = ("spec", "template", "spec") if kind == "ReplicaSet" else ("spec",) if kind == "Pod" else rule.pod_spec if rule else ()
        for item in items if base else ():
            spec = _below(item, base)
            for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
                found.add(repository_of(str(container.get("image", ""))))
    return frozenset(found - {""})


def repository_of(image: str) -> str:
    """registry/path of an image, without tag and digest."""
    head = image.partition("@")[0]
    name, colon, tag = head.rpartition(":")
    return name if colon and "/" not in tag else head


def _references(
    change: Change, live: Manifest, base: tuple[str, ...], inventory: Inventory, new_data: Mapping[str, set[str]]
) -> Iterator[Objection]:
    secrets = {name for _, _, name, _ in _referred(_below(live, base)) if _ == "Secret"} | _secrets_before(live, base, inventory)
    written = {leaf.path for leaf in change.leaves}
    if not any(part in _REFERENCES for path in written for part in path):
        return
    for owner, kind, name, key in _referred(_below(change.after, base)):
        live_object = inventory.get(ObjectRef(kind, change.ref.namespace, name))
        if kind == "Secret" and name not in secrets:
            yield "names.secret", change.where, f"{owner}: {change.ref} did not use the Secret {name} before"
        elif live_object is None and name not in new_data:
            yield "names.reference", change.where, f"{owner}: {_missing(kind, name, inventory)}"
        elif key and live_object is not None:
            keys = set(live_object.get("data") or {}) | set(live_object.get("binaryData") or {}) | new_data.get(name, set())
            if keys and key not in keys:
                yield "names.reference", change.where, f"{owner}: {kind} {name} has no key {key}; there are {', '.join(sorted(keys)[:10])}"


_REFERENCES = frozenset({"valueFrom", "envFrom", "volumes"})


def _referred(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """What a PodSpec refers to: place, kind, name, key; optional ones and half-written ones left out."""
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        if not isinstance(container, dict):
            continue
        for entry in container.get("env") or ():
            source = (entry.get("valueFrom") or {}) if isinstance(entry, dict) else {}
            yield from _reference(source, "configMapKeyRef", "ConfigMap", f"env {entry.get('name')}" if source else "")
            yield from _reference(source, "secretKeyRef", "Secret", f"env {entry.get('name')}" if source else "")
        for entry in container.get("envFrom") or ():
            yield from _reference(entry, "configMapRef", "ConfigMap", "envFrom")
            yield from _reference(entry, "secretRef", "Secret", "envFrom")
    for volume in spec.get("volumes") or ():
        for field, kind, name in (
            ("configMap", "ConfigMap", "name"),
            ("secret", "Secret", "secretName"),
            ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
        ):
            yield from _reference(volume, field, kind, "volume", name)


def _reference(holder: Any, field: str, kind: str, owner: str, name: str = "name") -> Iterator[tuple[str, str, str, str]]:
    source = holder.get(field) if isinstance(holder, dict) else None
    if isinstance(source, dict) and isinstance(source.get(name), str) and source.get("optional") is not True:
        yield owner, kind, source[name], str(source.get("key", ""))


def _secrets_before(live: Manifest, base: tuple[str, ...], inventory: Inventory) -> set[str]:
    """Secrets that the object or an earlier revision of it uses."""
    specs = [_below(live, base)]
    specs += [_below(item, ("spec", "template", "spec")) for item in inventory.of("ReplicaSet") if _belongs(item, live)]
    specs += [_below(item.get("data") or {}, ("spec", "template", "spec")) for item in inventory.of("ControllerRevision") if _belongs(item, live)]
    return {name for spec in specs for _, kind, name, _ in _referred(spec) if kind == "Secret"}


def _data_written(changes: Sequence[Change]) -> dict[str, set[str]]:
    """ConfigMaps that the playbook itself writes, with the keys that it sets."""
    found: dict[str, set[str]] = {}
    for change in changes:
        if change.ref.kind == "ConfigMap":
            found.setdefault(change.ref.name, set()).update(leaf.path[1] for leaf in change.leaves if len(leaf.path) > 1 and not leaf.removed)
    return found


def _below(tree: Any, path: Sequence[str]) -> Mapping[str, Any]:
    for part in path:
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree if isinstance(tree, Mapping) else {}


__all__ = ["Leaf", "check_names", "known_repositories", "repository_of"]
