"""Endpoints and EndpointSlices: which Pods a Service reaches, and on which ports."""

from __future__ import annotations

from typing import Any, NamedTuple

from .pods import is_ready, reference
from .world import World

Object = dict[str, Any]


class _Member(NamedTuple):
    """A Pod behind a Service. ``row``: what Endpoints and slices both say of it."""

    name: str
    address: str
    ready: bool
    leaving: bool
    row: Object


Groups = dict[tuple[tuple[str, int, str], ...], list[_Member]]
"""By the ports, (name, number, protocol), that a Pod is reached on."""


def reconcile(world: World, namespace: str, name: str) -> None:
    service = world.store.get("Service", namespace, name)
    if service is None:
        if world.store.get("Endpoints", namespace, name) is not None:
            world.store.delete("Endpoints", namespace, name, 0)
        return
    if not service["spec"].get("selector"):
        return
    selector = service["spec"]["selector"].items()
    pods = [
        pod
        for pod in world.store.list("Pod", namespace)
        if pod.get("status", {}).get("podIP")
        and pod["status"].get("phase") not in ("Succeeded", "Failed")
        and selector <= pod["metadata"].get("labels", {}).items()
    ]
    groups: Groups = {}
    for pod in pods:
        ports = tuple(found for port in service["spec"].get("ports", ()) if (found := _resolved(port, pod)))
        if ports or not service["spec"].get("ports"):
            groups.setdefault(ports, []).append(_member(pod, service))
    _write_endpoints(world, service, groups)
    _write_slices(world, service, groups)


def _resolved(port: Object, pod: Object) -> tuple[str, int, str] | None:
    """(name, port of the Pod, protocol), or None when the Pod has no port of that name."""
    protocol = port.get("protocol", "TCP")
    target: Any = port.get("targetPort", port["port"])
    if isinstance(target, str) and not target.isdecimal():
        numbers = [
            item["containerPort"]
            for container in pod["spec"]["containers"]
            for item in container.get("ports", ())
            if item.get("name") == target and item.get("protocol", "TCP") == protocol
        ]
        if not numbers:
            return None
        target = numbers[0]
    return port.get("name", ""), int(target), protocol


def _member(pod: Object, service: Object) -> _Member:
    meta = pod["metadata"]
    target = {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
    row = {**_named(pod, service), "nodeName": pod["spec"]["nodeName"], "targetRef": target}
    return _Member(meta["name"], pod["status"]["podIP"], is_ready(pod), "deletionTimestamp" in meta, row)


def _port(name: str, number: int, protocol: str) -> Object:
    return {**({"name": name} if name else {}), "port": number, "protocol": protocol}


def _write_endpoints(world: World, service: Object, groups: Groups) -> None:
    meta, subsets = service["metadata"], []
    tolerant = service["spec"].get("publishNotReadyAddresses")
    for ports, pods in groups.items():
        subset: Object = {}
        for key, wanted in (("addresses", True), ("notReadyAddresses", False)):
            rows = [
                {"ip": pod.address, **pod.row} for pod in pods if (tolerant or pod.ready) is wanted and not pod.leaving
            ]
            if rows:
                subset[key] = rows
        if subset:
            subsets.append({**subset, "ports": [_port(*port) for port in ports]})
    wanted_: Object = {"apiVersion": "v1", "kind": "Endpoints", **({"subsets": subsets} if subsets else {})}
    old = world.store.get("Endpoints", meta["namespace"], meta["name"])
    labels = {**meta.get("labels", {}), "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    if old is None:
        world.store.create(
            {**wanted_, "metadata": {"name": meta["name"], "namespace": meta["namespace"], "labels": labels}}
        )
    elif old.get("subsets", []) != subsets:
        world.store.update({**wanted_, "metadata": dict(old["metadata"])})


def _named(pod: Object, service: Object) -> Object:
    """The name of its own that a Pod has in the Service that governs it."""
    spec = pod["spec"]
    if spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]:
        return {"hostname": spec["hostname"]}
    return {}


def _in_parts(pods: list[_Member]) -> list[list[_Member]]:
    """A slice holds no more than a hundred."""
    ordered = sorted(pods, key=lambda pod: pod.name)
    return [ordered[start : start + _MOST] for start in range(0, len(ordered), _MOST)]


_MOST = 100
_HEADLESS = "service.kubernetes.io/headless"


def _write_slices(world: World, service: Object, groups: Groups) -> None:
    meta = service["metadata"]
    old = slices_of(world, meta["namespace"], meta["name"])
    wanted = [(ports, part) for ports, pods in groups.items() for part in _in_parts(pods)] or [((), [])]
    for spot, (ports, pods) in enumerate(wanted):
        rows = []
        for pod in pods:
            conditions = {
                "ready": (pod.ready and not pod.leaving) or bool(service["spec"].get("publishNotReadyAddresses")),
                "serving": pod.ready,
                "terminating": pod.leaving,
            }
            rows.append({"addresses": [pod.address], "conditions": conditions, **pod.row})
        body: Object = {
            "addressType": "IPv4",
            "endpoints": rows or None,
            "ports": [{"name": name, "port": number, "protocol": protocol} for name, number, protocol in ports] or None,
        }
        if spot < len(old):
            if {key: old[spot].get(key) for key in body} != body:
                world.store.update({**old[spot], "metadata": dict(old[spot]["metadata"]), **body})
            continue
        world.store.create(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                **body,
                "metadata": {
                    "name": world.store.generated_name(f"{meta['name']}-"),
                    "generateName": f"{meta['name']}-",
                    "namespace": meta["namespace"],
                    "ownerReferences": [reference(service)],
                    "labels": {
                        **meta.get("labels", {}),
                        "kubernetes.io/service-name": meta["name"],
                        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                        **({_HEADLESS: ""} if service["spec"].get("clusterIP") == "None" else {}),
                    },
                },
            }
        )
    for extra in old[len(wanted) :]:
        world.store.delete("EndpointSlice", meta["namespace"], extra["metadata"]["name"], 0)


def slices_of(world: World, namespace: str, service: str) -> list[Object]:
    """The EndpointSlices of a Service."""
    return [
        item
        for item in world.store.list("EndpointSlice", namespace)
        if item["metadata"].get("labels", {}).get("kubernetes.io/service-name") == service
    ]
