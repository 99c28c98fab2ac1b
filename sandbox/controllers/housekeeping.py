"""The small controllers: what a namespace gets, claims, quotas."""

from __future__ import annotations

from typing import Any

from ..api.quantity import value_of
from ..api.quota import used_of
from .world import World

Object = dict[str, Any]


def furnish_namespace(world: World, _: str, name: str) -> None:
    """A namespace's default ServiceAccount and the cluster's certificate."""
    namespace = world.store.get("Namespace", "", name)
    if namespace is None or "deletionTimestamp" in namespace["metadata"]:
        return
    if not namespace.get("status", {}).get("phase"):
        world.put_status(namespace, {"phase": "Active"})
    meta = {"name": "default", "namespace": name}
    if world.store.get("ServiceAccount", name, "default") is None:
        world.store.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    if world.store.get("ConfigMap", name, "kube-root-ca.crt") is None:
        text = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
        world.store.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "data": {"ca.crt": text},
                "metadata": {"name": "kube-root-ca.crt", "namespace": name},
            }
        )


def bind_claim(world: World, namespace: str, name: str) -> None:
    """Binds a claim to a fitting volume, or to a new one when its class has a provisioner."""
    claim = world.store.get("PersistentVolumeClaim", namespace, name)
    if claim is None or claim.get("status", {}).get("phase") == "Bound":
        return
    spec = claim["spec"]
    wanted = value_of(str(spec["resources"]["requests"]["storage"]))
    class_name = spec.get("storageClassName", _default_class(world))
    volume = next(
        (
            item
            for item in world.store.list("PersistentVolume")
            if item.get("status", {}).get("phase", "Available") == "Available"
            and item["spec"].get("storageClassName", "") == class_name
            and value_of(str(item["spec"]["capacity"]["storage"])) >= wanted
            and set(spec.get("accessModes", ())) <= set(item["spec"].get("accessModes", ()))
        ),
        None,
    )
    if volume is None and class_name:
        if world.store.get("StorageClass", "", class_name) is None:
            text = f'storageclass.storage.k8s.io "{class_name}" not found'
            world.recorder.event(claim, "Warning", "ProvisioningFailed", text, "persistentvolume-controller")
            _pending(world, claim)
            return
        volume = _provision(world, claim, class_name)
    if volume is None:
        text = "no persistent volumes available for this claim and no storage class is set"
        world.recorder.event(claim, "Normal", "FailedBinding", text, "persistentvolume-controller")
        _pending(world, claim)
        return
    world.put_status(volume, {"phase": "Bound"})
    capacity = volume["spec"]["capacity"]
    claim = world.store.update(
        {**claim, "spec": {**spec, "volumeName": volume["metadata"]["name"]}, "metadata": dict(claim["metadata"])}
    )
    world.put_status(claim, {"phase": "Bound", "capacity": capacity, "accessModes": spec.get("accessModes", [])})


def _pending(world: World, claim: Object) -> None:
    world.put_status(claim, {"phase": "Pending"})


def _default_class(world: World) -> str:
    mark = "storageclass.kubernetes.io/is-default-class"
    return next(
        (
            str(item["metadata"]["name"])
            for item in world.store.list("StorageClass")
            if item["metadata"].get("annotations", {}).get(mark) == "true"
        ),
        "",
    )


def _provision(world: World, claim: Object, class_name: str) -> Object | None:
    spec = claim["spec"]
    return world.store.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"pvc-{claim['metadata']['uid']}"},
            "spec": {
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "accessModes": spec.get("accessModes", []),
                "storageClassName": class_name,
                "persistentVolumeReclaimPolicy": "Delete",
            },
            "status": {"phase": "Available"},
        }
    )


def count_quota(world: World, namespace: str, name: str) -> None:
    quota = world.store.get("ResourceQuota", namespace, name)
    if quota is None:
        return
    world.put_status(quota, {"hard": quota["spec"].get("hard", {}), "used": used_of(world.store, quota)})
