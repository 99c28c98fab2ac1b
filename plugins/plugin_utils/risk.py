# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much could go wrong if a Playbook were run, and why: a pure function of it and of what is there.

It judges what a change puts at stake (Pods that serve now, traffic, others that lean on the object,
what cannot be had back), never which fault it is meant for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..module_utils.evidence import Inventory, ObjectRef
from ..module_utils.near import neighbours
from ..module_utils.quantity import parse_quantity
from ..module_utils.workloads import WORKLOADS, View, Workload, pod_is_ready
from .changes import READ, Change, describe
from .differences import FieldChange, field_changes
from .images import repository_of
from .playbook import Playbook
from .policy import Policy
from .revisions import rolled_back
from .tasks import calls

LEVELS = ("low", "medium", "high")
MANY_PODS = 10
"""Pods that a single change may replace before that alone is no longer a small change."""


@dataclass(frozen=True)
class Reason:
    """One thing that is at stake, in words."""

    level: str
    text: str


@dataclass(frozen=True)
class Risk:
    """``level`` is the highest of the reasons'; most serious reasons first."""

    level: str
    reasons: tuple[Reason, ...] = ()

    def __str__(self) -> str:
        telling = [reason.text for reason in self.reasons if reason.level == self.level]
        return f"{self.level} ({'; '.join(telling)})" if telling else self.level


def risk_document(risk: Risk) -> dict[str, Any]:
    """As it stands in plan.json and episode.json."""
    return {"level": risk.level, "reasons": [{"level": item.level, "text": item.text} for item in risk.reasons]}


@dataclass(frozen=True)
class Weighed:
    """A Risk, and what the policy asks for at that level: auto, person or never."""

    risk: Risk
    approval: str


def weigh(playbook: Playbook, inventory: Inventory, policy: Policy) -> Weighed:
    """The Risk of a Playbook with what the policy asks for."""
    risk = assess(playbook, inventory)
    return Weighed(risk, policy.approval(risk.level))


def assess(playbook: Playbook, inventory: Inventory) -> Risk:
    """The Risk of running a Playbook on what the Inventory shows."""
    view = View(inventory)
    reasons = dict.fromkeys(reason for change in _changes(playbook, inventory) for reason in _reasons(change, view))
    if len(playbook.touches) > 2:
        reasons[Reason("medium", f"{len(playbook.touches)} objects are changed at once")] = None
    ordered = sorted(reasons, key=lambda reason: -LEVELS.index(reason.level))
    return Risk(ordered[0].level if ordered else "low", tuple(ordered))


def _changes(playbook: Playbook, inventory: Inventory) -> Iterator[Change]:
    for task in calls(playbook.tasks):
        yield from describe(task, inventory).changes


def _reasons(change: Change, view: View) -> Iterator[Reason]:
    """Everything that one change puts at stake."""
    if change.verb == READ:
        return
    if change.verb == "delete":
        yield from _deletion(change.ref, view)
        return
    if change.verb == "create":
        yield Reason("low", f"{change.ref} is new")
        return
    work = view.workloads.get(change.ref)
    fields = field_changes(view.inventory.get(change.ref) or {}, _after(change, view), without=("status",))
    if change.verb == "replace":
        yield Reason("medium", f"{change.ref} is replaced as a whole")
    if work is not None:
        yield from _workload(work, change, fields, view)
    else:
        yield from _other(change.ref, fields, view)
    yield from _owner(change.ref, view)


def _after(change: Change, view: View) -> Mapping[str, Any]:
    live = dict(view.inventory.get(change.ref) or {})
    if change.verb == "rollback":
        return rolled_back(view.inventory, change.ref) or live
    if change.verb != "scale":
        return change.after
    return {**live, "spec": {**live.get("spec", {}), "replicas": change.leaves[0].value if change.leaves else None}}


def _deletion(ref: ObjectRef, view: View) -> Iterator[Reason]:
    if ref.kind != "Pod":
        yield Reason("high", f"{ref} is deleted")
        return
    owner = view.workloads.get(view.owner(ref))
    if owner is None or owner.ref == ref:
        yield Reason("high", f"{ref} is deleted, and nothing makes it anew")
        return
    ready = {pod["metadata"]["name"] for pod in owner.pods if pod_is_ready(pod)}
    if ready == {ref.name}:
        yield Reason("medium", f"{ref} is deleted, the only ready Pod of {owner.ref}")
    else:
        yield Reason("low", f"{ref} is deleted; {owner.ref} makes it anew")


def _workload(work: Workload, change: Change, fields: tuple[FieldChange, ...], view: View) -> Iterator[Reason]:
    if change.verb == "rollback":
        yield Reason("low", f"{work.ref} goes back to the revision before, in all its fields")
    yield from _replicas(work, fields)
    if any(field.path.startswith("spec.template") for field in fields):
        yield from _rollout(work)
    if any(field.path.startswith("spec.selector") for field in fields):
        yield Reason("high", f"{work.ref} would look after other Pods than now")
    for field in fields:
        yield from _pod_field(work, field, view)


