"""A healthy system as a fault finds it, read once."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from ..systems.edits import container_path, value_at
from ..systems.rest import Api
from ..systems.system import ServiceSpec, System

Object = dict[str, Any]


@dataclass(frozen=True)
class Victim:
    """A workload that could be broken, with its main container."""

    spec: ServiceSpec
    manifest: Object
    container: Object

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def env(self) -> list[Object]:
        return list(self.container.get("env") or ())

    def literal(self, name: str) -> str:
        """The value of a variable that the manifest spells out; empty when it does not."""
        return next((str(item.get("value", "")) for item in self.env if item["name"] == name), "")

    def path(self, *more: Any) -> tuple[Any, ...]:
        """A path into its main container."""
        return container_path(self.container["name"], *more)


class Scene:
    """What runs in the namespace. ``only``: the names of those that may be broken; empty for all."""

    def __init__(self, api: Api, system: System, only: frozenset[str] = frozenset()) -> None:
        self.only = only
        self.api, self.system, self.namespace = api, system, system.namespace
        self.workloads = {
            (kind, item["metadata"]["name"]): item
            for kind in ("Deployment", "StatefulSet")
            for item in api.list(kind, self.namespace)
        }
        self.services = {item["metadata"]["name"]: item for item in api.list("Service", self.namespace)}
        self.config_maps = {item["metadata"]["name"]: item for item in api.list("ConfigMap", self.namespace)}

    def victims(self, rng: random.Random, *kinds: str) -> list[Victim]:
        """The workloads behind a Service that serve now, in random order; Deployments unless other kinds are named."""
        found = []
        for spec in self.system.services:
            item = self.workloads.get((spec.kind, spec.name))
            if (
                item is None
                or not spec.service
                or spec.kind not in (kinds or ("Deployment",))
                or not item["spec"].get("replicas")
                or (self.only and spec.name not in self.only)
            ):
                continue
            container = value_at(item, container_path(spec.container))
            if container is not None:
                found.append(Victim(spec, item, container))
        rng.shuffle(found)
        return found
