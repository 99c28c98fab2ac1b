"""LimitRanges: what they add to a Pod, and what they refuse."""

from __future__ import annotations

from typing import Any

from .quantity import value_of
from .status import forbidden

Object = dict[str, Any]


def with_requests(container: Object, ranges: list[Object]) -> Object:
    resources = dict(container.get("resources", {}))
    limits, requests = dict(resources.get("limits", {})), dict(resources.get("requests", {}))
    for limit_range in ranges:
        for item in limit_range["spec"].get("limits", ()):
            if item.get("type") == "Container":
                explicit = set(limits)
                for name, amount in item.get("default", {}).items():
                    limits.setdefault(name, amount)
                for name, amount in item.get("defaultRequest", {}).items():
                    if name not in explicit:
                        requests.setdefault(name, amount)
    for name, amount in limits.items():
        requests.setdefault(name, amount)
    if limits:
        resources["limits"] = limits
    if requests:
        resources["requests"] = requests
    return {**container, "resources": resources}


def noted(metadata: Object, spec: Object, ranges: list[Object]) -> Object:
    """The annotation in which the limit ranger says what it is about to set."""
    said = []
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        before = container.get("resources", {})
        after = with_requests(container, ranges).get("resources", {})
        explicit = {**before.get("limits", {}), **before.get("requests", {})}
        for group, word in (("requests", "request"), ("limits", "limit")):
            added = sorted(
                after.get(group, {}).keys()
                - before.get(group, {}).keys()
                - (explicit.keys() if group == "requests" else set())
            )
            if added:
                said.append(f"{', '.join(added)} {word} for container {container['name']}")
    if not said:
        return metadata
    note = f"LimitRanger plugin set: {'; '.join(said)}"
    annotations = {**metadata.get("annotations", {}), "kubernetes.io/limit-ranger": note}
    return {**metadata, "annotations": annotations}


def check_ranges(spec: Object, ranges: list[Object], name: str) -> None:
    """Raises 403 for a container beyond what a LimitRange allows one to have."""
    said = []
    for limit in (item for there in ranges for item in there["spec"].get("limits", ()) if item["type"] == "Container"):
        for container in spec["containers"]:
            resources = container.get("resources", {})
            for bound, group, word, over in (("max", "limits", "maximum", 1), ("min", "requests", "minimum", -1)):
                for key, amount in sorted(limit.get(bound, {}).items()):
                    got = resources.get(group, {}).get(key)
                    if got is None:
                        said.append(f"{word} {key} usage per Container is {amount}.  No {group[:-1]} is specified")
                    elif (value_of(got) - value_of(amount)) * over > 0:
                        said.append(f"{word} {key} usage per Container is {amount}, but {group[:-1]} is {got}")
    if said:
        raise forbidden("pods", "", name, said[0] if len(said) == 1 else f"[{', '.join(said)}]")