def _rollout(work: Workload) -> Iterator[Reason]:
    """What is lost while new Pods take the place of the old ones: little where none of them serves."""
    ready = sum(map(pod_is_ready, work.pods))
    count = work.desired or len(work.pods)
    plural = "s" * (count != 1)
    spec = work.manifest.get("spec") or {}
    at_once = (spec.get("strategy") or spec.get("updateStrategy") or {}).get("type") in ("Recreate", "OnDelete")
    if not ready:
        yield Reason("low", f"{count} Pod{plural} of {work.ref} made anew; none of them is ready now")
    elif ready == 1 or at_once:
        yield Reason("medium", f"{work.ref} has a single ready Pod or replaces all at once: it may stop for a moment")
    elif ready > MANY_PODS:
        yield Reason("medium", f"{ready} ready Pods of {work.ref} are replaced")
    else:
        yield Reason("low", f"{ready} ready Pods of {work.ref} are replaced one after the other")


def _replicas(work: Workload, fields: Iterable[FieldChange]) -> Iterator[Reason]:
    for field in fields:
        if field.path != "spec.replicas" or not isinstance(field.new, int):
            continue
        old = field.old if isinstance(field.old, int) else work.desired or 0
        if field.new == 0:
            yield Reason("high", f"{work.ref} is stopped: no replicas are left")
        elif field.new < old:
            yield Reason("medium", f"{work.ref} loses replicas: {old} -> {field.new}")
        elif field.new > max(2 * old, MANY_PODS):
            yield Reason("medium", f"{work.ref} grows a lot: {old} -> {field.new} replicas")
        else:
            yield Reason("low", f"{work.ref} gets replicas: {old} -> {field.new}")


def _pod_field(work: Workload, field: FieldChange, view: View) -> Iterator[Reason]:
    name = field.path.rpartition(".")[2]
    if name == "image" and field.new is not None:
        before = _images_before(work, view)
        if field.new in before:
            yield Reason("low", f"{work.ref} goes to the image of an earlier revision")
        elif repository_of(str(field.new)) in map(repository_of, before):
            yield Reason("medium", f"{work.ref} gets another tag of its image: {field.new}")
        else:
            yield Reason("high", f"{work.ref} gets an image that it never ran: {field.new}")
    elif ".resources.limits" in field.path or ".resources.requests" in field.path:
        yield from _resources(work, field)
    elif "Probe" in field.path and field.new is None:
        yield Reason("medium", f"{work.ref} loses a check of its health: {field.path}")
    elif any(f".{part}" in field.path for part in ("serviceAccountName", "securityContext", "hostNetwork")):
        yield Reason("high", f"{work.ref} gets other rights: {field.path}")


def _images_before(work: Workload, view: View) -> set[str]:
    """The images of a workload, today's and those of the revisions that are kept."""
    revisions = view.revisions.get(str(work.manifest["metadata"].get("uid")), ())
    specs = [work.pod_spec] + [
        (((item.get("spec") or item.get("data", {}).get("spec") or {}).get("template") or {}).get("spec") or {})
        for item in revisions
    ]
    return {
        str(container.get("image"))
        for spec in specs
        for kind in ("initContainers", "containers")
        for container in spec.get(kind) or ()
    }


def _resources(work: Workload, field: FieldChange) -> Iterator[Reason]:
    try:
        lowered = field.old is not None and parse_quantity(field.new) < parse_quantity(field.old)
    except (ValueError, TypeError):
        lowered = False
    if lowered:
        yield Reason("medium", f"{work.ref} gets less: {field}")


def _other(ref: ObjectRef, fields: tuple[FieldChange, ...], view: View) -> Iterator[Reason]:
    """Objects that others lean on: what counts is who does, and whether it works now."""
    users = [one for one in neighbours(view, ref) if one.kind in WORKLOADS]
    if ref.kind == "Service":
        yield from _service(ref, fields, view)
    elif ref.kind == "NetworkPolicy":
        yield Reason("medium", f"{ref} says who may reach whom")
    elif ref.kind == "Ingress":
        yield Reason("medium", f"{ref} carries traffic from outside")
    elif len(users) > 1:
        yield Reason("medium", f"{ref} is used by {_listed(users)}")
    else:
        yield Reason("low", f"{ref} is used by {_listed(users) or 'nobody that is seen'}")


def _service(ref: ObjectRef, fields: tuple[FieldChange, ...], view: View) -> Iterator[Reason]:
    addresses = view.ready_addresses.get(ref.name, 0)
    answering = addresses and any(
        item.target == ref and item.failed < 1.0 and item.status for item in view.inventory.measurements
    )
    callers = list(dict.fromkeys(call.caller for call in view.callers.get(ref.name, ())))
    if any(field.path.startswith("spec.selector") for field in fields):
        level = "high" if addresses else "medium"
        yield Reason(level, f"{ref} would lead to other Pods; {addresses} ready now")
    if any(field.path.startswith("spec.ports") for field in fields):
        said = f"{ref} answers now" if answering else f"{ref} does not answer now"
        yield Reason("medium" if answering else "low", f"the ports of {ref} change; {said}")
    if callers and answering:
        yield Reason("medium", f"{ref} is called by {_listed(callers)}")


def _owner(ref: ObjectRef, view: View) -> Iterator[Reason]:
    """Where a controller owns the object, what we write may not last."""
    live = view.inventory.get(ref) or {}
    for owner in (live.get("metadata") or {}).get("ownerReferences") or ():
        if owner.get("controller"):
            yield Reason("medium", f"{ref} belongs to {owner.get('kind')} {owner.get('name')}, which may write it anew")


def _listed(refs: Iterable[ObjectRef], most: int = 3) -> str:
    names = [str(ref) for ref in refs]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
