# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an attempt changes and what was measured, in words for whoever watches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from ..module_utils.evidence import Evidence, Inventory
from ..module_utils.verdict import Check, Verdict
from .changes import READ, Change, describe
from .fieldpaths import ENTRY, Path, below, merge_key
from .playbook import Playbook
from .runresult import RunResult
from .step import Step
from .tasks import Task, walk

_LONGEST_VALUE = 60
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
        for task in walk(playbook.tasks)
        for module in task
        if "." in str(module) and isinstance(task[module], Mapping)
        for change in describe(Task((), "", str(module), task[module]), inventory).changes
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
        return [f"replicas: {_value(spec.get('replicas'))} -> {_value(leaf.value)}" for leaf in change.leaves]
    found = _differences(live, change.after, (), "")
    return [f"{_short(where, change.after)}: {_value(old)} -> {_value(new)}" for where, old, new in found]


def _differences(old: Any, new: Any, path: Path, where: str) -> Iterator[tuple[str, Any, Any]]:
    """Place, old and new value of each leaf that differs; entries of a list map stand by their key."""
    if old == new:
        return
    if isinstance(new, Mapping) and isinstance(old, Mapping | None):
        before = old or {}
        for key in [*new, *(key for key in before if key not in new)]:
            if path or key not in _NOT_SHOWN:
                dotted = f"{where}.{key}" if where else str(key)
                yield from _differences(before.get(key), new.get(key), (*path, str(key)), dotted)
        return
    key = merge_key(path)
    if key and all(_entries(items, key) for items in (old or [], new)):
        entries = {item[key]: item for item in old or ()}
        for item in new:
            yield from _differences(entries.pop(item[key], None), item, (*path, ENTRY), f"{where}[{item[key]}]")
        for name, item in entries.items():
            yield f"{where}[{name}]", item, None
        return
    if not _is_key(path):
        yield where, old, new


def _is_key(path: Path) -> bool:
    """What names an entry of a list map is in the place already."""
    match path:
        case (*above, entry, last):
            return entry == ENTRY and last == merge_key(tuple(above))
    return False


def _entries(items: Any, key: str) -> bool:
    return isinstance(items, list) and all(isinstance(item, Mapping) and key in item for item in items)


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


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n...\n").strip()
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
