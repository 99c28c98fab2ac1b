"""What a system is: manifests, the images that can be pulled, who calls whom, and what happened before."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

Object = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

LAB_IMAGES = ("lab/python:1", "lab/base:1", "lab/base:2", "lab/redis:1", "lab/nginx:1")
"""One and the same image under several names, so that image changes can be told apart on the lab."""

LAB_CORES = 0.6
"""How many of the lab's four cores one system may request: others run beside it, and with too little left Pods wait."""


@dataclass(frozen=True)
class ServiceSpec:
    """One workload and its Service. ``service`` is empty for a workload that nobody calls.

    ``calls`` names other workloads. ``rate``: requests a second that reach it in steady state. ``volume``: where
    the volume is mounted that its requests write to; empty when they write to none.
    """

    name: str
    kind: str  # Deployment, StatefulSet or DaemonSet
    container: str
    service: str
    port: int  # the container listens there
    service_port: int
    calls: tuple[str, ...]
    image: str
    health_path: str
    rate: float = 0.0
    volume: str = ""


@dataclass(frozen=True)
class Change:
    """One write of the system's past; of an object that was not there, its creation.

    ``after``: seconds since the write before it.
    """

    after: float
    manager: str
    manifest: Object  # the object's full desired state from then on


@dataclass(frozen=True)
class System:
    """``manifests`` is where the past begins; ``history`` leads to today's state, oldest first."""

    name: str
    namespace: str
    manifests: tuple[Object, ...]
    images: frozenset[str]
    services: tuple[ServiceSpec, ...]
    front: str  # the workload that users reach first
    history: tuple[Change, ...] = ()
    managers: Mapping[str, str] | None = None  # "Kind/name" -> field manager of its creation
    age: float = 600.0  # seconds from the last change to now

    def service(self, name: str) -> ServiceSpec:
        """The workload of that name; KeyError when the system has none."""
        for spec in self.services:
            if spec.name == name:
                return spec
        raise KeyError(name)

    def callers(self, name: str) -> tuple[ServiceSpec, ...]:
        """The workloads that call it."""
        return tuple(spec for spec in self.services if name in spec.calls)


def as_applied(manifest: Object) -> str:
    """A manifest as `kubectl apply` remembers it."""
    return json.dumps(manifest, separators=(",", ":"), sort_keys=True) + "\n"


def lab_image(image: str) -> str:
    """The lab's image that stands for this one; other tags of a repository get other names where they can."""
    return LAB_IMAGES[sum(image.encode()) % len(LAB_IMAGES)]


def _millicores(quantity: str) -> int:
    return int(quantity[:-1]) if quantity.endswith("m") else int(float(quantity) * 1000)


def _cores(system: System) -> float:
    """What all Pods together request."""
    millicores: int = sum(
        item["spec"].get("replicas", 1) * _millicores(container["resources"]["requests"]["cpu"])
        for item in system.manifests
        if "template" in item.get("spec", {})
        for container in item["spec"]["template"]["spec"]["containers"]
        if "cpu" in container.get("resources", {}).get("requests", {})
    )
    return millicores / 1000


def on_lab(system: System, namespace: str = "") -> System:
    """The same system for a real cluster: its images mapped to the lab's, without Nodes.

    Another ``namespace`` is moved to with all that names it: addresses, and what was last applied. Where the system
    asks for more CPU than LAB_CORES, every request is that much smaller; limits stay.
    """
    space = namespace or system.namespace
    share = min(1.0, LAB_CORES / max(LAB_CORES, _cores(system)))

    elsewhere = re.compile(rf"(?<=//)([^/:.]+)\.{re.escape(system.namespace)}(?=[.:/]|$)")

    def moved(value: Any) -> Any:
        if isinstance(value, str):
            return elsewhere.sub(rf"\1.{space}", value)
        if isinstance(value, dict):
            return {
                key: lab_image(item)
                if key == "image" and item in system.images
                else space
                if key == "namespace" and item == system.namespace
                else as_applied(moved(json.loads(item)))
                if key == LAST_APPLIED
                else {**item, "cpu": f"{max(1, int(_millicores(item['cpu']) * share))}m"}
                if key == "requests" and share < 1 and "cpu" in item
                else moved(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [moved(item) for item in value]
        return value

    manifests = []
    for manifest in system.manifests:
        if manifest["kind"] == "Node":
            continue
        manifest = moved(manifest)
        if manifest["kind"] == "Namespace":
            manifest = {**manifest, "metadata": {**manifest["metadata"], "name": space}}
        manifests.append(manifest)
    return replace(
        system,
        namespace=space,
        manifests=tuple(manifests),
        images=frozenset(LAB_IMAGES),
        services=tuple(replace(spec, image=lab_image(spec.image)) for spec in system.services),
        history=tuple(replace(change, manifest=moved(change.manifest)) for change in system.history),
    )
