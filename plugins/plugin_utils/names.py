# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changes against the cluster as it was read: what is patched, scaled, rolled back or deleted must exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..module_utils.evidence import Inventory, Manifest
from ..module_utils.workloads import owned_by
from .argspec import Objection
from .changes import READ, Change
from .fieldpaths import below
from .images import check_images
from .policy import Policy
from .references import check_references, data_written, missing
from .safety import names_container

_REVISION = "deployment.kubernetes.io/revision"
_GENERATION = "deprecated.daemonset.template.generation"
_ROLLS_BACK = ("Deployment", "DaemonSet")


def check_names(changes: Sequence[Change], inventory: Inventory, policy: Policy) -> Iterator[Objection]:
    """All names in a playbook that do not fit what the cluster has."""
    written = [change for change in changes if change.verb != READ and change.ref.kind in policy.kinds]
    new_data = data_written(written)
    for change in written:
        live = inventory.get(change.ref)
        if live is None:
            if change.ref.name and not (change.verb == "create" and policy.allows(change.ref.kind, "create")):
                yield "names.object", change.where, missing(change.ref.kind, change.ref.name, inventory)
            continue
        if change.verb == "rollback":
            yield from _revision(change, live, inventory)
        if change.verb == "delete":
            yield from _owned(change, live)
        base = policy.kinds[change.ref.kind].pod_spec
        if base:
            yield from _containers(change, live, base)
            yield from check_images(change, inventory, policy)
            yield from check_references(change, live, base, inventory, new_data)


def _revision(change: Change, live: Manifest, inventory: Inventory) -> Iterator[Objection]:
    """The module goes back exactly one revision, and silently does nothing where that is gone."""
    if change.ref.kind not in _ROLLS_BACK:
        yield "names.rollback", change.where, f"only {' and '.join(_ROLLS_BACK)} can be rolled back"
        return
    if change.ref.kind == "Deployment":
        owned = [item for item in inventory.of("ReplicaSet") if owned_by(item, live)]
        now, past = _number(live, _REVISION), {_number(item, _REVISION) for item in owned}
    else:
        owned = [item for item in inventory.of("ControllerRevision") if owned_by(item, live)]
        now, past = int(live["metadata"].get("generation", 0)), {_number(item, _GENERATION) for item in owned}
    if now - 1 not in past:
        yield "names.revision", change.where, f"{change.ref} has no revision {now - 1} to go back to"


def _number(item: Manifest, annotation: str) -> int:
    text = str((item["metadata"].get("annotations") or {}).get(annotation, ""))
    return int(text) if text.isdigit() else 0


def _owned(change: Change, live: Manifest) -> Iterator[Objection]:
    owners = live["metadata"].get("ownerReferences") or ()
    if change.ref.kind == "Pod" and not any(owner.get("controller") for owner in owners):
        yield "names.bare-pod", change.where, f"nothing would bring {change.ref} back: no controller owns it"


def _containers(change: Change, live: Manifest, base: tuple[str, ...]) -> Iterator[Objection]:
    spec = below(live, base)
    for leaf in change.leaves:
        if not names_container(leaf):
            continue
        group = leaf.path[-3]
        known = [item["name"] for item in spec.get(group) or ()]
        if leaf.value not in known:
            what = f"{change.ref} has no {group[:-1]} {leaf.value}; it would be added"
            yield "names.container", leaf.where, f"{what}; there are {', '.join(known) or 'none'}"
