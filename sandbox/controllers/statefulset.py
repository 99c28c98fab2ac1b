"""StatefulSets: Pods with names that last, one after another, and their revisions."""

from __future__ import annotations

from typing import Any

from .deployment import template_hash
from .pods import Refused, create_pod, is_active, is_available, is_ready, owned, reference, try_again
from .volumes import CLAIM_PROTECTION
from .world import World

Object = dict[str, Any]

REVISION_LABEL = "controller-revision-hash"
_HASH_LABELS = {"StatefulSet": "controller.kubernetes.io/hash", "DaemonSet": REVISION_LABEL}
"""What the two controllers call the hash of a ControllerRevision."""
_COMPONENT = "statefulset-controller"


def reconcile(world: World, namespace: str, name: str) -> None:
    item = world.store.get("StatefulSet", namespace, name)
    if item is None or "deletionTimestamp" in item["metadata"]:
        return
    revision = ensure_revision(world, item)
    pods = {_ordinal(pod): pod for pod in owned(world, "Pod", item)}
    _move(world, item, pods, revision)
    _write_status(world, item, revision)


def ensure_revision(world: World, item: Object) -> str:
    """The name of the ControllerRevision of today's template; made, or moved to the top, when it must be."""
    meta = item["metadata"]
    name = f"{meta['name']}-{template_hash(item['spec']['template'])}"
    known = owned(world, "ControllerRevision", item)
    newest = max((entry["revision"] for entry in known), default=0)
    mine = next((entry for entry in known if entry["metadata"]["name"] == name), None)
    if mine is None:
        template = {**item["spec"]["template"], "$patch": "replace"}
        world.store.create(
            {
                "apiVersion": "apps/v1",
                "kind": "ControllerRevision",
                "metadata": {
                    "name": name,
                    "namespace": meta["namespace"],
                    "ownerReferences": [reference(item)],
                    "labels": {
                        **item["spec"]["template"].get("metadata", {}).get("labels", {}),
                        _HASH_LABELS[item["kind"]]: name.rsplit("-", 1)[1],
                    },
                    **({"annotations": meta["annotations"]} if meta.get("annotations") else {}),
                },
                "data": {"spec": {"template": template}},
                "revision": newest + 1,
            }
        )
        limit = item["spec"].get("revisionHistoryLimit", 10)
        for entry in sorted(known, key=lambda entry: int(entry["revision"]))[: max(0, len(known) - limit)]:
            world.store.delete("ControllerRevision", meta["namespace"], entry["metadata"]["name"], 0)
    elif mine["revision"] != newest:
        world.store.update({**mine, "metadata": dict(mine["metadata"]), "revision": newest + 1})
    return name


def _move(world: World, item: Object, pods: dict[int, Object], revision: str) -> None:
    spec = item["spec"]
    wanted = spec.get("replicas", 1)
    in_order = spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"
    begin = (spec.get("ordinals") or {}).get("start", 0)
    least = spec.get("minReadySeconds", 0)
    for ordinal in range(begin, begin + wanted):
        pod = pods.get(ordinal)
        if pod is None and not _create(world, item, ordinal, revision):
            return
        if in_order and (pod is None or not is_active(pod) or not is_available(world, pod, least)):
            return  # the next waits for this one, and so does a rolling update: as in the real controller
    condemned = [number for number in pods if not begin <= number < begin + wanted]
    for ordinal in sorted(condemned, reverse=True):
        if is_active(pods[ordinal]):
            _delete(world, item, pods[ordinal])
        if in_order:
            return
    strategy = spec.get("updateStrategy", {})
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return
    first = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    for ordinal in sorted(pods, reverse=True):
        pod = pods[ordinal]
        if ordinal < begin + first or ordinal in condemned:
            continue
        if pod["metadata"]["labels"].get(REVISION_LABEL) != revision and is_active(pod):
            _delete(world, item, pod)
            return
        if not is_active(pod) or not is_available(world, pod, least):
            return


def _create(world: World, item: Object, ordinal: int, revision: str) -> bool:
    name = f"{item['metadata']['name']}-{ordinal}"
    labels = {
        REVISION_LABEL: revision,
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": str(ordinal),
    }
    template = _with_claims(world, item, name)
    try:
        create_pod(world, item, template, name, labels=labels)
    except Refused as refused:
        text = f"create Pod {name} in StatefulSet {item['metadata']['name']} failed error: {refused}"
        world.recorder.event(item, "Warning", "FailedCreate", text, _COMPONENT)
        try_again(world, "statefulset", item)
        return False
    text = f"create Pod {name} in StatefulSet {item['metadata']['name']} successful"
    world.recorder.event(item, "Normal", "SuccessfulCreate", text, _COMPONENT)
    return True


def _with_claims(world: World, item: Object, pod_name: str) -> Object:
    """The template with the volumes that the claim templates ask for; the claims are made when missing."""
    template: Object = item["spec"]["template"]
    claims = item["spec"].get("volumeClaimTemplates") or ()
    if not claims:
        return template
    space, volumes = item["metadata"]["namespace"], list(template["spec"].get("volumes", ()))
    for claim in claims:
        base = claim["metadata"]["name"]
        name = f"{base}-{pod_name}"
        volumes = [volume for volume in volumes if volume["name"] != base]
        volumes.append({"name": base, "persistentVolumeClaim": {"claimName": name}})
        if world.store.get("PersistentVolumeClaim", space, name) is None:
            world.store.create(
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "spec": claim["spec"],
                    "status": {"phase": "Pending"},
                    "metadata": {
                        "name": name,
                        "namespace": space,
                        "labels": template["metadata"].get("labels", {}),
                        "finalizers": [CLAIM_PROTECTION],
                    },
                }
            )
    return {**template, "spec": {**template["spec"], "volumes": volumes}}


def _delete(world: World, item: Object, pod: Object) -> None:
    name = pod["metadata"]["name"]
    world.store.delete("Pod", item["metadata"]["namespace"], name)
    text = f"delete Pod {name} in StatefulSet {item['metadata']['name']} successful"
    world.recorder.event(item, "Normal", "SuccessfulDelete", text, _COMPONENT)


def _ordinal(pod: Object) -> int:
    return int(pod["metadata"]["name"].rsplit("-", 1)[1])


def _write_status(world: World, item: Object, revision: str) -> None:
    live = world.store.get("StatefulSet", item["metadata"]["namespace"], item["metadata"]["name"])
    if live is None:
        return
    pods = [pod for pod in owned(world, "Pod", live) if is_active(pod)]
    updated = sum(pod["metadata"]["labels"].get(REVISION_LABEL) == revision for pod in pods)
    ready = sum(is_ready(pod) for pod in pods)
    least = live["spec"].get("minReadySeconds", 0)
    available = sum(is_available(world, pod, least) for pod in pods)
    if available < ready:
        world.wake_after(float(least), "statefulset", live["metadata"]["namespace"], live["metadata"]["name"])
    wanted = live["spec"].get("replicas", 1)
    current = live.get("status", {}).get("currentRevision", revision)
    if updated == wanted == ready:
        current = revision
    status: Object = {
        "observedGeneration": live["metadata"].get("generation", 1),
        "replicas": len(pods),
        "availableReplicas": available,
        "currentRevision": current,
        "updateRevision": revision,
        "collisionCount": 0,
    }
    of_current = sum(pod["metadata"]["labels"].get(REVISION_LABEL) == current for pod in pods)
    for key, value in (("readyReplicas", ready), ("updatedReplicas", updated), ("currentReplicas", of_current)):
        if value:
            status[key] = value
    world.put_status(live, status)
