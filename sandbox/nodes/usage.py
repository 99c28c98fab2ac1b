"""What containers and nodes use, as metrics-server would tell it."""

from __future__ import annotations

from ..controllers.world import World
from .imitation import cpu_share, working_set
from .run import ContainerRun, PodRun

_IDLE_CORES = 0.0008
_HANDLING_CPU = 0.0015


def of_container(world: World, run: PodRun, item: ContainerRun, peers: int) -> tuple[float, float]:
    """(cores, bytes) of one running container; ``peers``: how many Pods share its workload's load."""
    wobble = 1 + 0.02 * ((sum(run.uid.encode()) % 7) - 3) / 3
    memory = working_set(item.settings) * wobble
    share = cpu_share(item.limits)
    if item.command == "serve" and item.listens_at > world.clock.elapsed:
        return share, memory * 0.6
    request = item.settings.request_cpu if item.settings else 0.0
    load = world.rates.get(run.workload, 0.0) / max(1, peers) * (_HANDLING_CPU + request)
    return min(share, _IDLE_CORES + load) * wobble, memory


def of_namespace(world: World, runs: dict[str, PodRun], namespace: str) -> dict[tuple[str, str], tuple[float, float]]:
    """(pod, container) -> (cores, bytes) of everything that runs."""
    mine = [run for run in runs.values() if run.namespace == namespace and not run.leaving]
    peers: dict[str, int] = {}
    for run in mine:
        peers[run.workload] = peers.get(run.workload, 0) + 1
    return {
        (run.name, item.name): of_container(world, run, item, peers[run.workload])
        for run in mine
        for item in run.containers
        if item.running
    }


def of_nodes(world: World, runs: dict[str, PodRun]) -> dict[str, tuple[float, float]]:
    """node -> (cores, bytes), with what the system itself takes."""
    totals = {node["metadata"]["name"]: (0.05, 700.0 * 2**20) for node in world.store.list("Node")}
    for run in runs.values():
        for item in run.containers:
            if item.running and run.node in totals:
                cores, memory = of_container(world, run, item, 1)
                totals[run.node] = (totals[run.node][0] + cores, totals[run.node][1] + memory)
    return totals
