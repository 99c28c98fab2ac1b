"""Memory pressure on nodes: a kubelet that runs out of memory says so, takes nothing new, and evicts Pods.

Only stress workers press so hard here, so a node is looked at from when some are put on it until it has recovered. As
the kubelet does by default: below 100Mi of free memory (``memory.available<100Mi``, looked at every 10 s) the Pods
that use more than they asked for go first, and the condition stays for five minutes after the last such look.
"""

from __future__ import annotations

from typing import Any

from ..api.quantity import value_of
from ..controllers.pods import resource_sum, with_condition
from ..controllers.world import World
from . import usage
from .reporting import Reporting
from .run import PodRun

Object = dict[str, Any]

_LEAST = 100.0 * 2**20
_LOOKS_EVERY = 10.0
_STAYS = 300.0
_TRUE = ("True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available")
_FALSE = ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available")


class Pressure:
    """``runs``: Pod uid -> PodRun, of all nodes."""

    def __init__(self, world: World, runs: dict[str, PodRun], reporting: Reporting) -> None:
        self._world, self._runs, self._tell = world, runs, reporting
        self._watched: dict[str, float] = {}  # node -> when it was last short of memory

    def watch(self, node: str) -> None:
        """Somebody has begun to hold memory on the node."""
        if node not in self._watched:
            self._watched[node] = float("-inf")
            self._world.clock.after(_LOOKS_EVERY, lambda: self._look(node))

    def _look(self, name: str) -> None:
        node, now = self._world.store.get("Node", "", name), self._world.clock.elapsed
        if node is None or not self._world.machines.reports(name):
            del self._watched[name]
            return
        free = self._free(node)
        if free < _LEAST:
            self._watched[name] = now
            self._say(node, *_TRUE)
            self._evict(name, free)
        elif self._watched[name] > float("-inf") and now - self._watched[name] >= _STAYS:
            self._say(node, *_FALSE)
            self._watched[name] = float("-inf")
        if self._watched[name] > float("-inf") or self._pressed(name):
            self._world.clock.after(_LOOKS_EVERY, lambda: self._look(name))
        else:
            del self._watched[name]

    def _free(self, node: Object) -> float:
        used = usage.of_nodes(self._world, self._runs).get(node["metadata"]["name"], (0.0, 0.0))[1]
        return float(value_of(str(node["status"]["capacity"]["memory"]))) - used

    def _pressed(self, name: str) -> bool:
        stressed = (self._runs.get(uid) for uid in self._world.strains.stressed())
        return any(run is not None and run.node == name for run in stressed)

    def _say(self, node: Object, status: str, reason: str, message: str) -> None:
        now, conditions = self._world.clock.stamp(), node["status"].get("conditions") or []
        old = next((item for item in conditions if item["type"] == "MemoryPressure"), None)
        if old is not None and old["status"] == status:
            return
        new = {"type": "MemoryPressure", "status": status, "reason": reason, "message": message}
        conditions = with_condition(conditions, {**new, "lastHeartbeatTime": now}, now)
        told = self._world.put_status(node, {**node["status"], "conditions": conditions})
        name = node["metadata"]["name"]
        about = {
            **told,
            "metadata": {"name": name, "uid": name, "resourceVersion": told["metadata"]["resourceVersion"]},
        }
        event = reason.replace("Kubelet", "Node", 1)
        text = f"Node {name} status is now: {event}"
        self._world.recorder.event(about, "Normal", event, text, "kubelet", host=name)

    def _evict(self, name: str, free: float) -> None:
        """Ends the Pod that takes most beyond what it asked for; one a look, for memory comes back slowly."""
        ranked = []
        for run in self._runs.values():
            pod = self._tell.pod(run) if run.node == name and not run.leaving else None
            if pod is None or pod.get("status", {}).get("phase") not in ("Pending", "Running"):
                continue
            used = sum(usage.of_container(self._world, run, item, 1)[1] for item in run.every if item.running)
            asked = resource_sum(pod["spec"], "requests", "memory")
            ranked.append((used <= asked, pod["spec"].get("priority", 0), asked - used, run.uid))
        if ranked:
            run = self._runs[min(ranked)[3]]
            pod = self._tell.pod(run)
            if pod is not None:
                self._end(run, pod, free)

    def _end(self, run: PodRun, pod: Object, free: float) -> None:
        over = []
        for item in run.containers:
            used = usage.of_container(self._world, run, item, 1)[1] if item.running else 0.0
            asked = ((item.spec.get("resources") or {}).get("requests") or {}).get("memory", "0")
            if used > float(value_of(asked)):
                said = f"Container {item.name} was using {_kibi(used)}, request is {asked}"
                over.append(f"{said}, has larger consumption of memory. ")
        text = "The node was low on resource: memory. "
        text += f"Threshold quantity: 100Mi, available: {_kibi(free)}. {''.join(over)}"
        self._tell.event(pod, run, "Warning", "Evicted", text)
        for item in run.every:
            if item.running:
                self._tell.event(pod, run, "Normal", "Killing", f"Stopping container {item.name}", item)
        self._world.kubelet.forget(run.uid)
        now = self._world.clock.stamp()
        status = pod["status"]
        told = [_killed(there, now) for there in status.get("containerStatuses") or ()]
        conditions = status.get("conditions") or []
        disruption = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": text}
        conditions = with_condition(conditions, disruption, now)
        for kind in ("Ready", "ContainersReady"):
            conditions = with_condition(conditions, {"type": kind, "status": "False", "reason": "PodFailed"}, now)
        self._world.put_status(
            pod,
            {
                **status,
                "phase": "Failed",
                "reason": "Evicted",
                "message": text,
                "conditions": conditions,
                "containerStatuses": told,
            },
        )


def _killed(status: Object, now: str) -> Object:
    running = status["state"].get("running")
    ended = {
        "exitCode": 137,
        "reason": "Error",
        "startedAt": running["startedAt"] if running else None,
        "finishedAt": now,
        "containerID": status.get("containerID", ""),
    }
    return {**status, "state": {"terminated": ended}, "ready": False, "started": False}


def _kibi(size: float) -> str:
    """Bytes as the kubelet writes them."""
    return f"{max(0, round(size / 1024))}Ki"
