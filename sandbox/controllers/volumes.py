"""Claims and volumes: who is bound to whom, what becomes of a volume afterwards, and what is kept while it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..api.quantity import value_of
from .affinity import any_term_holds
from .world import World

Object = dict[str, Any]

CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"
_COMPONENT = "persistentvolume-controller"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""On a claim, where the scheduler wants to put the first Pod that uses it."""
_NOBODY = "kubernetes.io/no-provisioner"
_COMPLETED = "pv.kubernetes.io/bind-completed"
_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"


def reconcile_claim(world: World, namespace: str, name: str) -> None:
    """Binds a claim to the smallest fitting volume, or to a new one when its class has a provisioner."""
    claim = world.store.get("PersistentVolumeClaim", namespace, name)
    if claim is None:
        _release(world, namespace, name)
        return
    if "deletionTimestamp" in claim["metadata"]:
        _let_go(world, claim, CLAIM_PROTECTION, used=_is_used(world, claim))
        return
    volume_name = claim["spec"].get("volumeName")
    if claim.get("status", {}).get("phase") == "Bound":
        if world.store.get("PersistentVolume", "", volume_name) is None:
            _lose(world, claim)
        return
    class_name = _class_of(world, claim)
    node = claim["metadata"].get("annotations", {}).get(SELECTED_NODE, "")
    if binds_late(world, claim) and not node and not volume_name:
        _wait(world, claim)
        return
    there = world.store.get("Node", "", node) if node else None
    volume = fitting_volume(world, claim, there["metadata"].get("labels", {}) if there else None)
    if volume is None and class_name:
        if world.store.get("StorageClass", "", class_name) is None:
            text = f'storageclass.storage.k8s.io "{class_name}" not found'
            world.recorder.event(claim, "Warning", "ProvisioningFailed", text, _COMPONENT)
            _pending(world, claim)
            return
        if not can_provision(world, claim):
            text = f"no volume plugin matched name: {_NOBODY}"
            world.recorder.event(claim, "Warning", "ProvisioningFailed", text, _COMPONENT)
            _pending(world, claim)
            return
        volume = _provision(world, claim, class_name)
    if volume is None:
        text = "no persistent volumes available for this claim and no storage class is set"
        world.recorder.event(claim, "Normal", "FailedBinding", text, _COMPONENT)
        _pending(world, claim)
        return
    _bind(world, claim, volume)


def reconcile_volume(world: World, _: str, name: str) -> None:
    """A volume that nobody has claimed is there for anybody; one that is to go waits until it is free."""
    volume = world.store.get("PersistentVolume", "", name)
    if volume is None:
        for claim in world.store.list("PersistentVolumeClaim"):
            if claim["spec"].get("volumeName") == name:
                world.wake("claim", claim["metadata"]["namespace"], claim["metadata"]["name"])
        return
    phase = volume.get("status", {}).get("phase")
    if "deletionTimestamp" in volume["metadata"]:
        _let_go(world, volume, VOLUME_PROTECTION, used=phase == "Bound")
    elif phase in (None, "Pending") and not volume["spec"].get("claimRef"):
        _set_phase(world, volume, "Available")


def listen(world: World, _kubelet: object) -> Callable[[str, Object | None, Object | None], None]:
    """Claims that are to go wait for the last Pod that uses them."""

    def heard(type_: str, old: Object | None, new: Object | None) -> None:
        pod = new or old
        if pod is None or pod["kind"] != "Pod":
            return
        if type_ != "DELETED" and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
            return
        for volume in pod["spec"].get("volumes") or ():
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if name:
                world.wake("claim", pod["metadata"]["namespace"], name)

    return heard


def binds_late(world: World, claim: Object) -> bool:
    """Whether the claim is bound only when a Pod that uses it has a node."""
    found = world.store.get("StorageClass", "", _class_of(world, claim))
    return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"


def can_provision(world: World, claim: Object) -> bool:
    """Whether a volume can be made for the claim."""
    found = world.store.get("StorageClass", "", _class_of(world, claim))
    return found is not None and found.get("provisioner") != _NOBODY


def reaches(volume: Object, labels: dict[str, str]) -> bool:
    """Whether the volume can be used on a node with these labels."""
    wanted = (volume["spec"].get("nodeAffinity") or {}).get("required")
    return not wanted or any_term_holds(wanted["nodeSelectorTerms"], labels)


