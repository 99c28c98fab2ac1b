# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the API server would make of a Playbook: each change as a request with dryRun=All, field by field.

Admission, defaults and validation of the server are in the answer. What has no dry run (a rollback)
is computed from the history; so is a second change of an object that the same Playbook changed
before, since the server forgets the first. Both say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..module_utils.cluster import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, Cluster
from ..module_utils.errors import ClusterError, Forbidden
from ..module_utils.evidence import Inventory, Manifest, ObjectRef
from ..module_utils.kinds import path_of
from .changes import READ, Change, describe
from .differences import field_changes
from .plan import Effect, Seen
from .playbook import Playbook
from .revisions import rolled_back
from .states import Beside
from .tasks import Task, calls
from .undo import written

SERVER = "dry run"
HISTORY = "computed from the revision history; a rollback has no dry run"
AGAIN = "computed; the same playbook changes this object before"
NO_LEAVE = "computed; the account may not ask for a dry run"


@dataclass(frozen=True)
class Rehearsed:
    """What would be done to each object, each as it was seen, and both beside each other."""

    effects: tuple[Effect, ...]
    seen: tuple[Seen, ...]
    diffs: tuple[Beside, ...]


def dry_run(cluster: Cluster, playbook: Playbook, inventory: Inventory) -> Rehearsed:
    """What the Playbook does to each object, and each object as it was seen; ClusterError where the server refuses.

    ``inventory`` gives the history of revisions; the objects themselves are read anew.
    """
    live = {ref: cluster.find(ref) for ref in playbook.touches}
    state: dict[ObjectRef, Manifest | None] = dict(live)
    effects: list[Effect] = []
    for task in calls(playbook.tasks):
        for change in describe(task, _with(inventory, state)).changes:
            if change.verb == READ:
                continue
            before = state.get(change.ref)
            again = any(effect.ref == change.ref for effect in effects)
            after, basis = _computed(change, _with(inventory, state)), AGAIN
            if change.verb == "rollback":
                basis = HISTORY
            elif not again:
                try:
                    after, basis = _asked(cluster, task, change, before), SERVER
                except Forbidden:
                    basis = NO_LEAVE
            old, new = (written(item) if item else {} for item in (before, after))
            effects.append(Effect(change.ref, change.verb, basis, field_changes(old, new)))
            state[change.ref] = after
    return Rehearsed(
        tuple(effects),
        tuple(seen(ref, item) for ref, item in live.items()),
        tuple(Beside(ref, item, state[ref]) for ref, item in live.items()),
    )


def seen(ref: ObjectRef, manifest: Manifest | None) -> Seen:
    """What a Plan keeps of an object."""
    if manifest is None:
        return Seen(ref)
    meta = manifest["metadata"]
    return Seen(
        ref,
        str(meta.get("uid", "")),
        meta.get("generation"),
        str(meta.get("resourceVersion", "")),
        written(manifest),
    )


def _with(inventory: Inventory, state: Mapping[ObjectRef, Manifest | None]) -> Inventory:
    """The Inventory with these objects in the place of its own."""
    objects: dict[str, tuple[Manifest, ...]] = dict(inventory.objects)
    for ref, manifest in state.items():
        others = tuple(item for item in objects.get(ref.kind, ()) if item["metadata"]["name"] != ref.name)
        objects[ref.kind] = (*others, manifest) if manifest is not None else others
    return replace(inventory, objects=objects)


def _asked(cluster: Cluster, task: Task, change: Change, live: Manifest | None) -> Manifest | None:
    """One request as the module would send it, as a dry run; what the object would be."""
    ref, args = change.ref, task.args
    if change.verb == "delete":
        cluster.request("DELETE", path_of(ref.kind, ref.namespace, ref.name), {"dryRun": "All"})
        return None
    if change.verb == "scale":
        return cluster.patch(ref, {"spec": {"replicas": args.get("replicas")}}, MERGE_PATCH, dry_run=True)
    if task.module.endswith("k8s_json_patch"):
        return cluster.patch(ref, args["patch"], JSON_PATCH, dry_run=True)
    body = _whole(change)
    if live is None:
        return cluster.create(body, dry_run=True)
    if change.verb == "replace":
        meta = {**body["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
        return cluster.replace({**body, "metadata": meta}, dry_run=True)
    try:
        return cluster.patch(ref, _definition(task, ref), STRATEGIC_PATCH, dry_run=True)
    except ClusterError as error:
        if error.status != 415:  # a custom resource knows no strategic merge; the module falls back too
            raise
        return cluster.patch(ref, _definition(task, ref), MERGE_PATCH, dry_run=True)


def _computed(change: Change, inventory: Inventory) -> Manifest | None:
    live = inventory.get(change.ref)
    if change.verb == "delete":
        return None
    if change.verb == "rollback":
        return rolled_back(inventory, change.ref) or live
    if change.verb == "scale" and live is not None:
        return {**live, "spec": {**live.get("spec", {}), "replicas": change.leaves[0].value}}
    return _whole(change)


def _whole(change: Change) -> dict[str, Any]:
    """The object that the change describes, with its identity."""
    after = dict(change.after)
    meta = {**(after.get("metadata") or {}), "name": change.ref.name, "namespace": change.ref.namespace}
    return {**after, "apiVersion": change.api_version, "kind": change.ref.kind, "metadata": meta}


def _definition(task: Task, ref: ObjectRef) -> Any:
    """The manifest about this object among those of the task."""
    given = task.args.get("definition", task.args.get("resource_definition")) or {}
    for item in given if isinstance(given, list) else [given]:
        name = (item.get("metadata") or {}).get("name", task.args.get("name"))
        if name == ref.name and item.get("kind", task.args.get("kind")) == ref.kind:
            return item
    return {}
