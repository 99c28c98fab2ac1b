"""Label and field selectors of list, watch and delete requests, and label selectors inside objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from .status import bad_request

Object = dict[str, Any]
Labels = Mapping[str, str]

_TERM = re.compile(
    r"\s*(?:(?P<key>[\w./-]+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)"
    r"|(?P<key2>[\w./-]+)\s*(?P<eq>==|=|!=)\s*(?P<value>[\w.-]*)"
    r"|(?P<not>!)?\s*(?P<key3>[\w./-]+))\s*(?:,|$)"
)


_OPEN = re.compile(r"\s(in|notin)\s*\([^)]*$")


@lru_cache(maxsize=512)
def label_selector(text: str) -> Callable[[Labels], bool]:
    """A test of labels. Raises 400."""
    tests: list[Callable[[Labels], bool]] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TERM.match(text, at)
        if (not match or match.end() == at) and _OPEN.search(text[at:]):
            raise bad_request("unable to parse requirement: found '', expected: ',' or ')'")
        if not match or match.end() == at:
            raise bad_request(f"found {text[at : at + 1]!r}, expected: identifier after ','")
        tests.append(_label_test(match))
        at = match.end()
    return lambda labels: all(test(labels) for test in tests)


def _label_test(match: re.Match[str]) -> Callable[[Labels], bool]:
    if match["op"]:
        key, values = match["key"], frozenset(part.strip() for part in match["values"].split(","))
        if match["op"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match["eq"]:
        key, value = match["key2"], match["value"]
        if match["eq"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    key = match["key3"]
    if match["not"]:
        return lambda labels: key not in labels
    return lambda labels: key in labels


def selects(selector: Object | None, labels: Labels) -> bool:
    """Whether a LabelSelector (matchLabels, matchExpressions) selects these labels; None selects nothing."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for term in selector.get("matchExpressions") or ():
        value, values = labels.get(term["key"]), term.get("values") or ()
        fits = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not fits.get(term["operator"], False):
            return False
    return True


def spelled(selector: Object | None) -> str:
    """A LabelSelector as text."""
    if not selector:
        return ""
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for term in selector.get("matchExpressions") or ():
        values = ",".join(sorted(term.get("values") or ()))
        shape = {"In": "{k} in ({v})", "NotIn": "{k} notin ({v})", "Exists": "{k}", "DoesNotExist": "!{k}"}
        terms.append(shape[term["operator"]].format(k=term["key"], v=values))
    return ",".join(terms)


# Beside metadata.name and metadata.namespace, which every kind knows.
_FIELDS: dict[str, tuple[str, ...]] = {
    "ResourceSlice": ("spec.nodeName", "spec.driver"),
    "CertificateSigningRequest": ("spec.signerName",),
    "Pod": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "Event": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "Node": ("spec.unschedulable",),
    "Namespace": ("status.phase",),
    "Secret": ("type",),
    "ReplicaSet": ("status.replicas",),
    "ReplicationController": ("status.replicas",),
    "Job": ("status.successful",),
}


@lru_cache(maxsize=512)
def field_selector(kind: str, text: str) -> Callable[[Object], bool]:
    """A test of objects of a kind. Raises 400 for a field that the kind cannot be selected by."""
    known = ("metadata.name", "metadata.namespace", *_FIELDS.get(kind, ()))
    tests: list[tuple[tuple[str, ...], bool, str]] = []
    for term in filter(None, text.split(",")):
        match = re.fullmatch(r"\s*([\w.]+)\s*(==|=|!=)(.*)", term)
        if not match:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        if match[1] not in known:
            raise bad_request(f"field label not supported: {match[1]}")
        tests.append((tuple(match[1].split(".")), match[2] != "!=", match[3].strip()))

    def fits(obj: Object) -> bool:
        return all((_text_at(obj, path) == value) is wanted for path, wanted, value in tests)

    return fits


def _text_at(obj: Any, path: tuple[str, ...]) -> str:
    for step in path:
        obj = obj.get(step) if isinstance(obj, dict) else None
    if path == ("source",) and isinstance(obj, dict):
        return str(obj.get("component", ""))
    if isinstance(obj, bool):
        return "true" if obj else "false"
    if obj is None:
        return "false" if path[-1] in ("unschedulable", "hostNetwork") else ""
    return str(obj)
