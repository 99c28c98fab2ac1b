# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Snapshot before a run, the ordinary playbook that restores it, and what it did not restore.

Only what people write is saved back: spec, data, labels, annotations and the like; never status,
uid, resourceVersion or managedFields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..module_utils.cluster import Cluster, reference
from ..module_utils.evidence import Manifest, ObjectRef
from ..module_utils.workloads import owned_by, pod_is_ready
from .emit import emit
from .fieldpaths import merge_key
from .playbook import Playbook
from .snapshot import Saved, Snapshot

_SERVER_WRITES = frozenset({"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"})
# Controllers count with these; to set them back would only confuse the count.
_COUNTERS = frozenset({"deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation"})
_MISSING = object()


def take_snapshot(cluster: Cluster, refs: Iterable[ObjectRef]) -> Snapshot:
    """The present state of the objects; ClusterError when one cannot be read."""
    saved = tuple(Saved(ref, cluster.find(ref)) for ref in dict.fromkeys(refs))
    return Snapshot(cluster.now().strftime("%Y-%m-%dT%H:%M:%SZ"), saved)


def stuck_pods(cluster: Cluster, snapshot: Snapshot, after: Snapshot) -> tuple[ObjectRef, ...]:
    """Pods that would keep a StatefulSet from going back to its template.

    Its controller waits for a Pod that is not ready, for ever where the Pod's own template is what is
    wrong (kubernetes/kubernetes#67250); somebody has to delete it.
    """
    now = {saved.ref: saved.manifest for saved in after.objects}
    found: list[ObjectRef] = []
    for saved in snapshot.objects:
        live = now.get(saved.ref)
        if saved.ref.kind != "StatefulSet" or saved.manifest is None or live is None:
            continue
        if saved.manifest["spec"].get("template") == live["spec"].get("template"):
            continue
        pods = cluster.list("Pod", saved.ref.namespace)
        found += [reference(pod) for pod in pods if owned_by(pod, live) and not pod_is_ready(pod)]
    return tuple(found)


def undo_playbook(snapshot: Snapshot, after: Snapshot | None = None, stuck: Iterable[ObjectRef] = ()) -> Playbook:
    """A playbook that sets the objects back; without tasks where there is nothing to set back.

    With ``after``, the Snapshot of the same objects once the run is over, it touches only what
    differs, by JSON patch, and leaves alone what others changed elsewhere. Without it, it puts the
    saved objects in place as they were: what a person runs who has nothing but the file. ``stuck``
    Pods are deleted afterwards, for their controller to make anew.
    """
    now = {saved.ref: saved.manifest for saved in after.objects} if after else {}
    tasks: list[Mapping[str, Any]] = []
    touches: list[ObjectRef] = []
    for saved in snapshot.objects:
        task = _precise(saved, now[saved.ref]) if saved.ref in now else _whole(saved)
        if task is not None:
            tasks.append(task)
            touches.append(saved.ref)
    tasks += [_task(pod, "Make anew", "kubernetes.core.k8s", "v1", {"state": "absent"}) for pod in stuck]
    text, _ = emit(f"Undo to {snapshot.time}", tuple(tasks))
    return Playbook(tuple(tasks), text, tuple(touches))


def restored(cluster: Cluster, snapshot: Snapshot) -> tuple[str, ...]:
    """Differences that remain between the cluster and the Snapshot, one line each; empty when restored."""
    remaining: list[str] = []
    for saved in snapshot.objects:
        if replaced_by_its_controller(saved):
            continue
        live = cluster.find(saved.ref)
        if saved.manifest is None:
            remaining += [f"{saved.ref}: it is still there"] if live is not None else []
        elif live is None:
            remaining.append(f"{saved.ref}: it is gone")
        else:
            for operation in _operations(written(live), written(saved.manifest)):
                remaining.append(f"{saved.ref}: {operation['path']} would need {operation['op']}")
    return tuple(remaining)


