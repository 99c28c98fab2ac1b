# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a Plan may still be applied: the same cluster, the same policy, in time, and nothing changed since.

docs/decisions/0005 tells why a resourceVersion alone cannot say whether an object changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..module_utils.cluster import Cluster
from ..module_utils.errors import ClusterError, Refused
from ..module_utils.evidence import Manifest, ObjectRef
from .differences import field_changes
from .plan import Plan, Seen, Target
from .policy import Policy
from .undo import written

_MOST = 4
_ANEW = "Make a new Plan (mode: plan) and have that one approved."


def identify(cluster: Cluster, namespace: str) -> Target:
    """What tells this cluster from others, as far as the account may read it.

    The namespace kube-system lives as long as its cluster. An account of one namespace cannot read
    it; the certificate authority that each namespace is given serves then.
    """
    marks: dict[str, str] = {}
    for ref in (
        ObjectRef("Namespace", "", "kube-system"),
        ObjectRef("Namespace", "", namespace),
        ObjectRef("ConfigMap", namespace, "kube-root-ca.crt"),
    ):
        try:
            found = cluster.find(ref)
        except ClusterError:
            continue  # what cannot be read marks nothing; the uids of the objects themselves still do
        if found is not None:
            marks[str(ref)] = str(found["metadata"].get("uid", ""))
    return Target(namespace, marks)


def require_applicable(plan: Plan, now: datetime, policy: Policy, target: Target, approved: str = "") -> None:
    """Refused, with the reason, unless the Plan is for this cluster and policy, in time, and the approved one."""
    if approved and not (len(approved) >= 12 and plan.digest.startswith(approved.lower())):
        raise Refused(
            f"The approval is for the Plan {approved[:12]}, this one is {plan.digest[:12]}.",
            "Apply the Plan that was approved.",
        )
    common = plan.target.marks.keys() & target.marks.keys()
    for mark in sorted(common):
        if plan.target.marks[mark] != target.marks[mark]:
            raise Refused(
                f"The Plan was made for another cluster: {mark} has the uid {target.marks[mark]} here, "
                f"{plan.target.marks[mark]} there.",
                "Check kubeconfig and context.",
            )
    if plan.target.marks and not common:
        raise Refused(
            "Nothing tells whether this is the cluster that the Plan was made for: "
            f"{', '.join(plan.target.marks)} cannot be read.",
            "Let the account read one of them, or make the Plan with the account that applies it.",
        )
    if plan.policy != policy.digest:
        raise Refused(
            f"The policy has changed since the Plan was made ({plan.policy_source} then, {policy.source} now).",
            f"Apply it with the policy it was made under, or: {_ANEW}",
        )
    if now >= plan.expires:
        raise Refused(f"The Plan expired at {plan.expires:%Y-%m-%d %H:%M} UTC.", _ANEW)


def require_unchanged(plan: Plan, live: Mapping[ObjectRef, Manifest | None]) -> None:
    """Refused, with what changed and by whom, unless each object is as the Plan saw it."""
    changed = [line for seen in plan.seen for line in changes_since(seen, live.get(seen.ref), plan.created)]
    if changed:
        more = f"; and {len(changed) - _MOST} more" if len(changed) > _MOST else ""
        raise Refused(f"Changed since the Plan was made: {'; '.join(changed[:_MOST])}{more}.", _ANEW)


def changes_since(seen: Seen, live: Manifest | None, created: datetime) -> list[str]:
    """What is not as it was seen, a line each; empty where only the status moved."""
    if seen.content is None:
        return [] if live is None else [f"{seen.ref} was not there, and is now{_by(live, created)}"]
    if live is None:
        return [f"{seen.ref} is gone"]
    meta = live["metadata"]
    if str(meta.get("uid", "")) != seen.uid:
        return [f"{seen.ref} was deleted and created anew{_by(live, created)}"]
    fields = field_changes(seen.content, written(live))
    if fields:
        who = _by(live, created)
        return [f"{seen.ref} {field}{who}" for field in fields]
    if _counted(live) != _counted_then(seen, live):
        return [f"{seen.ref} was changed and changed back{_by(live, created)}"]
    return []


def _counted(live: Manifest) -> str:
    """What counts the changes that people make: the generation, or the version where there is no status to move it."""
    meta = live["metadata"]
    if meta.get("generation") is not None:
        return str(meta["generation"])
    return "" if "status" in live else str(meta.get("resourceVersion", ""))


def _counted_then(seen: Seen, live: Manifest) -> str:
    if live["metadata"].get("generation") is not None:
        return str(seen.generation)
    return "" if "status" in live else seen.resource_version


def _by(live: Manifest, created: datetime) -> str:
    """Who wrote the object since, as far as managedFields tell."""
    since = created.strftime("%Y-%m-%dT%H:%M:%SZ")
    writers = {
        str(entry.get("manager")): str(entry.get("time"))
        for entry in live["metadata"].get("managedFields") or ()
        if entry.get("subresource") != "status" and str(entry.get("time") or "") >= since
    }
    return " by " + ", ".join(f"{name} at {time[11:16]}" for name, time in writers.items()) if writers else ""
