"""The fields that an incident offers: what could be written where, read off the cluster.

Nothing here knows a fault. A field is a leaf of an object near the suspects that the policy
allows to write; its known values come from the object's other versions, from sibling objects,
from the names and ports that exist, and from the report's own words.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..plugins.module_utils.evidence import Evidence, Inventory, Manifest, ObjectRef
from ..plugins.module_utils.workloads import owned_by
from ..plugins.plugin_utils.policy import Policy
from .asked import missing_keys, values_of_like_keys

Item = tuple[str, Any]
"""One entry of a list map: (merge key, its value), for instance ("name", "web")."""
Path = tuple[str | Item, ...]

ABSENT = object()
"""Stands for a field that is not there."""

# Lists that a strategic merge patch merges by a key (Kubernetes API reference, patchMergeKey).
_MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "port"),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
}
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
_MAX_VALUES = 10
_MAX_FIELDS = 60
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True)
class Field:
    """One leaf. ``known`` are the values that could be written; ``free`` names a shape of further ones.

    ``free`` is one of: "", int, digits, cpu, memory, text. ``removable``: some version does without it.
    ``pointer`` is set where the leaf is the key of its list entry: a merge would add a second entry, so
    it is written by a JSON patch at that JSON pointer (RFC 6901).
    """

    ref: ObjectRef
    path: Path
    current: Any
    known: tuple[Any, ...]
    free: str = ""
    removable: bool = False
    pointer: str = ""


def merge_key(name: str, items: Any) -> str:
    """The key by which the list ``name`` merges, or "" where it is atomic."""
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        return ""
    return next((key for key in _MERGE_KEYS.get(name, ()) if all(key in item for item in items)), "")


def leaves(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All (path, value) of a tree; atomic lists are leaves, list maps are walked by key."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from leaves(value, (*path, str(key)))
        return
    key = merge_key(path[-1], node) if path and isinstance(path[-1], str) else ""
    if key:
        for item in node:
            for name, value in item.items():
                if name != key:
                    yield from leaves(value, (*path, (key, item[key]), name))
        return
    yield path, node


def writable(manifest: Manifest) -> dict[Path, Any]:
    """The leaves outside metadata and status."""
    top = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    return dict(leaves(top))


def pattern(path: Path) -> tuple[str, ...]:
    """A path as the policy writes it: list-map entries as "[*]"."""
    return tuple("[*]" if isinstance(part, tuple) else part for part in path)


def revisions(ref: ObjectRef, inventory: Inventory) -> list[Manifest]:
    """The revisions that a workload's ReplicaSets or ControllerRevisions keep, newest first, the present one too."""
    live = inventory.get(ref)
    if live is None:
        return []
    found: list[tuple[int, Manifest]] = []
    for replica_set in inventory.of("ReplicaSet"):
        if owned_by(replica_set, live):
            number = (replica_set["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision", "")
            template = json.loads(json.dumps(replica_set["spec"]["template"]))
            (template.get("metadata", {}).get("labels") or {}).pop("pod-template-hash", None)
            found.append((int(number) if str(number).isdigit() else 0, {"spec": {"template": template}}))
    for kept in inventory.of("ControllerRevision"):
        if owned_by(kept, live):
            found += [(int(kept.get("revision", 0)), kept.get("data") or {})]
    return [manifest for _, manifest in sorted(found, key=lambda pair: -pair[0])]


def versions(ref: ObjectRef, inventory: Inventory) -> list[Manifest]:
    """The object's other versions, newest first: revisions, then what was last applied."""
    live = inventory.get(ref)
    if live is None:
        return []
    past = revisions(ref, inventory)
    applied = (live["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    if applied:
        with contextlib.suppress(ValueError):  # somebody edited the annotation: it tells nothing
            manifest = json.loads(applied)
            past += [manifest] if isinstance(manifest, dict) else []
    return past


class Offer:
    """The fields of each object of one incident; reads every manifest once."""

    def __init__(self, evidence: Evidence, policy: Policy, report: str = "") -> None:
        self._inventory = evidence.inventory
        self._policy = policy
        self._report = report
        self._flat: dict[str, list[tuple[str, dict[Path, Any]]]] = {}
        self._made: dict[ObjectRef, tuple[Field, ...]] = {}
        self._asked = missing_keys(self._inventory)

    def fields(self, ref: ObjectRef) -> tuple[Field, ...]:
        """Those that have a value to choose besides the present one."""
        if ref not in self._made:
            self._made[ref] = tuple(self._fields(ref))
        return self._made[ref]

    def _fields(self, ref: ObjectRef) -> Iterator[Field]:
        live = self._inventory.get(ref)
        if live is None:
            return
        mine = writable(live)
        past = [writable(version) for version in versions(ref, self._inventory)]
        peers = [flat for name, flat in self._all(ref.kind) if name != ref.name]
        beside: dict[tuple[Any, ...], list[Any]] = {}
        for peer in peers:
            for path, value in peer.items():
                beside.setdefault(_wild(path), []).append(value)
        asked = [("data", key) for key in self._asked.get(ref, ())]
        paths = dict.fromkeys(
            [*mine, *(path for version in past for path in version), *asked, *_like_peers(mine, peers)]
        )
        containers = _container_names(mine)
        count = 0
        for path in sorted(paths, key=_order(list(paths))):
            if count >= _MAX_FIELDS or not self._policy.field_allowed(ref.kind, pattern(path)):
                continue
            if not _fits(path, containers):
                continue
            field = _field(
                ref, path, mine, past, beside.get(_wild(path), []), self._inventory, self._policy, self._report
            )
            if field is not None:
                count += 1
                yield field
        yield from _key_fields(ref, live, past, self._policy, self._inventory)

    def _all(self, kind: str) -> list[tuple[str, dict[Path, Any]]]:
        if kind not in self._flat:
            self._flat[kind] = [(item["metadata"]["name"], writable(item)) for item in self._inventory.of(kind)]
        return self._flat[kind]


def fields_of(ref: ObjectRef, evidence: Evidence, policy: Policy, report: str = "") -> tuple[Field, ...]:
    """The fields of one object."""
    return Offer(evidence, policy, report).fields(ref)


def _key_fields(
    ref: ObjectRef, live: Manifest, past: list[dict[Path, Any]], policy: Policy, inventory: Inventory
) -> Iterator[Field]:
    """The keys of list entries that are values too: ports, mount paths."""
    top = {key: value for key, value in live.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    for path, pointer, current in _keys(top, (), ""):
        if not policy.field_allowed(ref.kind, pattern(path)):
            continue
        spot = len(path) - 2
        before = [
            other[spot][1]
            for version in past
            for other in version
            if len(other) > spot and other[:spot] == path[:spot] and isinstance(other[spot], tuple)
        ]
        values = [*before, *_called_ports(ref, inventory)] if path[-1] == "port" else before
        roles = _ports(ref, inventory) if path[-1] in ("port", "containerPort") else []
        known = _unique([current, *values, *(value for value in roles if isinstance(value, int))])[:_MAX_VALUES]
        free = "int" if isinstance(current, int) else ""
        if free or len(known) > 1:
            yield Field(ref, path, current, tuple(known), free, pointer=pointer)


def _keys(node: Any, path: Path, pointer: str) -> Iterator[tuple[Path, str, Any]]:
    if isinstance(node, dict):
        for name, value in node.items():
            step = str(name).replace("~", "~0").replace("/", "~1")
            yield from _keys(value, (*path, str(name)), f"{pointer}/{step}")
        return
    key = merge_key(path[-1], node) if path and isinstance(path[-1], str) else ""
    if key:
        for index, item in enumerate(node):
            if key != "name":
                yield (*path, (key, item[key]), key), f"{pointer}/{index}/{key}", item[key]
            yield from _keys(item, (*path, (key, item[key])), f"{pointer}/{index}")


def _called_ports(ref: ObjectRef, inventory: Inventory) -> list[int]:
    """The ports at which others call this name, read off addresses in environments and ConfigMaps."""
    texts = [json.dumps(item["spec"]) for kind in _WORKLOADS for item in inventory.of(kind)]
    texts += [json.dumps(item.get("data", {})) for item in inventory.of("ConfigMap")]
    found = Counter(
        int(port) for text in texts for port in re.findall(rf"(?<![\w-]){re.escape(ref.name)}:(\d{{1,5}})\b", text)
    )
    return [port for port, _ in found.most_common(3)]


def _field(
    ref: ObjectRef,
    path: Path,
    mine: Mapping[Path, Any],
    past: list[dict[Path, Any]],
    beside: list[Any],
    inventory: Inventory,
    policy: Policy,
    report: str,
) -> Field | None:
    """``past``: the object's other versions; ``beside``: what siblings have in the same place."""
    current = mine.get(path, ABSENT)
    before = [version[path] for version in past if path in version]
    alike = _alike(path, mine) if current is ABSENT else []
    example = next((value for value in [current, *before, *alike, *beside] if value is not ABSENT), "")
    roles = _roles(ref, path, example, mine, inventory)
    values = [*before, *roles, *alike, *_ranked(beside)]
    if path[-1] == "image":
        values = [*before, *_images(str(example), beside, report)]
    elif isinstance(example, str):
        values += _words(example, report)
    known = _unique([current, *values] if current is not ABSENT else values)[:_MAX_VALUES]
    free = _free(path, example, len([value for value in known if value != current]))
    spared = None in roles or any(path not in version for version in past if _parent(path, version))
    removable = current is not ABSENT and spared and policy.removable(ref.kind, pattern(path))
    if not free and not removable and not [value for value in known if value != current]:
        return None
    return Field(ref, path, current, tuple(known), free, removable)


def _alike(path: Path, mine: Mapping[Path, Any]) -> list[Any]:
    """For a key that a ConfigMap lacks: what its likest keys hold."""
    if path[0] != "data":
        return []
    return values_of_like_keys(str(path[-1]), {str(other[-1]): value for other, value in mine.items()})


def _parent(path: Path, version: Mapping[Path, Any]) -> bool:
    """Whether a version says anything beside the path, so that its silence means absence."""
    return any(other[: len(path) - 2] == path[: len(path) - 2] for other in version)


def _wild(path: Path) -> tuple[Any, ...]:
    """A path with the names of containers left open; names of variables and keys stay."""
    return tuple(
        (part[0], "*")
        if isinstance(part, tuple) and index and path[index - 1] in ("containers", "initContainers", "ports")
        else part
        for index, part in enumerate(path)
    )


def _like_peers(mine: Mapping[Path, Any], peers: list[dict[Path, Any]]) -> Iterator[Path]:
    """Fields that siblings set and this object does not, for each of its own containers."""
    containers = _container_names(mine)
    seen = {other for peer in peers for other in peer if any(key in other for key in ("resources",))}
    for shape in dict.fromkeys(_wild(path) for path in seen):
        for name in containers:
            yield tuple(("name", name) if part == ("name", "*") else part for part in shape)


def _container_names(mine: Mapping[Path, Any]) -> list[str]:
    names = [
        part[1]
        for path in mine
        for index, part in enumerate(path)
        if isinstance(part, tuple) and index and path[index - 1] == "containers"
    ]
    return list(dict.fromkeys(names))


def _fits(path: Path, containers: list[str]) -> bool:
    """A container that is not in the live object would be added by a merge: not offered."""
    return all(
        part[1] in containers
        for index, part in enumerate(path)
        if isinstance(part, tuple) and index and path[index - 1] == "containers"
    )


def _order(paths: list[Path]) -> Any:
    """Keeps siblings of a tree together, in the order in which each branch first came."""
    rank: dict[Path, int] = {}
    for path in paths:
        for length in range(1, len(path) + 1):
            rank.setdefault(path[:length], len(rank))
    return lambda path: [rank[path[:length]] for length in range(1, len(path) + 1)]


def _ranked(values: Iterable[Any]) -> list[Any]:
    counts = Counter(json.dumps(value, sort_keys=True) for value in values)
    return [json.loads(text) for text, _ in counts.most_common()]


def _unique(values: Iterable[Any]) -> list[Any]:
    texts = dict.fromkeys(
        json.dumps(value, sort_keys=True) for value in values if value is not ABSENT and value is not None
    )
    return [json.loads(text) for text in texts]


def _images(example: str, beside: list[Any], report: str) -> list[str]:
    """Images of the same repository, with the tags that are known of it and of its siblings."""
    repository, tag = _split_image(example)
    others = [str(value) for value in beside]
    same = [image for image in others if _split_image(image)[0] == repository]
    said = [word for word in re.findall(r"[\w./:@-]+", report) if ":" in word and _split_image(word)[0] == repository]
    tags = [_split_image(image)[1] for image in others]
    words = [word.strip(".") for word in re.findall(r"\bv?\d+(?:\.\d+)+[\w.-]*", report)]
    return [
        *same,
        *said,
        *(f"{repository}:{other}" for other in dict.fromkeys([*words, *tags]) if other and other != tag),
    ]


def _split_image(image: str) -> tuple[str, str]:
    head, colon, tail = image.rpartition(":")
    return (head, tail) if colon and "/" not in tail else (image, "")


def _roles(ref: ObjectRef, path: Path, example: Any, mine: Mapping[Path, Any], inventory: Inventory) -> list[Any]:
    """Values that the place itself calls for: names, keys and ports that exist."""
    last = path[-1]
    before = path[-2] if len(path) > 1 else ""
    if before in ("configMapKeyRef", "configMapRef", "configMap") and last == "name":
        return [item["metadata"]["name"] for item in inventory.of("ConfigMap")]
    if before == "configMapKeyRef" and last == "key":
        name = mine.get((*path[:-1], "name"))
        held = inventory.get(ObjectRef("ConfigMap", ref.namespace, str(name)))
        return list((held or {}).get("data", {}))
    if last == "serviceAccountName":
        return [item["metadata"]["name"] for item in inventory.of("ServiceAccount")]
    if last == "claimName":
        return [item["metadata"]["name"] for item in inventory.of("PersistentVolumeClaim")]
    if before == "nodeSelector":
        return [node["metadata"].get("labels", {}).get(str(last)) for node in inventory.of("Node")]
    if ref.kind == "Service" and before == "selector":
        return [labels.get(str(last)) for labels in _template_labels(inventory)]
    if last in ("targetPort", "port", "containerPort"):
        return _ports(ref, inventory)
    if isinstance(example, str) and example.startswith("/"):
        # a path that another part of the same object, or of a sibling, speaks of
        return [value for value in mine.values() if isinstance(value, str) and value.startswith("/")]
    if isinstance(example, str):
        return [*_hosts(example, inventory), *_own_numbers(example, mine)]
    return []


def _own_numbers(example: str, mine: Mapping[Path, Any]) -> list[str]:
    """For a number in text: the ports that the object itself declares or probes."""
    if not re.fullmatch(r"\d{2,5}", example):
        return []
    ports = [value for path, value in mine.items() if path[-1] in ("port", "targetPort")]
    ports += [
        part[1] for path in mine for part in path if isinstance(part, tuple) and part[0] in ("containerPort", "port")
    ]
    return [str(port) for port in ports if isinstance(port, int)]


def _template_labels(inventory: Inventory) -> list[Mapping[str, str]]:
    return [
        item["spec"]["template"]["metadata"].get("labels", {}) for kind in _WORKLOADS for item in inventory.of(kind)
    ]


def _ports(ref: ObjectRef, inventory: Inventory) -> list[Any]:
    """Ports and port names: of what a Service selects first, then of the others."""
    live = inventory.get(ref) or {}
    selector = live.get("spec", {}).get("selector") or {}
    if ref.kind != "Service":
        selector = live.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {})
    near: list[Any] = []
    far: list[Any] = []
    for kind in _WORKLOADS:
        for item in inventory.of(kind):
            template = item["spec"]["template"]
            labels = template["metadata"].get("labels", {})
            hit = ref.name == item["metadata"]["name"] or (
                bool(selector) and all(labels.get(key) == value for key, value in selector.items())
            )
            for container in template["spec"].get("containers", []):
                for port in container.get("ports", []):
                    (near if hit else far).extend(
                        [port["containerPort"], *([port["name"]] if port.get("name") else [])]
                    )
    return [*near, *far]


_URL = re.compile(
    r"^(?P<head>[a-z][a-z0-9+.-]*://(?:[^@/]*@)?)?(?P<host>[a-z0-9][a-z0-9.-]*)(?P<port>:\d+)?(?P<tail>/\S*)?$"
)


def _hosts(example: str, inventory: Inventory) -> list[str]:
    """For an address: the same with the Services and ports that exist."""
    services = inventory.of("Service")
    match = _URL.match(example)
    if not match or not (
        match["head"]
        or match["port"]
        or any(item["metadata"]["name"] == example.partition(".")[0] for item in services)
    ):
        return []
    head, tail = match["head"] or "", match["tail"] or ""
    first, _, domain = match["host"].partition(".")  # web.shop.svc: the name, then where it is looked up
    suffix = f".{domain}" if domain else ""
    values = [
        f"{head}{service['metadata']['name']}{suffix}{port}{tail}"
        for service in services
        for port in ([f":{entry['port']}" for entry in service["spec"].get("ports", [])] if match["port"] else [""])
    ]
    same = [value for value in values if value.startswith(f"{head}{first}{suffix}:")]
    others = (value for value in values if value not in same)
    return [*same, *sorted(others, key=lambda value: _distance(value, example))]


def _distance(one: str, other: str) -> float:
    from difflib import SequenceMatcher

    return -SequenceMatcher(None, one, other).ratio()


def _words(example: str, report: str) -> list[str]:
    """Words of the report that have the same shape as a present value."""
    shape = re.sub(r"[a-z]+", "a", re.sub(r"\d+", "0", example.lower()))
    if len(shape) < 2:
        return []
    found = [word.strip(".,;:'\"`()") for word in report.split()]
    return [word for word in found if re.sub(r"[a-z]+", "a", re.sub(r"\d+", "0", word.lower())) == shape]


def _free(path: Path, example: Any, others: int) -> str:
    if isinstance(example, bool):
        return ""
    if path[-1] in ("cpu", "memory") and ("limits" in path or "requests" in path):
        return str(path[-1])
    if isinstance(example, int):
        return "int"
    if isinstance(example, str) and path and (path[-1] == "value" or path[0] == "data"):
        if re.fullmatch(r"\d{1,6}", example):
            return "digits"
        return "" if others else "text"
    return ""
