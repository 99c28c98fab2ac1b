"""Deployments: revisions, rolling updates, progress, in the real controller's words."""

from __future__ import annotations

import json
import zlib
from typing import Any

from ..remembered import Remembered
from .pods import condition, owned, reference
from .progress import bounds, complete, note_progress, write_status
from .world import World, seconds_since

Object = dict[str, Any]

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MAX = "deployment.kubernetes.io/max-replicas"
_PAST = "deployment.kubernetes.io/revision-history"
_NOT_COPIED = (
    REVISION,
    _DESIRED,
    _MAX,
    _PAST,
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
)
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_COMPONENT = "deployment-controller"


def _template_hash(template: Object) -> str:
    text = json.dumps(template, sort_keys=True, separators=(",", ":")).encode()
    number = zlib.crc32(text) << 16 | zlib.adler32(text) & 0xFFFF
    return "".join(_LETTERS[number // 27**place % 27] for place in range(10))


template_hash = Remembered(_template_hash)
"""The pod-template-hash: a checksum in the letters that Kubernetes uses for names."""


def reconcile(world: World, namespace: str, name: str) -> None:
    deployment = world.store.get("Deployment", namespace, name)
    if deployment is None or "deletionTimestamp" in deployment["metadata"]:
        return
    spec = deployment["spec"]
    sets = owned(world, "ReplicaSet", deployment)
    seen = (deployment, *sets)
    if _is_settled(world, (namespace, name), seen):
        return
    version = world.store.version
    _step(world, deployment, sets)
    if world.store.version == version and spec.get("strategy", {}).get("type") != "Recreate":
        world.settled[namespace, name] = (seen, _settled_until(world, deployment))


def _is_settled(world: World, which: tuple[str, str], seen: tuple[Object, ...]) -> bool:
    """Whether nothing came of the last look, at the very same objects: most looks are because of a Pod of which the
    ReplicaSet tells later, if at all."""
    objects, until = world.settled.get(which, ((), 0.0))
    same = len(objects) == len(seen) and all(one is other for one, other in zip(objects, seen, strict=True))
    return same and world.clock.elapsed < until


def _settled_until(world: World, deployment: Object) -> float:
    """When (virtual seconds) another look may come to something else, because the rollout took too long."""
    progress = condition(deployment, "Progressing")
    if progress is None:
        return float("inf")
    left = deployment["spec"].get("progressDeadlineSeconds", 600) - seconds_since(world, progress["lastUpdateTime"])
    return float(world.clock.elapsed + left) if left >= 0 else float("inf")


def _step(world: World, deployment: Object, sets: list[Object]) -> None:
    spec, (namespace, name) = deployment["spec"], (deployment["metadata"][key] for key in ("namespace", "name"))
    hash_ = template_hash(spec["template"])
    new = next((item for item in sets if item["metadata"]["labels"].get(HASH_LABEL) == hash_), None)
    _note_pause(world, deployment)
    deployment = world.store.get("Deployment", namespace, name) or deployment
    if spec.get("paused"):
        write_status(world, deployment, new, sets)
        return
    new = _ensure_new(world, deployment, new, sets, hash_)
    sets = owned(world, "ReplicaSet", deployment)
    new = next(item for item in sets if item["metadata"]["name"] == new["metadata"]["name"])
    old = [item for item in sets if item is not new]
    if _was_scaled(deployment, [*old, new]):
        _scale_evenly(world, deployment, new, old)
    elif spec.get("strategy", {}).get("type") == "Recreate":
        _recreate(world, deployment, new, old)
    else:
        _roll(world, deployment, new, old)
    sets = owned(world, "ReplicaSet", deployment)
    deployment = world.store.get("Deployment", namespace, name) or deployment
    new = next(item for item in sets if item["metadata"]["name"] == new["metadata"]["name"])
    deployment = write_status(world, deployment, new, sets)
    if complete(deployment):
        _prune(world, deployment, [item for item in sets if item["metadata"]["name"] != new["metadata"]["name"]])


def _kept_up(world: World, new: Object, inherited: Object, min_ready: int) -> Object:
    """The newest ReplicaSet follows what of the Deployment needs no new Pods."""
    notes = new["metadata"].get("annotations", {})
    same = all(notes.get(key) == note for key, note in inherited.items())
    if same and new["spec"].get("minReadySeconds", 0) == min_ready:
        return new
    spec = {key: value for key, value in new["spec"].items() if key != "minReadySeconds"}
    if min_ready:
        spec["minReadySeconds"] = min_ready
    meta = {**new["metadata"], "annotations": {**notes, **inherited}}
    return world.store.update({**new, "metadata": meta, "spec": spec})


def _note_pause(world: World, deployment: Object) -> None:
    """Says in the conditions that the Deployment is paused, or no longer."""
    found = condition(deployment, "Progressing")
    if found is not None and found["reason"] == "ProgressDeadlineExceeded":
        return
    noted = found is not None and found["reason"] == "DeploymentPaused"
    if deployment["spec"].get("paused") and not noted:
        note_progress(world, deployment, "DeploymentPaused", "Deployment is paused", "Unknown")
    elif noted and not deployment["spec"].get("paused"):
        note_progress(world, deployment, "DeploymentResumed", "Deployment is resumed", "Unknown")


def _ensure_new(world: World, deployment: Object, new: Object | None, sets: list[Object], hash_: str) -> Object:
    spec, meta = deployment["spec"], deployment["metadata"]
    old = [item for item in sets if item is not new]
    newest_old = max((_revision(item) for item in old), default=0)
    revision = str(max(newest_old + 1, _revision(new) if new else 0))
    replicas, surge, _ = bounds(spec)
    inherited = {key: value for key, value in meta.get("annotations", {}).items() if key not in _NOT_COPIED}
    wanted = {_DESIRED: str(replicas), _MAX: str(replicas + surge), REVISION: revision}
    if new is None:
        template = spec["template"]
        labels = {**template.get("metadata", {}).get("labels", {}), HASH_LABEL: hash_}
        target = min(replicas, max(0, replicas + surge - sum(item["spec"]["replicas"] for item in old)))
        if spec.get("strategy", {}).get("type") == "Recreate" and any(item["spec"]["replicas"] for item in old):
            target = 0
        new = world.store.create(
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{meta['name']}-{hash_}",
                    "namespace": meta["namespace"],
                    "labels": labels,
                    "annotations": {**inherited, **wanted},
                    "ownerReferences": [reference(deployment)],
                },
                "spec": {
                    "replicas": target,
                    "selector": {"matchLabels": {**spec["selector"].get("matchLabels", {}), HASH_LABEL: hash_}},
                    "template": {**template, "metadata": {**template.get("metadata", {}), "labels": labels}},
                    **({"minReadySeconds": spec["minReadySeconds"]} if spec.get("minReadySeconds") else {}),
                },
                "status": {"replicas": 0},
            }
        )
        if target:
            _say_scaled(world, deployment, new, 0, target)
        note_progress(world, deployment, "NewReplicaSetCreated", f'Created new replica set "{new["metadata"]["name"]}"')
    elif new["metadata"].get("annotations", {}).get(REVISION) != revision:
        past = new["metadata"]["annotations"].get(_PAST, "")
        before = new["metadata"]["annotations"].get(REVISION, "")
        notes = {**new["metadata"]["annotations"], **inherited, REVISION: revision}
        notes[_PAST] = ",".join(part for part in (past, before) if part)
        new = world.store.update({**new, "metadata": {**new["metadata"], "annotations": notes}})
        note_progress(world, deployment, "FoundNewReplicaSet", f'Found new replica set "{new["metadata"]["name"]}"')
    else:
        new = _kept_up(world, new, inherited, spec.get("minReadySeconds", 0))
    deployment = world.store.get("Deployment", meta["namespace"], meta["name"]) or deployment
    notes = deployment["metadata"].get("annotations", {})
    if notes.get(REVISION) != revision:
        world.store.update(
            {**deployment, "metadata": {**deployment["metadata"], "annotations": {**notes, REVISION: revision}}}
        )
    return new


