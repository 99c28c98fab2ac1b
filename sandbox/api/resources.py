"""The registry of resources: which kinds exist, how they are called, and what they can do.

What every cluster has comes from registry.json, as captured from a real API server (capture.py). What a
CustomResourceDefinition adds is added to one cluster's Registry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..shared import Shared

_COUNTS_CHANGES = frozenset(
    [
        "Pod",
        "ReplicationController",
        "PodTemplate",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "PodDisruptionBudget",
        "Ingress",
        "IngressClass",
        "NetworkPolicy",
        "EndpointSlice",
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "CustomResourceDefinition",
        "FlowSchema",
        "PriorityLevelConfiguration",
        "PriorityClass",
    ]
)
"""Kinds whose metadata.generation counts changes of the spec: no document of the API server says which they are."""

_STORED_AS = {("events.k8s.io", "v1", "Event"): "Event", ("autoscaling", "v1", "HorizontalPodAutoscaler"): "-"}
"""Kinds that are another view of a stored one. "-": of the kind of the same name in the preferred version."""


@dataclass(frozen=True)
class Below:
    """A subresource: the kind it speaks (empty group and version: the resource's own) and its verbs."""

    name: str
    group: str
    version: str
    kind: str
    verbs: tuple[str, ...]


@dataclass(frozen=True)
class Resource:
    """One kind. ``generation``: its metadata.generation counts changes of the spec. ``stored_as``: the kind
    under whose name the store keeps it, for a kind that is served in two groups or whose name is taken.
    ``definition``: of a custom resource, the type that its CustomResourceDefinition gives it."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    below: tuple[Below, ...] = ()
    verbs: tuple[str, ...] = ()
    generation: bool = False
    categories: tuple[str, ...] = ()
    stored_as: str = ""
    definition: Any = None

    @cached_property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def subresources(self) -> tuple[str, ...]:
        return tuple(below.name for below in self.below)

    @property
    def builtin(self) -> str:
        """The kind, for rules about a built-in one; "" for a custom one, whatever it is called."""
        return "" if self.definition else self.kind

    @property
    def store_kind(self) -> str:
        return self.stored_as or self.kind

    @property
    def read_only(self) -> bool:
        """What is measured, not stored."""
        return "create" not in self.verbs

    @property
    def stored(self) -> bool:
        return "create" in self.verbs and "get" in self.verbs

    @property
    def list_kind(self) -> str:
        return self.definition.list_kind if self.definition else f"{self.kind}List"


class Registry:
    """What one cluster serves. Starts as every cluster does; ``add`` and ``remove`` change only this one."""

    def __init__(self) -> None:
        self.resources: tuple[Resource, ...] = RESOURCES
        self.by_path: Mapping[tuple[str, str, str], Resource] = BY_PATH
        self.stored: Mapping[str, Resource] = STORED
        self.group_versions: tuple[tuple[str, str], ...] = GROUP_VERSIONS
        self.groups: frozenset[str] = _GROUPS
        self.custom: dict[tuple[str, str], str] = {}  # (group, kind) -> the name under which the store keeps it
        self.count = 0  # goes up with each change

    def __getstate__(self) -> dict[str, Any]:
        return {"resources": Shared(self.resources), "count": self.count}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]
        if state["count"]:
            self._set(state["resources"])
        self.count = state["count"]

    def add(self, resource: Resource) -> None:
        self._set((*(r for r in self.resources if _path(r) != _path(resource)), resource))

    def remove(self, group: str, plural: str) -> None:
        self._set(tuple(r for r in self.resources if (r.group, r.plural) != (group, plural)))

    def _set(self, resources: tuple[Resource, ...]) -> None:
        self.resources = resources
        self.by_path = {_path(r): r for r in resources}
        self.stored = {r.store_kind: r for r in resources if r.stored and (not r.stored_as or r.definition)}
        self.group_versions = tuple(dict.fromkeys((r.group, r.version) for r in resources))
        self.groups = frozenset(group for group, _ in self.group_versions if group)
        self.custom = {(r.group, r.kind): r.store_kind for r in resources if r.definition}
        self.count += 1


def _path(resource: Resource) -> tuple[str, str, str]:
    return resource.group, resource.version, resource.plural


def _captured() -> tuple[Resource, ...]:
    groups = json.loads((Path(__file__).parent / "registry.json").read_bytes())["groups"]
    return tuple(
        _resource(group["name"], version["version"], item)
        for group in groups
        for version in group["versions"]
        for item in version["resources"]
    )


def _resource(group: str, version: str, item: dict[str, Any]) -> Resource:
    kind = item["kind"]
    stored_as = _STORED_AS.get((group, version, kind), "")
    below = tuple(
        Below(name, group_, version_, kind_, tuple(sub["verbs"]))
        for name, sub in item.get("subresources", {}).items()
        for group_, version_, kind_ in [sub["kind"]]
    )
    return Resource(
        group,
        version,
        kind,
        item["plural"],
        item["singular"],
        tuple(item.get("short", ())),
        item["namespaced"],
        below,
        tuple(item["verbs"]),
        kind in _COUNTS_CHANGES,
        tuple(item.get("categories", ())),
        kind if stored_as == "-" else stored_as,
    )


RESOURCES: tuple[Resource, ...] = _captured()
BY_PATH: dict[tuple[str, str, str], Resource] = {_path(r): r for r in RESOURCES}
BY_KIND: dict[tuple[str, str], Resource] = {(r.api_version, r.kind): r for r in RESOURCES}
STORED: dict[str, Resource] = {r.kind: r for r in RESOURCES if r.stored and not r.stored_as}
GROUP_VERSIONS: tuple[tuple[str, str], ...] = tuple(dict.fromkeys((r.group, r.version) for r in RESOURCES))
_GROUPS = frozenset(group for group, _ in GROUP_VERSIONS if group)
