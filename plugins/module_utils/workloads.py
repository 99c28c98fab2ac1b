# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the objects of an Inventory hang together: workloads, their Pods, Services and calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .cluster import reference
from .evidence import Inventory, Manifest, ObjectRef

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob", "Job", "Pod")
REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class Workload:
    """Something that makes Pods, or a Pod of its own. ``desired`` is None where no number is asked for."""

    ref: ObjectRef
    manifest: Manifest
    pod_spec: Manifest
    labels: Mapping[str, str]  # of its Pods
    desired: int | None
    pods: tuple[Manifest, ...] = field(default=(), compare=False)

    @property
    def containers(self) -> tuple[Manifest, ...]:
        """Init containers and containers."""
        return (*(self.pod_spec.get("initContainers") or ()), *(self.pod_spec.get("containers") or ()))

    @property
    def created(self) -> str:
        """When the object itself was created."""
        return str(self.manifest["metadata"].get("creationTimestamp") or "")


@dataclass(frozen=True)
class Call:
    """A workload's configuration names a host: ``port`` is None where it does not say."""

    caller: ObjectRef
    variable: str
    host: str
    port: int | None
    url: bool
    where: ObjectRef  # the caller, or the ConfigMap that holds the value


class View:
    """An index over one Inventory; everything in it is computed once, when first asked for."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory

    def renewed(self, inventory: Inventory) -> View:
        """The same objects with other logs or measurements: what was computed stays valid."""
        other = View(inventory)
        kept = {name: value for name, value in self.__dict__.items() if name != "inventory"}
        other.__dict__.update(kept)
        return other

    @cached_property
    def owners(self) -> dict[ObjectRef, ObjectRef]:
        """The topmost owner of each object that has one here."""
        direct: dict[ObjectRef, ObjectRef] = {}
        for kind in ("Pod", "ReplicaSet", "Job"):
            for item in self.inventory.of(kind):
                for owner in item["metadata"].get("ownerReferences") or ():
                    if owner.get("controller") and owner["kind"] in WORKLOADS:
                        direct[reference(item)] = self._owning(owner, item)
        return {ref: self._topmost(ref, direct) for ref in direct}

    def _owning(self, owner: Mapping[str, Any], item: Manifest) -> ObjectRef:
        """What an ownerReference names; a Deployment where its ReplicaSets may not be read but are named after it."""
        kind, name = owner["kind"], str(owner["name"])
        mark = (item["metadata"].get("labels") or {}).get("pod-template-hash")
        if kind == "ReplicaSet" and kind not in self.inventory.objects and mark:
            kind, name = "Deployment", name.removesuffix(f"-{mark}")
        return ObjectRef(kind, self.inventory.namespace, name)

    def unlisted(self, selector: Mapping[str, str] | None) -> bool:
        """Whether Pods carry these labels that may belong to a kind of workload that could not be read."""
        if all(kind in self.inventory.objects for kind in WORKLOADS):
            return False
        return any(matches(selector, pod["metadata"].get("labels") or {}) for pod in self.inventory.of("Pod"))

    @staticmethod
    def _topmost(ref: ObjectRef, direct: Mapping[ObjectRef, ObjectRef]) -> ObjectRef:
        for _ in range(4):  # Pod, ReplicaSet or Job, Deployment or CronJob
            if ref not in direct:
                break
            ref = direct[ref]
        return ref

    @cached_property
    def workloads(self) -> dict[ObjectRef, Workload]:
        """Topmost owners; a Pod or ReplicaSet of its own counts, one that is owned does not."""
        pods: dict[ObjectRef, list[Manifest]] = {}
        for pod in self.inventory.of("Pod"):
            ref = reference(pod)
            pods.setdefault(self.owners.get(ref, ref), []).append(pod)
        found = {}
        for kind in WORKLOADS:
            for item in self.inventory.of(kind):
                ref = reference(item)
                if ref not in self.owners:
                    found[ref] = _workload(ref, item, tuple(pods.get(ref, ())))
        return found

    def owner(self, ref: ObjectRef) -> ObjectRef:
        """The workload that an object belongs to, or the object itself."""
        return self.owners.get(ref, ref)

    @cached_property
    def selected(self) -> dict[ObjectRef, tuple[Workload, ...]]:
        """The workloads whose Pods a Service selects."""
        labelled: dict[tuple[str, str], list[Workload]] = {}
        for work in self.workloads.values():
            for pair in work.labels.items():
                labelled.setdefault(pair, []).append(work)
        found = {}
        for service in self.inventory.of("Service"):
            selector = service["spec"].get("selector") or {}
            candidates = labelled.get(next(iter(selector.items()), ("", "")), [])
            found[reference(service)] = tuple(work for work in candidates if matches(selector, work.labels))
        return found

    @cached_property
    def service_named(self) -> dict[str, Manifest]:
        """The Services by name."""
        return {item["metadata"]["name"]: item for item in self.inventory.of("Service")}

    @cached_property
    def revisions(self) -> dict[str, list[Manifest]]:
        """ReplicaSets and ControllerRevisions by the uid of what they belong to."""
        found: dict[str, list[Manifest]] = {}
        for kind in ("ReplicaSet", "ControllerRevision"):
            for item in self.inventory.of(kind):
                for owner in item["metadata"].get("ownerReferences") or ():
                    found.setdefault(str(owner.get("uid")), []).append(item)
        return found

    @cached_property
    def services(self) -> dict[ObjectRef, tuple[Manifest, ...]]:
        """The Services that select a workload's Pods."""
        found: dict[ObjectRef, list[Manifest]] = {}
        for service in self.inventory.of("Service"):
            for work in self.selected[reference(service)]:
                found.setdefault(work.ref, []).append(service)
        return {ref: tuple(items) for ref, items in found.items()}

    @cached_property
    def ready_addresses(self) -> dict[str, int]:
        """How many ready endpoints a Service has, by its name."""
        count: dict[str, int] = {service["metadata"]["name"]: 0 for service in self.inventory.of("Service")}
        for item in self.inventory.of("EndpointSlice"):
            name = (item["metadata"].get("labels") or {}).get("kubernetes.io/service-name", "")
            for endpoint in item.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready", True) is not False:
                    count[name] = count.get(name, 0) + len(endpoint.get("addresses") or ())
        return count

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Hosts inside the cluster that workloads are configured to call."""
        return tuple(call for work in self.workloads.values() for call in _calls(self, work))

    @cached_property
    def callers(self) -> dict[str, tuple[Call, ...]]:
        """Calls by the name of the existing Service that they go to."""
        found: dict[str, list[Call]] = {}
        for call in self.calls:
            if call.host in self.service_named:
                found.setdefault(call.host, []).append(call)
        return {name: tuple(items) for name, items in found.items()}

    def values(self, work: Workload, container: Manifest) -> Iterator[tuple[str, str, ObjectRef]]:
        """Variables of a container with the values that are known: name, value, and the object that holds it."""
        for entry in container.get("envFrom") or ():
            name = (entry.get("configMapRef") or {}).get("name")
            ref = ObjectRef("ConfigMap", work.ref.namespace, name or "")
            for key, value in ((self.inventory.get(ref) or {}).get("data") or {}).items() if name else ():
                yield f"{entry.get('prefix', '')}{key}", str(value), ref
        for entry in container.get("env") or ():
            source = (entry.get("valueFrom") or {}).get("configMapKeyRef")
            if source:
                ref = ObjectRef("ConfigMap", work.ref.namespace, source.get("name", ""))
                value = ((self.inventory.get(ref) or {}).get("data") or {}).get(source.get("key"))
                if value is not None:
                    yield entry["name"], str(value), ref
            elif entry.get("value"):
                yield entry["name"], str(entry["value"]), work.ref

    def age_of(self, time: Any) -> float | None:
        """Seconds between a time and the reading."""
        from .quantity import seconds_between

        return seconds_between(time, self.inventory.time)


def matches(selector: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """Whether an equality selector picks these labels; an empty one picks nothing."""
    return bool(selector) and all(labels.get(key) == value for key, value in (selector or {}).items())


def owned_by(item: Manifest, owner: Manifest) -> bool:
    """Whether one object's ownerReferences name the other."""
    uid = owner["metadata"].get("uid")
    return any(ref.get("uid") == uid for ref in item["metadata"].get("ownerReferences") or ())