def _revision(replica_set: Object) -> int:
    return int(replica_set["metadata"].get("annotations", {}).get(REVISION, "0"))


def _was_scaled(deployment: Object, sets: list[Object]) -> bool:
    """Someone changed spec.replicas since the ReplicaSets were last told."""
    wanted = str(deployment["spec"].get("replicas", 1))
    return any(
        item["spec"]["replicas"] > 0 and item["metadata"].get("annotations", {}).get(_DESIRED, wanted) != wanted
        for item in sets
    )


def _scale_evenly(world: World, deployment: Object, new: Object, old: list[Object]) -> None:
    replicas, surge, _ = bounds(deployment["spec"])
    active = [item for item in [*old, new] if item["spec"]["replicas"] > 0]
    if len(active) <= 1:
        only = active[0] if active else new
        _scale(world, deployment, only, replicas)
        return
    allowed = replicas + surge if replicas else 0
    total = sum(item["spec"]["replicas"] for item in active)
    shares = {item["metadata"]["name"]: round(item["spec"]["replicas"] * allowed / total) for item in active}
    largest = max(active, key=lambda item: item["spec"]["replicas"])["metadata"]["name"]
    shares[largest] = max(0, shares[largest] + allowed - sum(shares.values()))
    for item in active:
        _scale(world, deployment, item, shares[item["metadata"]["name"]])


