"""PodDisruptionBudgets: how many Pods may be missing, in the real controller's words."""

from __future__ import annotations

import math
from typing import Any

from ..api.selectors import selects
from .pods import is_active, is_ready, owner_of, with_condition
from .world import World

Object = dict[str, Any]


def reconcile(world: World, namespace: str, name: str) -> None:
    budget = world.store.get("PodDisruptionBudget", namespace, name)
    if budget is None:
        return
    spec = budget["spec"]
    pods = [
        pod
        for pod in world.store.list("Pod", namespace)
        if is_active(pod) and selects(spec.get("selector"), pod["metadata"].get("labels") or {})
    ]
    expected = _expected(world, pods)
    if "maxUnavailable" in spec:
        wanted = max(0, expected - _count(spec["maxUnavailable"], expected))
    else:
        least = spec.get("minAvailable", 1)
        wanted = _count(least, expected)
        expected = expected if isinstance(least, str) else len(pods)
    healthy = sum(is_ready(pod) for pod in pods)
    allowed = max(0, healthy - wanted) if expected else 0
    generation = budget["metadata"].get("generation", 1)
    condition = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
        "observedGeneration": generation,
    }
    before = (budget.get("status") or {}).get("conditions") or []
    status = {
        "conditions": with_condition(before, condition, world.clock.stamp()),
        "currentHealthy": healthy,
        "desiredHealthy": wanted,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "observedGeneration": generation,
    }
    world.put_status(budget, status)


def _expected(world: World, pods: list[Object]) -> int:
    """How many Pods their controllers want; a Pod without one counts for itself."""
    wanted: dict[str, int] = {}
    for pod in pods:
        ref = owner_of(pod)
        if ref is None:
            wanted[pod["metadata"]["uid"]] = 1
            continue
        owner = world.store.get(ref["kind"], pod["metadata"]["namespace"], ref["name"])
        wanted[ref["uid"]] = (owner or {}).get("spec", {}).get("replicas", 1)
    return sum(wanted.values())


def _count(value: int | str, of: int) -> int:
    return value if isinstance(value, int) else math.ceil(int(value.rstrip("%")) * of / 100)