def pod_is_ready(pod: Manifest) -> bool:
    """Whether a Pod counts as ready (and is not on its way out)."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return not pod["metadata"].get("deletionTimestamp") and any(
        item["type"] == "Ready" and item["status"] == "True" for item in conditions
    )


def pod_is_over(pod: Manifest) -> bool:
    """Whether a Pod has ended, or is about to."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed") or bool(
        pod["metadata"].get("deletionTimestamp")
    )


def _workload(ref: ObjectRef, item: Manifest, pods: tuple[Manifest, ...]) -> Workload:
    spec = item.get("spec") or {}
    status = item.get("status") or {}
    if ref.kind == "Pod":
        over = pod_is_over(item)
        return Workload(ref, item, spec, item["metadata"].get("labels") or {}, None if over else 1, pods)
    if ref.kind == "CronJob":
        template = (((spec.get("jobTemplate") or {}).get("spec")) or {}).get("template") or {}
    else:
        template = spec.get("template") or {}
    desired: int | None = None
    if ref.kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        desired = int(spec.get("replicas", 1))
    elif ref.kind == "DaemonSet":
        desired = int(status.get("desiredNumberScheduled", 0))
    labels = (template.get("metadata") or {}).get("labels") or {}
    return Workload(ref, item, template.get("spec") or {}, labels, desired, pods)