def _recreate(world: World, deployment: Object, new: Object, old: list[Object]) -> None:
    if any(item["spec"]["replicas"] > 0 for item in old):
        for item in old:
            _scale(world, deployment, item, 0)
        return
    for item in old:
        for pod in owned(world, "Pod", item):
            if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
                return  # it looks again when that Pod is gone
    _scale(world, deployment, new, deployment["spec"].get("replicas", 1))


def _roll(world: World, deployment: Object, new: Object, old: list[Object]) -> None:
    replicas, surge, missing = bounds(deployment["spec"])
    current = new["spec"]["replicas"]
    total = current + sum(item["spec"]["replicas"] for item in old)
    if current > replicas:
        _scale(world, deployment, new, replicas)
        return
    if current < replicas:
        grown = min(replicas, current + max(0, replicas + surge - total))
        if grown > current:
            _scale(world, deployment, new, grown)
            return
    _touch(world, deployment, new)
    if not any(item["spec"]["replicas"] for item in old):
        return
    available = sum(item.get("status", {}).get("availableReplicas", 0) for item in [*old, new])
    minimum = replicas - missing
    new_missing = current - new.get("status", {}).get("availableReplicas", 0)
    budget = total - minimum - new_missing
    if budget <= 0:
        return
    old = sorted(
        (item for item in old if item["spec"]["replicas"]), key=lambda item: item["metadata"]["creationTimestamp"]
    )
    left: dict[str, int] = {item["metadata"]["name"]: item["spec"]["replicas"] for item in old}
    for item in old:  # what is not healthy goes first: that costs no availability
        dead = min(budget, item["spec"]["replicas"] - item.get("status", {}).get("availableReplicas", 0))
        if dead > 0:
            left[item["metadata"]["name"]] -= dead
            budget -= dead
    spare = available - minimum
    for item in old:
        name = item["metadata"]["name"]
        fewer = min(left[name], max(0, spare))
        left[name] -= fewer
        spare -= fewer
    for item in old:
        if left[item["metadata"]["name"]] != item["spec"]["replicas"]:
            _scale(world, deployment, item, left[item["metadata"]["name"]])


def _touch(world: World, deployment: Object, item: Object) -> None:
    """Tells the ReplicaSet how many are wanted today."""
    replicas, surge, _ = bounds(deployment["spec"])
    notes = item["metadata"].get("annotations", {})
    if notes.get(_DESIRED) != str(replicas) or notes.get(_MAX) != str(replicas + surge):
        notes = {**notes, _DESIRED: str(replicas), _MAX: str(replicas + surge)}
        world.store.update({**item, "metadata": {**item["metadata"], "annotations": notes}})


def _scale(world: World, deployment: Object, item: Object, replicas: int) -> None:
    before = item["spec"]["replicas"]
    wanted, surge, _ = bounds(deployment["spec"])
    notes = {**item["metadata"].get("annotations", {}), _DESIRED: str(wanted), _MAX: str(wanted + surge)}
    world.store.update(
        {**item, "metadata": {**item["metadata"], "annotations": notes}, "spec": {**item["spec"], "replicas": replicas}}
    )
    if before != replicas:
        _say_scaled(world, deployment, item, before, replicas)


def _say_scaled(world: World, deployment: Object, item: Object, before: int, after: int) -> None:
    word = "up" if after > before else "down"
    text = f"Scaled {word} replica set {item['metadata']['name']} from {before} to {after}"
    world.recorder.event(deployment, "Normal", "ScalingReplicaSet", text, _COMPONENT)


def _prune(world: World, deployment: Object, old: list[Object]) -> None:
    keep = deployment["spec"].get("revisionHistoryLimit", 10)
    done = [item for item in old if not item["spec"]["replicas"] and not item.get("status", {}).get("replicas")]
    for item in sorted(done, key=_revision)[: max(0, len(done) - keep)]:
        world.store.delete("ReplicaSet", item["metadata"]["namespace"], item["metadata"]["name"], 0)
