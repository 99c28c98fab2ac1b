"""CPU: how long work takes under a limit, beside stress workers, and on a busy node.

The kernel's fair scheduler gives a container with a limit its quota in each period of 0.1 s. A program that was idle
has the quota of the running period whole, so what fits into it takes no longer than without a limit, and the rest
waits for one period after the other. Measured on a real cluster, 0.0115 s of work, 10 % / median / 90 %: limit 500m
0.014 / 0.02 / 0.029 s, 50m 0.09 / 0.10 / 0.21, 20m 0.1 / 0.39 / 0.6, 10m 0.7 / 1.0 / 1.5.

Stress workers in the same container use the quota up at once and leave the rest of the period to waiting; between them
the program gets its turn among all that want a core. Measured (limit 0.5, two cores): 0.01 s alone, 0.03 s beside two
workers, 0.08 s beside ten.
"""

from __future__ import annotations

from ..api.quantity import value_of
from ..controllers.world import World
from .imitation import cpu_share
from .run import ContainerRun, PodRun

_PERIOD = 0.1
_BUSIEST = 0.98


def answer_seconds(world: World, run: PodRun, item: ContainerRun, work: float, load: float) -> float:
    """Seconds for ``work`` CPU seconds of one request, where requests take ``load`` cores already: callers ask in
    their own regular time, so it waits half as long as among random ones (M/D/1)."""
    share, crowd = cpu_share(item.limits), 1.0
    if world.strains.any_stress:
        machine = machine_cores(world, run.node)
        crowd = max(1.0, _pressed(world, run.node) / machine)
        if workers := stress(world, run, item):
            share, waited = _beside(workers, share, limit_of(item, machine), machine)
            return work * crowd / share / (1 - min(load * crowd / share, _BUSIEST)) + waited
    busy = min(load * crowd / share, _BUSIEST)
    return _in_periods(work, share) * crowd * (1 + busy / (1 - busy) / 2)


def _in_periods(work: float, share: float) -> float:
    """Seconds for the work of one request: a period less than the share alone would make it, as the first is whole."""
    return max(work, work / share - _PERIOD) if share < 1 else work


def used(world: World, run: PodRun, item: ContainerRun, own: float) -> float:
    """Cores that a container uses: its own work and that of stress workers in it, within its limit."""
    if not world.strains.any_stress:
        return min(cpu_share(item.limits), own)
    wanted = own + stress(world, run, item)
    return min(limit_of(item, machine_cores(world, run.node)), wanted)


def stress(world: World, run: PodRun, item: ContainerRun) -> float:
    """Cores that stress workers in the container ask for."""
    strain = world.strains.of_container(run.uid, item.name)
    return strain.cores + (strain.memory > 0) * memory_stress_cores(strain.memory, item)


def memory_stress_cores(size: float, item: ContainerRun) -> float:
    """A worker that is killed for memory starts again each second and fills what there is: that takes CPU."""
    return 0.12 if "memory" in item.limits and size > float(value_of(item.limits["memory"])) else 0.005


def machine_cores(world: World, node: str) -> float:
    """The cores of a node; 1 where the node does not say."""
    found = world.store.get("Node", "", node)
    return float(value_of(str((found or {}).get("status", {}).get("capacity", {}).get("cpu", "1"))))


def limit_of(item: ContainerRun, machine: float) -> float:
    """Cores that the container may use, however many threads it has."""
    return min(machine, max(0.01, float(value_of(str(item.limits["cpu"]))))) if "cpu" in item.limits else machine


def _beside(workers: float, share: float, bound: float, machine: float) -> tuple[float, float]:
    """(the share of a core that the program still gets beside workers, seconds that it waits for the next period)."""
    throttled = max(0.0, 1 - bound / min(machine, max(workers, bound)))
    return min(share, (1 - throttled) / (1 + workers / machine)), throttled * throttled * _PERIOD / 2


def _pressed(world: World, node: str) -> float:
    """Cores that all stress workers on a node ask for, each within its container's limit."""
    total, machine = 0.0, machine_cores(world, node)
    for uid in world.strains.stressed():
        other = world.kubelet.runs.get(uid)
        if other is None or other.node != node:
            continue
        total += sum(min(stress(world, other, there), limit_of(there, machine)) for there in other.containers)
    return total
