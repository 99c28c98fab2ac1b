# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a rollback would lead to, computed from the history: the API has no dry run for it.

The rule is that of kubernetes.core.k8s_rollback: the revision numbered one less than today's, and
nothing where the history does not hold that one.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def _annotation(item: Manifest, name: str) -> str | None:
    return (item["metadata"].get("annotations") or {}).get(name)


def _template(item: Manifest) -> dict[str, Any]:
    """The Pod template of a revision, without what its controller put into it."""
    holder = item.get("spec") or (item.get("data") or {}).get("spec") or {}
    template = {key: value for key, value in (holder.get("template") or {}).items() if key != "$patch"}
    meta: Mapping[str, Any] = template.get("metadata") or {}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != "pod-template-hash"}
    return {**template, "metadata": {**meta, "labels": labels}}
