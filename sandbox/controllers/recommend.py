"""How many Pods a HorizontalPodAutoscaler wants: from measured use, from what it wanted before, within its limits.

The arithmetic is that of Kubernetes' replica calculator and of the behaviour rules of autoscaling/v2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]

TOLERANCE = 0.1
DOWN_WINDOW = 300.0
_NEVER_FEWER_UP = 4  # without rules, at least so many Pods at once
_UP_FACTOR = 2
_UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_DOWN = {
    "stabilizationWindowSeconds": DOWN_WINDOW,
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}
STABLE = ("ReadyForNewScale", "recommended size matches current size")
HELD_DOWN = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)
HELD_UP = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
WITHIN = ("DesiredWithinRange", "the desired count is within the acceptable range")
TOO_MANY = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
TOO_FAST = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
TOO_FAST_DOWN = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")


@dataclass
class Memory:
    """What an autoscaler remembers: when it looks next, what it recommended and how it scaled, by virtual seconds."""

    due: float
    recommended: list[tuple[float, int]] = field(default_factory=list)
    scaled: list[tuple[float, int]] = field(default_factory=list)  # Pods added (positive) or taken away


@dataclass(frozen=True)
class Wish:
    """How many Pods; what kept it from wanting otherwise (``able``), and from getting what it wanted (``limited``)."""

    replicas: int
    able: tuple[str, str]
    limited: tuple[str, str]


def replicas_for(
    used: Mapping[str, float],
    per_pod: Mapping[str, float],
    target: float,
    current: int,
    unready: Sequence[str],
    missing: Sequence[str],
    tolerance: float = TOLERANCE,
) -> int:
    """``used``: of each Pod that counts, what it uses. ``per_pod``: what 100 % is for each Pod. ``target``: the share
    of that, 1.0 for all of it. Pods without a figure or not yet ready are taken to use whatever moves least."""
    ratio = _ratio(used, per_pod, target)
    growing_unready = bool(unready) and ratio > 1
    if not growing_unready and not missing:
        return current if abs(ratio - 1) <= tolerance else math.ceil(round(ratio * len(used), 9))
    assumed = dict(used)
    if ratio < 1:
        assumed |= {name: per_pod[name] * max(1.0, target) for name in missing}
    elif ratio > 1:
        assumed |= dict.fromkeys(missing, 0.0)
    if growing_unready:
        assumed |= dict.fromkeys(unready, 0.0)
    again = _ratio(assumed, per_pod, target)
    if abs(again - 1) <= tolerance or (ratio < 1) != (again < 1):
        return current
    wanted = math.ceil(round(again * len(assumed), 9))
    turned = (again < 1 and wanted > current) or (again > 1 and wanted < current)
    return current if turned else wanted


def _ratio(used: Mapping[str, float], per_pod: Mapping[str, float], target: float) -> float:
    whole = sum(per_pod[name] for name in used)
    return sum(used.values()) / whole / target if whole else 0.0


def settle(spec: Object, memory: Memory, now: float, current: int, wanted: int) -> Wish:
    """What becomes of a recommendation: held against recent ones, then bounded by rates, minimum and maximum."""
    rules = spec.get("behavior")
    up, down = {**_UP, **((rules or {}).get("scaleUp") or {})}, {**_DOWN, **((rules or {}).get("scaleDown") or {})}
    windows = float(up["stabilizationWindowSeconds"] or 0), float(down["stabilizationWindowSeconds"])
    steady = _held(memory, now, current, wanted, *windows) if rules else _highest(memory, now, wanted)
    able = STABLE if wanted == steady else HELD_DOWN if wanted < steady else HELD_UP
    memory.recommended.append((now, wanted))
    low, high = spec.get("minReplicas", 1), spec["maxReplicas"]
    if rules:
        least, most = _by_rules(down, memory, now, current, -1), _by_rules(up, memory, now, current, 1)
    else:
        least, most = 0, max(_UP_FACTOR * current, _NEVER_FEWER_UP)
    if steady > current and steady > min(most, high):
        return Wish(max(min(most, high), current), able, TOO_MANY if high <= most else TOO_FAST)
    if steady > high:
        return Wish(high, able, TOO_MANY)
    if rules and steady < current and steady < max(least, low):
        return Wish(min(max(least, low), current), able, TOO_FEW if low >= least else TOO_FAST_DOWN)
    if steady < low:
        return Wish(low, able, TOO_FEW)
    return Wish(steady, able, WITHIN)


def _highest(memory: Memory, now: float, wanted: int) -> int:
    """Without rules: the highest of the last five minutes."""
    memory.recommended = [entry for entry in memory.recommended if entry[0] > now - DOWN_WINDOW]
    return max([wanted, *(count for _, count in memory.recommended)])


def _held(memory: Memory, now: float, current: int, wanted: int, up_window: float, down_window: float) -> int:
    """With rules: as near to the current number as the windows ask for."""
    memory.recommended = [entry for entry in memory.recommended if entry[0] > now - max(up_window, down_window)]
    lowest = min([wanted, *(count for at, count in memory.recommended if at > now - up_window)])
    highest = max([wanted, *(count for at, count in memory.recommended if at > now - down_window)])
    return lowest if current < lowest else highest if current > highest else current


def _by_rules(rules: Object, memory: Memory, now: float, current: int, sign: int) -> int:
    """The number of Pods that the rates allow to go to, up (``sign`` 1) or down (-1)."""
    choice = rules.get("selectPolicy") or "Max"
    if choice == "Disabled":
        return current
    proposals = []
    for policy in rules["policies"]:
        since = now - float(policy["periodSeconds"])
        moved = sum(change for at, change in memory.scaled if at > since and change * sign > 0)
        start = current - moved
        if policy["type"] == "Pods":
            proposals.append(start + sign * int(policy["value"]))
        elif sign > 0:
            proposals.append(math.ceil(start * (1 + policy["value"] / 100)))
        else:
            proposals.append(int(start * (1 - policy["value"] / 100)))
    widest = max(proposals) if sign > 0 else min(proposals)
    narrowest = min(proposals) if sign > 0 else max(proposals)
    return widest if choice == "Max" else narrowest
