# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an attempt changes and what was measured, in words for whoever watches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils.evidence import Evidence, Inventory
from ..module_utils.verdict import Check, Verdict
from .changes import READ, Change, describe
from .differences import differing, shown
from .fieldpaths import below
from .plan import Plan
from .playbook import Playbook
from .runresult import RunResult
from .step import Step
from .tasks import calls

_NOT_SHOWN = ("status", "metadata")
_HOLDERS = ("spec.template.spec.", "spec.jobTemplate.spec.template.spec.", "spec.")


def changes_in_words(playbook: Playbook, inventory: Inventory) -> str:
    """Each field with its old and its new value: ``Deployment cart image: shop/cart:1.4 -> shop/cart:1.3``."""
    touched = ", ".join(map(str, playbook.touches))
    return "; ".join(effects(playbook, inventory)) or f"{touched}: nothing that is not so already"


def effects(playbook: Playbook, inventory: Inventory) -> list[str]:
    """What a run would change, a line a field; empty where everything is so already."""
    return [
        f"{change.ref} {text}"
        for task in calls(playbook.tasks)
        for change in describe(task, inventory).changes
        if change.verb != READ
        for text in _change(change, inventory)
    ]


def anomalies(evidence: Evidence, told: Sequence[Evidence] = (), most: int = 4) -> list[str]:
    """The most telling facts that were not told before."""
    known = {fact.text for earlier in told for fact in earlier.anomalies}
    fresh = [f"{fact.id} {fact.text}" for fact in evidence.anomalies if fact.text not in known]
    return fresh[:most] + ([f"and {len(fresh) - most} more"] if len(fresh) > most else [])


def cited(step: Step) -> str:
    """The model's diagnosis and what it rests on."""
    return (step.diagnosis or "no diagnosis") + (f" ({', '.join(step.cites)})" if step.cites else "")


def measured(verdict: Verdict, most: int = 3) -> str:
    """What failed with its bound and what got worse; where nothing did, what was measured of requests and Pods."""
    if verdict.healthy:
        telling = sorted(verdict.checks, key=lambda check: not check.name.startswith("GET"))
        return "; ".join(_check(check) for check in telling[:most])
    failed = [f"{_check(check)}, wanted {check.bound}" for check in verdict.failed[:most]]
    return "; ".join([*failed, *(f"worse than before: {line}" for line in verdict.worse[:most])])


def plan_lines(plan: Plan) -> list[str]:
    """What a Plan would change, as a diff of fields, and what is at stake."""
    lines: list[str] = []
    for effect in plan.effects:
        lines.append(f"{effect.ref}: {effect.verb} ({effect.basis})")
        for field in effect.fields:
            lines += [f"- {field.path}: {shown(field.old)}"] * (field.old is not None)
            lines += [f"+ {field.path}: {shown(field.new)}"] * (field.new is not None)
    lines.append(f"risk {plan.risk.level}")
    return lines + [f"  {reason.level}: {reason.text}" for reason in plan.risk.reasons]


def ran(run: RunResult) -> str:
    """How many tasks changed something, or why the run ended."""
    changed = sum(task.status == "changed" for task in run.tasks)
    count = f"{len(run.tasks)} task" + "s" * (len(run.tasks) != 1)
    return f"{count}, {changed} changed something; {run.seconds:.1f} s"


def _check(check: Check) -> str:
    return f"{check.subject} {check.name}: {check.measured}"


def _change(change: Change, inventory: Inventory) -> list[str]:
    live = inventory.get(change.ref) or {}
    if change.verb == "delete":
        return ["is deleted"]
    if change.verb == "rollback":
        return ["goes back to the revision before"]
    if change.verb == "scale":
        spec = live.get("spec") or {}
        return [f"replicas: {shown(spec.get('replicas'))} -> {shown(leaf.value)}" for leaf in change.leaves]
    found = differing(live, change.after, without=_NOT_SHOWN)
    return [f"{_short(where, change.after)}: {shown(old)} -> {shown(new)}" for where, old, new in found]


def _short(where: str, after: Mapping[str, Any]) -> str:
    """Without what goes without saying: where a Pod's fields are, and the container where there is but one."""
    for holder in _HOLDERS:
        if where.startswith(holder):
            where = where.removeprefix(holder)
            containers = below(after, holder.rstrip(".").split(".")).get("containers") or []
            if len(containers) == 1:
                where = where.removeprefix(f"containers[{containers[0].get('name')}].")
            break
    return where.removesuffix(".value")
