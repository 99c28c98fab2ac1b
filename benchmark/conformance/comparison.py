"""Two answers, made comparable, and where they differ. What may differ is written here and nowhere else:

* identities and times: uids, resourceVersions, continue tokens, timestamps, ages, durations, addresses, node names,
  container and image ids, generated names (up to what precedes the generated letters), tokens, certificates;
* the status of what moves: in a step that did not wait until nothing moved, and in what a step reads after it wrote;
* the order of causes in a refusal;
* objects that a refusal repeats or compares in its message, as Go prints them;
* Events that say how fast a machine was: Pulling, Unhealthy, BackOff, whether an image was there already, and how many
  Events are alike;
* the order of list items (generated names sort at random), and objects that no session made;
* what controllers and kubelets note in managedFields and of the last change of endpoints, and how often an Event was
  counted;
* what a machine has and uses: a Node's capacity, labels of its making, images, versions; the values of metrics;
* documents about types: the sandbox may serve fewer of them; those that it serves are compared, without descriptions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .types_only import comparable_types

Object = dict[str, Any]

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_VOLATILE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), shown)
    for pattern, shown in (
        (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "<token>"),
        (r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----", "<certificate>"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<time>"),
        (r"(containerd://|sha256:)[0-9a-f]{64}", "<id>"),
        (r"\b(10|127|192)(\.\d{1,3}){3}\b", "<ip>"),
        (r"\bnode-[12]\b", "<node>"),
        (r"\.[0-9a-f]{15,16}\b", ".<event>"),
        (r"(pod-template-hash|controller-revision-hash)=[a-z0-9]+", r"\1=<hash>"),
        (r'(Container image "[^"]*" already present on machine|Successfully pulled image .*)', "<image is there>"),
        (rf"-[{_LETTERS}]{{7,10}}-[{_LETTERS}]{{5}}\b", "-<hash>-<x>"),
        (rf"-[{_LETTERS}]{{7,10}}\b", "-<hash>"),
        (rf"-[{_LETTERS}]{{5}}\b", "-<x>"),
        (r"\b\d+(\.\d+)?(ms|µs|s)\b", "<duration>"),
        (r"\b(docker\.io/)?lab/\w+:\d+", "<image>"),
        (r"[\w./-]+@<id>", "<id>"),
        (r"too old resource version: \d+ \(\d+\)", "too old resource version: <version>"),
        (r'(?s)Invalid value: "\{.*\}"', 'Invalid value: "<object>"'),
        (r"(?s)if it was previously negative\)\n.*", "if it was previously negative)<difference>"),
        (r"if it was previously negative\)$", "if it was previously negative)<difference>"),
        (r"\(\d+ bytes\)|size: \d+|Image size: \d+", "<size>"),
    )
)
_VOLATILE_KEYS = {
    "resourceVersion": "<version>",
    "continue": "<token>",
    "pod-template-hash": "<hash>",
    "controller-revision-hash": "<hash>",
    "controller.kubernetes.io/hash": "<hash>",
    "pod-template-generation": "<generation>",
    "ca.crt": "<certificate>",
    "token": "<token>",
    "nodePort": "<port>",
    "authentication.kubernetes.io/credential-id": "<id>",
    "kubectl.kubernetes.io/last-applied-configuration": None,  # parsed, so that the order of keys does not count
}
_TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
_BY_CHANCE = ("Pulling", "Unhealthy", "BackOff")
_AGES = (
    "Age",
    "Last Seen",
    "First Seen",
    "Duration",
    "Created At",
    "IP",
    "Node",
    "External-IP",
    "Cluster-IP",
    "OS-Image",
    "Kernel-Version",
    "Container-Runtime",
)
_CONTROLLERS = (
    "kube-controller-manager",
    "kubelet",
    "kube-scheduler",
    "kube-apiserver",
    "clusterrole-aggregation-controller",
)
_FREE_OF_A_NODE = ("annotations", "labels", "managedFields", "finalizers")
_SPACES = ("conformance", "conformance-full")


def comparable(answer: Any, path: str, area: str) -> Any:
    """An answer without what may differ."""
    if area in ("discovery", "openapi"):
        return comparable_types(answer, path)
    if isinstance(answer, str):
        return plain_text(answer)
    shown = _plain(answer)
    if area == "metrics":
        shown = _without_measures(shown)
    return shown


def differences(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Each field that differs: where, what the cluster says, what the sandbox says."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in theirs.keys() | ours.keys():
            below = f"{path}.{key}" if path else str(key)
            if key not in ours:
                yield f"{below}: {_short(theirs[key])} is missing"
            elif key not in theirs:
                yield f"{below}: {_short(ours[key])} is too much"
            else:
                yield from differences(theirs[key], ours[key], below)
    elif isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            yield f"{path}: {len(theirs)} items, the sandbox has {len(ours)}"
        for index, (left, right) in enumerate(zip(theirs, ours, strict=False)):
            yield from differences(left, right, f"{path}[{index}]")
    elif theirs != ours or type(theirs) is not type(ours):
        yield f"{path or 'answer'}: {_short(theirs)}, the sandbox says {_short(ours)}"


def without_status(value: Any) -> Any:
    """Without the status of objects: for what is read while it moves. A Status is none."""
    if isinstance(value, dict):
        plain = {
            key: without_status(part) for key, part in value.items() if key != "status" or not isinstance(part, dict)
        }
        for name in ("generation", "resourceVersion"):
            if isinstance(plain.get("metadata"), dict):
                plain["metadata"].pop(name, None)
        return plain
    if isinstance(value, list):
        return [without_status(part) for part in value]
    return value


def leaves(value: Any) -> int:
    """How many fields there are to compare."""
    if isinstance(value, dict):
        return sum(leaves(part) for part in value.values()) or 1
    if isinstance(value, list):
        return sum(leaves(part) for part in value) or 1
    return 1


def made_by_session(obj: Object) -> bool:
    """Whether the session made this object; Nodes are compared all the same."""
    meta = obj.get("metadata") or {}
    name, space = meta.get("name", ""), meta.get("namespace", "")
    if space:
        return space in _SPACES
    return obj.get("kind") == "Node" or name.startswith("node-") or "conformance" in name


def order_of(obj: Any) -> str:
    """What list items are sorted by: content, as generated names sort at random."""
    if not isinstance(obj, dict):
        return json.dumps(obj, sort_keys=True)
    meta = (obj.get("object") or obj).get("metadata") or obj.get("metadata") or {}
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    plain = _plain(obj)
    return json.dumps(
        [
            meta.get("namespace", ""),
            plain_text(str(meta.get("name", ""))),
            _plain(about),
            str(obj.get("reason", "")),
            plain,
        ],
        sort_keys=True,
    )


def _plain(value: Any, key: str = "") -> Any:
    if key in _VOLATILE_KEYS:
        if key.endswith("last-applied-configuration"):
            return _plain(json.loads(value)) if isinstance(value, str) else value
        return _VOLATILE_KEYS[key] if value else value
    if isinstance(value, dict):
        return _plain_object(value)
    if isinstance(value, list):
        if key == "managedFields":
            return _plain_owners(value)
        if key in ("items", "rows"):
            value = sorted((item for item in value if _counts(item)), key=order_of)
        if key in ("resourceRules", "nonResourceRules"):
            value = sorted(value, key=lambda rule: json.dumps(rule, sort_keys=True))
        shown = [_plain(part) for part in value]
        if key in ("items", "rows") and any(_is_event(item) for item in value):
            return [item for place, item in enumerate(shown) if item not in shown[:place]]
        return shown
    if isinstance(value, str):
        return plain_text(value)
    return value


def _is_event(item: Object) -> bool:
    return "involvedObject" in item or "regarding" in item or len(item.get("cells") or ()) == 10


def _counts(item: Object) -> bool:
    """Whether an item of a list counts."""
    reason = item.get("reason") or (item.get("cells") or ["", "", ""])[2:3]
    if reason in _BY_CHANCE or (isinstance(reason, list) and reason and reason[0] in _BY_CHANCE):
        return False
    return made_by_session(item.get("object") or item)


def _plain_object(value: Object) -> Object:
    kind = value.get("kind")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(value.get("items"), list):
        value = {**value, "items": [{"kind": kind[:-4], **item} for item in value["items"]]}
    if kind == "Table":
        value = {**value, "rows": [_row(value, row) for row in value.get("rows") or ()]}
    shown = {plain_text(name) if name.startswith("k:") else name: _plain(part, name) for name, part in value.items()}
    if kind == "Event" or "involvedObject" in value or "regarding" in value:
        shown.pop("count", None)
        shown.pop("series", None)
    if shown.get("managedFields") == []:
        del shown["managedFields"]
    if kind == "Node" and "metadata" in value:
        del shown["status"]
        shown["metadata"] = {k: v for k, v in shown["metadata"].items() if k not in _FREE_OF_A_NODE}
        shown["spec"] = sorted(value.get("spec") or {})
    notes = shown.get("annotations")
    if isinstance(notes, dict) and _TRIGGER in notes:
        shown["annotations"] = {name: note for name, note in notes.items() if name != _TRIGGER}
        if not shown["annotations"]:
            del shown["annotations"]
    causes = (shown.get("details") or {}).get("causes") if kind == "Status" else None
    if isinstance(causes, list) and len(causes) > 1:
        causes.sort(key=lambda cause: json.dumps(cause, sort_keys=True))
        shown["message"] = shown["message"].partition("[")[0]  # what follows repeats the causes
    if kind == "EndpointSlice":
        shown.get("metadata", {}).pop("generation", None)
    if isinstance(shown.get("userInfo"), dict):
        shown["userInfo"].pop("extra", None)
    if "remainingItemCount" in shown:
        shown["remainingItemCount"] = "<count>"
    return shown


def _row(table: Object, row: Object) -> Object:
    names = [column["name"] for column in table.get("columnDefinitions") or ()]
    cells = row["cells"]
    if len(names) == len(cells):
        cells = ["<volatile>" if name in _AGES and cell else cell for name, cell in zip(names, cells, strict=True)]
    else:  # a watch names its columns once
        cells = [re.sub(r"^(\d+[smhdy])+$", "<volatile>", cell) if isinstance(cell, str) else cell for cell in cells]
    shown = row.get("object") or {}
    meta = shown.get("metadata") or {}
    if re.fullmatch(r"node-\d", meta.get("name", "")) and "namespace" not in meta:
        meta = {key: part for key, part in meta.items() if key not in _FREE_OF_A_NODE}
        return {**row, "cells": cells, "object": {**shown, "metadata": meta}}
    return {**row, "cells": cells}


def _plain_owners(entries: list[Object]) -> list[Any]:
    mine = [entry for entry in entries if entry.get("manager") not in _CONTROLLERS]
    return sorted((_plain(entry) for entry in mine), key=lambda entry: json.dumps(entry, sort_keys=True))


def plain_text(text: str) -> str:
    for pattern, shown in _VOLATILE:
        text = pattern.sub(shown, text)
    return text


def _without_measures(value: Any, key: str = "") -> Any:
    if key == "usage":
        return sorted(value)
    if key == "window":
        return "<duration>"
    if isinstance(value, dict):
        return {name: _without_measures(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_measures(part) for part in value]
    return value


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 160 else f"{text[:157]}..."
