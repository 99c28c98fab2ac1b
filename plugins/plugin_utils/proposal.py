# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Making a Plan of a gated Playbook, and letting one pass that is to be applied."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..module_utils.cluster import Cluster
from ..module_utils.errors import Refused
from ..module_utils.evidence import Inventory
from .applicable import identify, require_applicable, require_unchanged
from .dryrun import Rehearsed
from .gate import gate
from .killswitch import require_running
from .plan import Plan, ungated
from .playbook import Playbook
from .policy import Policy
from .report import Report
from .risk import LEVELS, Risk, weigh
from .states import APPLIED

_ANEW = "Make a new one: mode: plan."


def plan_of(
    cluster: Cluster,
    policy: Policy,
    report: Report,
    playbook: Playbook,
    rehearsed: Rehearsed,
    risk: Risk,
    diagnosis: str,
    author: str,
) -> Plan:
    """The Plan, in API-server time."""
    now = cluster.now()
    return Plan(
        report=report,
        diagnosis=diagnosis,
        playbook=playbook,
        effects=rehearsed.effects,
        risk=risk,
        policy=policy.digest,
        policy_source=policy.source,
        target=identify(cluster, report.namespace),
        seen=rehearsed.seen,
        created=now,
        expires=now + timedelta(minutes=policy.plan_minutes),
        author=author,
    )


def admit(cluster: Cluster, policy: Policy, plan: Plan, inventory: Inventory, approved: str = "") -> Playbook:
    """The Plan's Playbook, gated anew; Refused with the reason where it may not be applied (any more)."""
    namespace = plan.report.namespace
    require_running(cluster, namespace, policy.kill_switch_file)
    require_applicable(plan, cluster.now(), policy, identify(cluster, namespace), approved)
    used = _mark(plan)
    if used.exists():
        raise Refused(f"The Plan was applied already: {used} says by whom.", _ANEW)
    require_unchanged(plan, {seen.ref: cluster.find(seen.ref) for seen in plan.seen})
    return _gated(plan, inventory, policy)


def note_applied(plan: Plan, by: str, episode: Path) -> str:
    """Leaves a mark beside the Plan; what went wrong with that, since the mark in the cluster is what counts.

    Refused where the mark is there: somebody applies the same file at this moment.
    """
    entry: dict[str, Any] = {"digest": plan.digest, "by": by, "episode": str(episode)}
    try:
        with open(_mark(plan), "x", encoding="utf-8") as file:
            json.dump(entry, file, indent=2)
    except FileExistsError as error:
        raise Refused(f"The Plan was applied already: {_mark(plan)} says by whom.", _ANEW) from error
    except OSError as error:
        return f"{_mark(plan)} could not be written ({error.strerror}); the Lease remembers it"
    return ""


def _mark(plan: Plan) -> Path:
    return Path(plan.path).with_name(APPLIED)


def _gated(plan: Plan, inventory: Inventory, policy: Policy) -> Playbook:
    """Text from a file is text from outside, like the model's own: it goes through the same gate."""
    found = gate(ungated(plan.playbook), inventory, policy, plan.report.namespace)
    if not isinstance(found, Playbook):
        raise Refused(f"The playbook does not pass the gate now: {found[0].what} ({found[0].rule}).", _ANEW)
    if found.text != plan.playbook.text or found.touches != plan.playbook.touches:
        raise Refused("The playbook in the Plan is not the one that passed the gate: it was altered.", _ANEW)
    if set(found.touches) != {seen.ref for seen in plan.seen}:
        raise Refused("The Plan does not tell how each object that it touches was: it was altered.", _ANEW)
    weighed = weigh(found, inventory, policy)
    if weighed.approval == "never":
        raise Refused(
            f"The policy never allows a change of this risk: {weighed.risk}.", "Leave it, or ask who owns it."
        )
    if LEVELS.index(weighed.risk.level) > LEVELS.index(plan.risk.level):
        raise Refused(f"The risk has grown since it was approved: {plan.risk.level} then, now {weighed.risk}.", _ANEW)
    return found