_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://(?:[^\s/@]*@)?([a-zA-Z0-9][\w.-]*)(?::(\d+))?")
_HOST_PORT = re.compile(r"^([a-z0-9][a-z0-9.-]*):(\d{2,5})$")
_HOST = re.compile(r"^[a-z]([a-z0-9.-]*[a-z0-9])?$")
_HOST_NAME = re.compile(
    r"(?:^|_)(HOST|HOSTNAME|ADDR|ADDRESS|SERVICE|SERVER|UPSTREAM|ENDPOINT|BACKEND)S?$", re.IGNORECASE
)


def _calls(view: View, work: Workload) -> Iterator[Call]:
    seen: set[tuple[str, str, int | None]] = set()
    for container in work.containers:
        texts = list(view.values(work, container))
        words = (str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ())))
        texts += [("args", word, work.ref) for word in words if "://" in word and len(word) < 500]
        for variable, value, where in texts:
            for host, port, url in _hosts(variable, value):
                short = inside(host, view.inventory.namespace)
                if short and (url or short in view.service_named or port) and (variable, short, port) not in seen:
                    seen.add((variable, short, port))
                    yield Call(work.ref, variable, short, port, url, where)


def _hosts(variable: str, value: str) -> Iterator[tuple[str, int | None, bool]]:
    for host, port in _URL.findall(value):
        yield host, int(port) if port else None, True
    for part in value.split(","):
        if match := _HOST_PORT.match(part.strip()):
            yield match.group(1), int(match.group(2)), False
        elif _HOST.match(part.strip()) and _HOST_NAME.search(variable):
            yield part.strip(), None, False


def inside(host: str, namespace: str) -> str:
    """The Service's name when a host is one of this namespace, else nothing."""
    host = host.rstrip(".").lower()
    if host == "localhost" or host.replace(".", "").isdigit():
        return ""
    first, *rest = host.split(".")
    return first if rest in ([], [namespace], [namespace, "svc"], [namespace, "svc", "cluster", "local"]) else ""
