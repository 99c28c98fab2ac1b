# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a rollback would lead to, computed from the history: the API has no dry run for it.

The rule is that of kubernetes.core.k8s_rollback: the revision numbered one less than today's, and
nothing where the history does not hold that one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..module_utils.evidence import Inventory, Manifest, ObjectRef
from ..module_utils.workloads import REVISION, owned_by

_GENERATION = "deprecated.daemonset.template.generation"


def rolled_back(inventory: Inventory, ref: ObjectRef) -> dict[str, Any] | None:
    """The object as a rollback would leave it; None where there is no revision to go back to."""
    live = inventory.get(ref)
    if live is None:
        return None
    if ref.kind == "DaemonSet":
        current, kind, mark = live["metadata"].get("generation"), "ControllerRevision", _GENERATION
    else:
        current, kind, mark = _annotation(live, REVISION), "ReplicaSet", REVISION
    for item in inventory.of(kind):
        if owned_by(item, live) and current is not None and _annotation(item, mark) == str(int(current) - 1):
            template = _template(item)
            return {**live, "spec": {**live.get("spec", {}), "template": template}}
    return None


def spelled_out(tasks: Sequence[Mapping[str, Any]], inventory: Inventory) -> tuple[dict[str, Any], ...]:
    """The tasks with each rollback as what it comes to: a patch that puts the earlier Pod template in place.

    kubernetes.core.k8s_rollback 6.2 looks for the revision by the keys of the labels alone, and so may take that of
    another Deployment of the namespace; this takes the one that was shown, weighed and gated.
    """
    return tuple(dict(_parts(task, inventory)) for task in tasks)


def _parts(task: Mapping[str, Any], inventory: Inventory) -> Iterator[tuple[str, Any]]:
    for key, value in task.items():
        if key in ("block", "rescue", "always"):
            yield key, list(spelled_out(value, inventory))
            continue
        before = _before(value, inventory) if key.rpartition(".")[2] == "k8s_rollback" else None
        if before is None:
            yield key, value
        else:
            operation = {"op": "replace", "path": "/spec/template", "value": before["spec"]["template"]}
            yield "kubernetes.core.k8s_json_patch", {**value, "patch": [operation]}


def _before(arguments: Mapping[str, Any], inventory: Inventory) -> dict[str, Any] | None:
    ref = ObjectRef(arguments["kind"], arguments.get("namespace", inventory.namespace), arguments["name"])
    return rolled_back(inventory, ref)


def _annotation(item: Manifest, name: str) -> str | None:
    return (item["metadata"].get("annotations") or {}).get(name)


def _template(item: Manifest) -> dict[str, Any]:
    """The Pod template of a revision, without what its controller put into it."""
    holder = item.get("spec") or (item.get("data") or {}).get("spec") or {}
    template = {key: value for key, value in (holder.get("template") or {}).items() if key != "$patch"}
    meta: Mapping[str, Any] = template.get("metadata") or {}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != "pod-template-hash"}
    return {**template, "metadata": {**meta, "labels": labels}}
