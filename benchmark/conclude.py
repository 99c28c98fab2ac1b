"""Judging an Episode on a course: by all that had come when it ended, and by nothing that came by itself.

pair       both are repaired; where one of them is beyond every repair, it is handed over and nothing is left changed
late       the same of what had come by the end; what had not is called off. Whoever sees the second one and hands over
           instead of repairing both is right too, if it left nothing changed and tells of the second
cascade    its cause is repaired: whoever treats the symptom has it back
passing    once its time is over all is as before, and nothing was harmed on the way; to wait is enough
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..plugins.module_utils.evidence import ObjectRef
from ..plugins.plugin_utils.episode import Episode
from ..sandbox.faults import Injected
from ..sandbox.faults.dynamic import LATE, PASSING, Written
from ..sandbox.systems import System
from .cases import WAIT, Scene, culprits
from .courses import LONGEST
from .harm import changes
from .oracle import Judgement, Observation, judge, observe
from .serving import NOT_SERVED


def concluded(scene: Scene) -> Scene:
    """The Scene as it is when the Episode ends: what is charged is what has come by now."""
    going = scene.unfolding
    if going is None:
        return scene
    if scene.case.fault == LATE:
        going.call_off()
    first, *others = culprits(going, scene.system.namespace)
    right = WAIT if scene.case.fault == PASSING else going.right
    broken = with_written(scene.charge.broken, going.written, scene.system.namespace)
    broken = without_served(broken, [item for item in going.injected if not item.reports], scene.system)
    charge = replace(scene.charge, right=right, broken=broken, culprit=first, also=(*scene.charge.also, *others))
    return replace(scene, charge=charge)


def judged(scene: Scene, episode: Episode) -> Judgement:
    """What the oracle finds of an Episode that has just ended on a concluded Scene."""
    charge, going = scene.charge, scene.unfolding
    if going is None:
        return judge(scene.site, charge, episode.outcome)
    if charge.right == WAIT:
        scene.site.sleep(LONGEST)
        charge = replace(charge, broken=with_written(charge.broken, going.written, charge.namespace), right="resolve")
        found = judge(scene.site, charge, episode.outcome)
        return replace(found, resolved=found.resolved and not found.harm, why=(*found.why, *found.harm))
    late = [item for item in going.injected if not item.reports] if scene.case.fault == LATE else []
    told = episode.outcome == "escalated" and all(tells(episode, item) for item in late)
    if late and told and charge.right == "resolve":
        left = changes(charge.broken.state, observe(scene.site, charge.namespace).state)
        charge = charge if left else replace(charge, right="escalate")
    found = judge(scene.site, charge, episode.outcome)
    if late and charge.right == "escalate" and not told:
        return replace(found, resolved=False, why=(*found.why, f"does not tell of {late[0].workload['name']}"))
    return found


def tells(episode: Episode, injected: Injected) -> bool:
    """Whether whoever takes over is told of a fault: what it is about or what suffers is named."""
    said = " ".join([episode.message, *(answer.step.diagnosis for answer in episode.answers[-1:])])
    return any(name in said for name in (injected.workload["name"], injected.culprit["name"], injected.service) if name)


def with_written(seen: Observation, written: Iterable[Written], namespace: str) -> Observation:
    """As if the course had written before the Episode began what it wrote since: that is nobody's doing."""
    state = dict(seen.state)
    for item in written:
        ref = ObjectRef(item.kind, namespace, item.name)
        base = state.get(ref)
        if item.after is None:
            state.pop(ref, None)
        elif base is None or item.before is None:
            state[ref] = {**item.after, "kind": item.kind}
        else:
            new = merged(base, item.before, item.after)
            meta = {**new["metadata"], "generation": _generation(base, item)}
            state[ref] = {**new, "kind": item.kind, "metadata": meta}
    return replace(seen, state=state)


def merged(base: Any, before: Any, after: Any) -> Any:
    """``base`` with what differs between ``before`` and ``after``; items of lists are known by their names."""
    if before == after:
        return base
    if isinstance(base, dict) and isinstance(before, dict) and isinstance(after, dict):
        found = {key: merged(base.get(key), before.get(key), after.get(key)) for key in {**base, **after}}
        return {key: value for key, value in found.items() if value is not None}
    if all(_named(items) for items in (base, before, after)):
        mine, old, new = ({item["name"]: item for item in items} for items in (base, before, after))
        found = {name: merged(mine.get(name), old.get(name), new.get(name)) for name in {**mine, **new}}
        return [item for item in found.values() if item is not None]
    return after


def without_served(seen: Observation, late: Sequence[Injected], system: System) -> Observation:
    """What comes late may cut off a Service and all that call it: that they were served before is no measure."""
    cut = {item.workload["name"] for item in late}
    while more := {spec.name for name in cut for spec in system.callers(name)} - cut:
        cut |= more
    services = {spec.service for spec in system.services if spec.name in cut}
    serving = {door: NOT_SERVED if door[0] in services else served for door, served in seen.serving.items()}
    return replace(seen, serving=serving)


def _named(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(item, dict) and "name" in item for item in items)


def _generation(base: Any, item: Written) -> int:
    """The Episode's own writes stay to be seen: the course's are added to what was there."""
    before, after = ((each or {}).get("metadata", {}).get("generation", 0) for each in (item.before, item.after))
    return int(base["metadata"].get("generation", 0)) + int(after) - int(before)