def _precise(saved: Saved, live: Manifest | None) -> Mapping[str, Any] | None:
    if replaced_by_its_controller(saved):  # by the same name, where it is a StatefulSet's
        return None
    if saved.manifest is None or live is None:
        return _whole(saved) if (saved.manifest is None) != (live is None) else None
    operations = list(_operations(written(live), written(saved.manifest)))
    if not operations:
        return None
    return _task(
        saved.ref, "Restore", "kubernetes.core.k8s_json_patch", saved.manifest["apiVersion"], {"patch": operations}
    )


def _whole(saved: Saved) -> Mapping[str, Any] | None:
    if replaced_by_its_controller(saved):
        return None
    if saved.manifest is None:
        from ..module_utils.kinds import KINDS

        return _task(saved.ref, "Remove", "kubernetes.core.k8s", KINDS[saved.ref.kind].api_version, {"state": "absent"})
    body = {"state": "present", "force": True, "definition": written(saved.manifest)}
    return _task(saved.ref, "Restore", "kubernetes.core.k8s", saved.manifest["apiVersion"], body)


def _task(ref: ObjectRef, verb: str, module: str, api_version: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    identity = {"api_version": api_version, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
    return {"name": f"{verb} {ref}", module: {**identity, **body}}


def replaced_by_its_controller(saved: Saved) -> bool:
    """A Pod that a controller owns is followed by another one; it is nothing to restore."""
    owners = (saved.manifest or {}).get("metadata", {}).get("ownerReferences") or ()
    return saved.ref.kind == "Pod" and any(owner.get("controller") for owner in owners)


def written_if_there(manifest: Manifest | None) -> dict[str, Any] | None:
    """What people write of an object; None for one that is not there."""
    return None if manifest is None else written(manifest)


def written(manifest: Manifest) -> dict[str, Any]:
    """What people write of an object."""
    meta = {key: value for key, value in manifest["metadata"].items() if key not in _SERVER_WRITES}
    if "annotations" in meta:
        kept = {key: value for key, value in meta["annotations"].items() if key not in _COUNTERS}
        meta = {**meta, "annotations": kept}
        if not kept:
            del meta["annotations"]
    return {**{key: value for key, value in manifest.items() if key != "status"}, "metadata": meta}


def _operations(live: Any, saved: Any, path: str = "", keys: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """RFC 6902 operations that turn ``live`` into ``saved``."""
    if live == saved and type(live) is type(saved):
        return
    if isinstance(live, dict) and isinstance(saved, dict):
        for key in [*saved, *(key for key in live if key not in saved)]:
            here = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in saved:
                yield from _removed(live[key], here)
            elif key not in live:
                yield {"op": "add", "path": here, "value": saved[key]}
            else:
                yield from _operations(live[key], saved[key], here, (*keys, key))
        return
    if isinstance(live, list) and isinstance(saved, list) and _same_entries(live, saved, merge_key(keys)):
        for index, (item, wanted) in enumerate(zip(live, saved, strict=True)):
            yield from _operations(item, wanted, f"{path}/{index}", (*keys, "[*]"))
        return
    yield {"op": "replace", "path": path, "value": saved}


def _removed(value: Any, path: str) -> Iterator[dict[str, Any]]:
    """Counters that alone keep annotations alive stay; the rest goes."""
    if path == "/metadata/annotations" and isinstance(value, dict) and _COUNTERS & value.keys():
        return
    yield {"op": "remove", "path": path}


def _same_entries(live: list[Any], saved: list[Any], key: str) -> bool:
    """Whether two lists hold the same entries in the same order, so that an index means the same in both."""
    if not key or len(live) != len(saved):
        return False
    names = [(item.get(key, _MISSING), other.get(key, _MISSING)) for item, other in zip(live, saved, strict=True)]
    return all(one == other and one is not _MISSING for one, other in names)