def fitting_volume(world: World, claim: Object, labels: dict[str, str] | None = None) -> Object | None:
    """The smallest free volume that fits. ``labels``: of the node on which it is to be used, where that is known."""
    spec, meta, class_name = claim["spec"], claim["metadata"], _class_of(world, claim)
    wanted = value_of(str(spec["resources"]["requests"]["storage"]))
    fitting = []
    for volume in world.store.list("PersistentVolume"):
        ref = volume["spec"].get("claimRef") or {}
        mine = (ref.get("namespace"), ref.get("name")) == (meta["namespace"], meta["name"])
        free = volume.get("status", {}).get("phase", "Available") in ("Available", "Pending") and not ref
        named = spec.get("volumeName") in (None, "", volume["metadata"]["name"])
        size = value_of(str(volume["spec"]["capacity"]["storage"]))
        if (
            "deletionTimestamp" not in volume["metadata"]
            and (free or (mine and ref.get("uid") in (None, "", meta["uid"])))
            and named
            and volume["spec"].get("storageClassName", "") == class_name
            and size >= wanted
            and set(spec.get("accessModes", ())) <= set(volume["spec"].get("accessModes", ()))
            and (labels is None or reaches(volume, labels))
        ):
            fitting.append((not mine, size, volume["metadata"]["name"], volume))
    return min(fitting, key=lambda entry: entry[:3])[3] if fitting else None


def _bind(world: World, claim: Object, volume: Object) -> None:
    meta = claim["metadata"]
    reserved = volume["spec"].get("claimRef") is not None
    ref = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "name": meta["name"],
        "namespace": meta["namespace"],
        "resourceVersion": meta["resourceVersion"],
        "uid": meta["uid"],
    }
    volume = world.store.update(
        {
            **volume,
            "spec": {**volume["spec"], "claimRef": ref},
            "metadata": volume["metadata"] if reserved else _noted(volume, _BY_CONTROLLER),
        }
    )
    _set_phase(world, volume, "Bound")
    chosen = {_COMPLETED} if claim["spec"].get("volumeName") else {_COMPLETED, _BY_CONTROLLER}
    claim = world.store.update(
        {
            **claim,
            "spec": {**claim["spec"], "volumeName": volume["metadata"]["name"]},
            "metadata": _noted(claim, *sorted(chosen)),
        }
    )
    modes = claim["spec"].get("accessModes", [])
    status = {"phase": "Bound", "capacity": volume["spec"]["capacity"], "accessModes": modes}
    world.put_status(claim, status)


def _noted(obj: Object, *notes: str) -> Object:
    meta = obj["metadata"]
    return {**meta, "annotations": {**(meta.get("annotations") or {}), **dict.fromkeys(notes, "yes")}}


def _release(world: World, namespace: str, name: str) -> None:
    """The claim is gone: its volume is deleted, or kept for somebody to look at."""
    for volume in world.store.list("PersistentVolume"):
        ref = volume["spec"].get("claimRef") or {}
        bound = volume.get("status", {}).get("phase") == "Bound"
        if not bound or (ref.get("namespace"), ref.get("name")) != (namespace, name):
            continue
        volume = _set_phase(world, volume, "Released")
        if volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            world.store.delete("PersistentVolume", None, volume["metadata"]["name"], 0)


def _lose(world: World, claim: Object) -> None:
    text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
    world.recorder.event(claim, "Warning", "ClaimLost", text, _COMPONENT)
    world.put_status(claim, {"phase": "Lost"})


def _let_go(world: World, obj: Object, protection: str, *, used: bool) -> None:
    """Takes the protection away from what is to go and is no longer used."""
    meta = obj["metadata"]
    if used or protection not in (meta.get("finalizers") or ()):
        return
    left = [item for item in meta["finalizers"] if item != protection]
    world.store.update({**obj, "metadata": {**meta, "finalizers": left}})


def _is_used(world: World, claim: Object) -> bool:
    return any(_uses(pod, claim) for pod in world.store.list("Pod", claim["metadata"]["namespace"]))


def _uses(pod: Object, claim: Object) -> bool:
    """Whether a Pod that has not ended uses the claim."""
    if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return False
    name = claim["metadata"]["name"]
    volumes = pod["spec"].get("volumes") or ()
    return any((volume.get("persistentVolumeClaim") or {}).get("claimName") == name for volume in volumes)


def _set_phase(world: World, volume: Object, phase: str) -> Object:
    return world.put_status(volume, {"lastPhaseTransitionTime": world.clock.stamp(), "phase": phase})


def _wait(world: World, claim: Object) -> None:
    reason, text = "WaitForFirstConsumer", "waiting for first consumer to be created before binding"
    pods = [pod for pod in world.store.list("Pod", claim["metadata"]["namespace"]) if _uses(pod, claim)]
    if pods:
        reason, text = "WaitForPodScheduled", f"waiting for pod {pods[0]['metadata']['name']} to be scheduled"
    world.recorder.event(claim, "Normal", reason, text, _COMPONENT)
    _pending(world, claim)


def _pending(world: World, claim: Object) -> None:
    world.put_status(claim, {"phase": "Pending"})


def _class_of(world: World, claim: Object) -> str:
    return str(claim["spec"].get("storageClassName", _default_class(world)))


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


def _provision(world: World, claim: Object, class_name: str) -> Object:
    spec = claim["spec"]
    return world.store.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"pvc-{claim['metadata']['uid']}", "finalizers": [VOLUME_PROTECTION]},
            "spec": {
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "accessModes": spec.get("accessModes", []),
                "storageClassName": class_name,
                "persistentVolumeReclaimPolicy": "Delete",
            },
            "status": {"phase": "Available"},
        }
    )
