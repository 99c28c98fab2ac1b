"""What containers and nodes use, as metrics-server would tell it."""

from __future__ import annotations

from ..api.quantity import value_of
from ..controllers.world import World
from . import processor
from .imitation import cpu_share, working_set
from .run import ContainerRun, PodRun

_IDLE_CORES = 0.0008
_HANDLING_CPU = 0.0015
_RESOLUTION = 10.0  # seconds between two samples of metrics-server


def of_container(world: World, run: PodRun, item: ContainerRun, peers: int) -> tuple[float, float]:
    """(cores, bytes) of one running container; ``peers``: how many Pods share its workload's load."""
    wobble = 1 + 0.02 * ((sum(run.uid.encode()) % 7) - 3) / 3
    memory = working_set(item.settings) * wobble
    share = cpu_share(item.limits)
    if item.command == "serve" and item.listens_at > world.clock.elapsed:
        return share, memory * 0.6
    request = item.settings.request_cpu if item.settings else 0.0
    load = world.rates.get(run.workload, 0.0) / max(1, peers) * (_HANDLING_CPU + request)
    cores = processor.used(world, run, item, _IDLE_CORES + load)
    if not world.strains.any_stress:
        return cores * wobble, memory
    return cores * min(1.0, wobble), memory + _held(world, run, item, memory)


def _held(world: World, run: PodRun, item: ContainerRun, own: float) -> float:
    """Bytes that stress workers hold. Those that do not fit are killed and fill up again, second by second: who looks
    sees some part of the room, seldom much (measured: 0 to 0.35 of it)."""
    size = world.strains.of_container(run.uid, item.name).memory
    if not size or "memory" not in item.limits:
        return size
    room = max(0.0, float(value_of(item.limits["memory"])) - own)
    if size <= room:
        return size
    sample = int(world.clock.elapsed // _RESOLUTION) * 7919 + sum(run.uid.encode())
    return room * 0.35 * (sample % 11) / 10


def overfills(world: World, run: PodRun, item: ContainerRun) -> bool:
    """Whether stress workers that the kernel spares leave the program no room within the memory limit."""
    strain = world.strains.of_container(run.uid, item.name)
    if not strain.spared or "memory" not in item.limits:
        return False
    return working_set(item.settings) + strain.memory > float(value_of(item.limits["memory"]))


def of_namespace(world: World, runs: dict[str, PodRun], namespace: str) -> dict[tuple[str, str], tuple[float, float]]:
    """(pod, container) -> (cores, bytes) of everything that runs."""
    mine = [run for run in runs.values() if run.namespace == namespace and not run.leaving]
    peers: dict[str, int] = {}
    for run in mine:
        peers[run.workload] = peers.get(run.workload, 0) + 1
    return {
        (run.name, item.name): of_container(world, run, item, peers[run.workload])
        for run in mine
        for item in run.every
        if item.running
    }


def of_nodes(world: World, runs: dict[str, PodRun]) -> dict[str, tuple[float, float]]:
    """node -> (cores, bytes), with what the system itself takes."""
    totals = {node["metadata"]["name"]: (0.05, 700.0 * 2**20) for node in world.store.list("Node")}
    for run in runs.values():
        for item in run.every:
            if item.running and run.node in totals and run.namespace != "kube-system":
                cores, memory = of_container(world, run, item, 1)
                totals[run.node] = (totals[run.node][0] + cores, totals[run.node][1] + memory)
    return totals
