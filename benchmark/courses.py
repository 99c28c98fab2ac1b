"""Courses as cases: two faults at once, one that comes late, one that spreads, one that passes.

Which faults a course is made of stands here, by name: another fault in sandbox/faults changes no course of any seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..sandbox import faults
from ..sandbox.faults.dynamic import CASCADE, LATE, PAIR, PASSING, Blow, Course, Unfolding, unfold
from ..sandbox.systems import System

Report = Any

COURSES: Mapping[str, tuple[str, ...]] = {
    PAIR: ("repairable", "one_beyond"),
    LATE: ("repairable", "beyond"),
    CASCADE: ("spread", "spreading"),
    PASSING: ("pressing", "edited", "rebooting"),
}
"""Each kind of course with its variants. ``beyond``: no repair within the default policy helps against one of the two.
``spread``: it has reached the callers when it is reported, and the report is about them; ``spreading``: it has not.
``pressing``: an experiment whose time runs out; ``edited``: somebody else puts right what was written; ``rebooting``:
a machine is lost and comes back."""

_PRESSING = ("cpu_stress", "memory_stress", "network_delay", "network_loss", "disk_latency")
_EDITED = (
    "bad_image_tag/latest",
    "configuration_error/latest",
    "limits_too_small/latest",
    "liveness_too_eager/latest",
    "missing_config_key/latest",
    "node_selector_unmatched/latest",
    "readiness_probe_path/latest",
    "request_too_large/latest",
    "stuck_rollout/latest",
    "wrong_command/latest",
    "wrong_env_value/latest",
    "network_policy_denies/live",
    "scaled_to_zero/live",
    "service_port_mismatch/live",
    "service_selector_mismatch/live",
    "service_target_port/live",
    "wrong_config_value/live",
)
_REPAIRABLE = (*_EDITED, *(f"{name}/varied" for name in _PRESSING), "pod_failure/once")
_BEYOND = (
    "missing_secret_key/live",
    "quota_exceeded/live",
    "pod_failure/follows",
    "network_delay/follows",
    "network_loss/follows",
    "disk_latency/follows",
)
_LOST = "node_lost/gone"
_SECOND_COMES = (3.0, 14.0)  # seconds after the report: the shortest repair is watched for longer than that
_STEP = (10.0, 60.0)  # seconds from one step of a cascade to the next
_PRESSES_FOR = (120.0, 200.0)  # seconds from its beginning; it is reported within the first minute
_STAYS_FOR = (20.0, 120.0)  # seconds from its report
LONGEST = 200.0
"""Seconds after which whatever passes has passed."""


def draw(kind: str, variant: str, rng: random.Random) -> Course:
    """A random course of a kind in a variant."""
    if kind == CASCADE:
        name, moments = rng.choice(_PRESSING), [0.0]
        for _ in range(rng.choice((1, 1, 2))):
            moments.append(round(moments[-1] + rng.uniform(*_STEP), 3))
        return Course(kind, tuple(Blow(name, "varied", at, spreads=at > 0) for at in moments))
    if kind == PASSING:
        if variant == "pressing":
            return Course(kind, (Blow(rng.choice(_PRESSING), "varied", lasts=round(rng.uniform(*_PRESSES_FOR), 3)),))
        name = _LOST if variant == "rebooting" else rng.choice(_EDITED)
        return Course(kind, (_blow(name, lasts=round(rng.uniform(*_STAYS_FOR), 3)),))
    first = rng.choice(_REPAIRABLE)
    second = rng.choice(_REPAIRABLE if variant == "repairable" else _BEYOND)
    if kind == PAIR:
        both = [_blow(first), _blow(second)]
        rng.shuffle(both)
        return Course(kind, tuple(both))
    return Course(kind, (_blow(first), _blow(second, after=round(rng.uniform(*_SECOND_COMES), 3))))


def begin(
    kind: str,
    variant: str,
    transport: Any,
    system: System,
    rng: random.Random,
    later: Callable[[float, Callable[[], object]], Any],
) -> tuple[Unfolding, Report]:
    """Draws a course and lets it begin, with the report that somebody sends. Raises CannotInject where it does not
    fit, or what is reported does not show."""
    plan = draw(kind, variant, rng)
    going = unfold(plan, list(faults.FAULTS.values()), transport, system, rng, later)
    if variant == "spread":
        transport.sleep(plan.blows[-1].after + rng.uniform(5, 20))
        if len(going.injected) < len(plan.blows):
            raise faults.CannotInject(f"it did not spread: {'; '.join((*going.missed, *going.averted))}")
        going.report(rng)
    if not all(faults.confirm(transport, injected) for injected in going.injected):
        raise faults.CannotInject(f"the {kind} does not show in {system.name}")
    if kind == PAIR:
        first, second = (injected.reports for injected in going.injected)
        return going, rng.choice(joined(first, second))
    return going, rng.choice(going.injected[-1].reports)


def joined(first: Sequence[Report], second: Sequence[Report]) -> list[Report]:
    """Reports of two faults as one: a webhook with both alerts, one run of k8sgpt, two texts one after the other."""
    made: list[Report] = []
    for one in first:
        for other in second:
            if isinstance(one, str) and isinstance(other, str):
                made.append(f"{one}\n{other}")
            elif "alerts" in one and "alerts" in other:
                made.append(_webhook(one, other))
            elif "results" in one and "results" in other:
                results = [*one["results"], *(item for item in other["results"] if item not in one["results"])]
                made.append({**one, "results": results, "problems": len(results), "status": "ProblemDetected"})
    return made


def _webhook(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """As Alertmanager groups the alerts of one namespace."""
    labels = {key: value for key, value in one["commonLabels"].items() if other["commonLabels"].get(key) == value}
    group = {"namespace": one["commonLabels"]["namespace"]}
    alerts = [*one["alerts"], *other["alerts"]]
    key = f'{{}}:{{namespace="{group["namespace"]}"}}'
    shared = {"groupKey": key, "groupLabels": group, "commonLabels": labels, "commonAnnotations": {}}
    return {**one, **shared, "alerts": alerts}


def _blow(name: str, after: float = 0.0, lasts: float = 0.0) -> Blow:
    fault, _, variant = name.partition("/")
    return Blow(fault, variant, after, lasts)
