"""What a record of an experiment does to its Pod or container, and how that is taken back. Both may be done again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

from ..api.quantity import value_of
from ..controllers.world import World
from ..nodes.strain import Strain
from .quantities import rate, seconds, size

Object = dict[str, Any]
Kill = Callable[[str, str, str], object]

PAUSE_IMAGE = "gcr.io/google-containers/pause:latest"
"""What pod-failure puts into a Pod's containers, by default of Chaos Mesh: nothing in it but a program that waits."""

_LONGEST_KEY = 63
_STRESS_OWN = 5 * 2**20  # bytes that stress-ng takes for itself beside what it is told to hold, measured
_WRITING = {"write", "fsync", "flush", "open", "create"}


class DeedFailed(Exception):
    """It cannot be done now; the text is for the record and an Event."""


class Deed:
    """One record of one experiment. ``kill(namespace, pod, container)`` ends a running program by SIGKILL."""

    def __init__(self, world: World, kill: Kill, experiment: Object, record: Object) -> None:
        self._world, self._kill = world, kill
        self._experiment, self._spec, self._record = experiment, experiment["spec"], record
        space, name, *container = record["id"].split("/")
        self._space, self._name, self._container = space, name, container[0] if container else ""
        self._key = f"{experiment['metadata']['uid']}/{record['selectorKey']}/{record['id']}"

    def apply(self) -> None:
        """Raises DeedFailed."""
        pod = self._pod()
        if pod is None:
            raise DeedFailed(f'pods "{self._name}" not found')
        match self._experiment["kind"], self._spec.get("action", ""):
            case "StressChaos", _:
                self._strain(self._running(pod), self._stress(pod))
            case "IOChaos", action:
                self._strain(self._running(pod), self._disk(pod, action))
            case "NetworkChaos", action:
                self._strain(self._linked(pod), self._network(action))
            case _, "pod-kill":
                self._world.store.delete("Pod", self._space, self._name, int(self._spec.get("gracePeriod") or 0))
            case _, "container-kill":
                self._running(pod)
                self._kill(self._space, self._name, self._container)
            case _, "pod-failure":
                self._fail(pod)
            case _, action:
                raise DeedFailed(f"the sandbox has no action {action}")

    def recover(self) -> None:
        """A Pod that is gone has recovered."""
        self._world.strains.remove(self._key)
        pod = self._pod()
        if pod is not None and self._spec.get("action") == "pod-failure":
            self._mend(pod)

    def lost(self) -> bool:
        """Whether a strain went with the container that it was on, or with the Pod."""
        return self._experiment["kind"] != "PodChaos" and not self._world.strains.holds(self._key)

    # Whom it is about

    def _pod(self) -> Object | None:
        return self._world.store.get("Pod", self._space, self._name)

    def _running(self, pod: Object) -> Object:
        for status in pod.get("status", {}).get("containerStatuses") or ():
            if status["name"] == self._container and "running" in status.get("state", {}):
                return pod
        raise DeedFailed(f"container {self._record['id']} is not running")

    def _linked(self, pod: Object) -> Object:
        if pod["spec"].get("hostNetwork"):
            raise DeedFailed(f"{self._record['id']} uses its node's network: that would hit the node")
        if not pod.get("status", {}).get("podIP"):
            raise DeedFailed(f"pod {self._record['id']} is not running")
        return pod

    def _strain(self, pod: Object, strain: Strain) -> None:
        if strain != Strain():
            self._world.strains.put(self._key, pod["metadata"]["uid"], self._container, strain)

    # Stress

    def _stress(self, pod: Object) -> Strain:
        if self._spec.get("stressngStressors"):
            return _stress_of_command(self._spec["stressngStressors"], self._machine(pod))
        stressors = self._spec.get("stressors") or {}
        cpu, memory = stressors.get("cpu") or {}, stressors.get("memory") or {}
        cores = cpu.get("workers", 0) * cpu.get("load", 100) / 100
        held = _size(memory.get("size", "0"), self._machine(pod)) + _STRESS_OWN if memory else 0.0
        # The kernel kills whoever it holds cheapest: a worker, unless it is told that this one is dear.
        return Strain(cores=cores, memory=held, spared=int(memory.get("oomScoreAdj") or 0) < 0)

    def _machine(self, pod: Object) -> float:
        """Bytes of the node's memory."""
        node = self._world.store.get("Node", "", pod["spec"].get("nodeName", ""))
        return float(value_of(str((node or {}).get("status", {}).get("capacity", {}).get("memory", "0"))))

    # Network

    def _network(self, action: str) -> Strain:
        spec = self._spec
        beyond = sorted({"duplicate", "corrupt", "rate"} & spec.keys() | {"reorder"} & spec.get("delay", {}).keys())
        if beyond or spec.get("externalTargets"):
            raise DeedFailed(f"the sandbox does not have: {', '.join(beyond) or 'externalTargets'}")
        source, direction = self._record["selectorKey"] == ".", spec.get("direction", "to")
        sends = direction in ("both", "to" if source else "from")
        receives = direction in ("both", "from" if source else "to")
        peers = self._peers()
        if action == "partition":
            # What one side does not send or take does not pass: of a conversation nothing is left.
            return Strain(cut=sends or receives, peers=peers)
        if not sends:
            return Strain()
        if action == "bandwidth":
            return Strain(bandwidth=_parsed(rate, spec["bandwidth"]["rate"]), peers=peers)
        delay, loss = spec.get("delay") or {}, spec.get("loss") or {}
        if not delay and not loss:
            raise DeedFailed(f"action {action} needs a delay or a loss")
        return Strain(
            delay=seconds(delay.get("latency", "0s")),
            jitter=seconds(delay.get("jitter", "0s")),
            loss=float(loss.get("loss", 0)) / 100,
            peers=peers,
        )

    def _peers(self) -> frozenset[str]:
        """The uids of the other side; empty where there is none, which means everybody."""
        if not self._spec.get("target"):
            return frozenset()
        other = ".Target" if self._record["selectorKey"] == "." else "."
        found = set()
        for record in self._experiment["status"]["experiment"]["containerRecords"]:
            if record["selectorKey"] == other:
                space, name = record["id"].split("/")[:2]
                pod = self._world.store.get("Pod", space, name)
                if pod is not None:
                    found.add(pod["metadata"]["uid"])
        if not found:
            raise DeedFailed("the other side has no pod")
        return frozenset(found)

    # Disk

    def _disk(self, pod: Object, action: str) -> Strain:
        path = self._spec["volumePath"].rstrip("/") or "/"
        container = next(item for item in pod["spec"]["containers"] if item["name"] == self._container)
        mounts = [mount["mountPath"].rstrip("/") for mount in container.get("volumeMounts") or ()]
        if path not in mounts:
            raise DeedFailed(f"{path} is not where a volume is mounted in {self._record['id']}")
        methods = self._spec.get("methods")
        if methods and not _WRITING & set(methods):
            return Strain()
        where = re.sub(r"(/\*+)+$", "", self._spec.get("path") or path) or path
        share = self._spec.get("percent", 100) / 100
        if action == "latency":
            return Strain(disk_delay=seconds(self._spec.get("delay", "0s")), disk_share=share, volume=where)
        if action == "fault":
            return Strain(disk_error=True, disk_share=share, volume=where)
        raise DeedFailed(f"the sandbox has no I/O action {action}")

    # Pod failure

    def _fail(self, pod: Object) -> None:
        self._world.images |= {PAUSE_IMAGE}
        notes = dict(pod["metadata"].get("annotations") or {})
        containers = []
        for item in pod["spec"]["containers"]:
            key = self._note(item["name"])
            if key not in notes:
                notes[key] = item["image"]
                item = {**item, "image": PAUSE_IMAGE}
            containers.append(item)
        self._write(pod, notes, containers)

    def _mend(self, pod: Object) -> None:
        notes = dict(pod["metadata"].get("annotations") or {})
        containers = []
        for item in pod["spec"]["containers"]:
            kept = notes.pop(self._note(item["name"]), None)
            containers.append({**item, "image": kept} if kept else item)
        self._write(pod, notes, containers)

    def _write(self, pod: Object, notes: Object, containers: list[Object]) -> None:
        meta = {key: value for key, value in pod["metadata"].items() if key != "annotations"}
        if notes:
            meta["annotations"] = notes
        self._world.store.update({**pod, "metadata": meta, "spec": {**pod["spec"], "containers": containers}})

    def _note(self, container: str) -> str:
        """The annotation that remembers a container's own image."""
        key = f"chaos-mesh-{self._experiment['metadata']['name']}-pod-failure-{container}-normal-image"
        return key if len(key) <= _LONGEST_KEY else f"{container}-normal-image"


def _stress_of_command(text: str, machine: float) -> Strain:
    """The strain of a stress-ng command line, as far as it is about processors and memory."""
    words = [part for word in shlex.split(text) for part in word.split("=", 1)]
    given = {word: value for word, value in zip(words, [*words[1:], ""], strict=True) if word.startswith("-")}
    workers = float(given.get("--cpu") or given.get("-c") or 0)
    load = float(given.get("--cpu-load") or given.get("-l") or 100)
    vm = given.get("--vm") or given.get("-m")
    held = _size(given.get("--vm-bytes") or "256MiB", machine) + _STRESS_OWN if vm else 0.0
    if not workers and not held:
        raise DeedFailed("the sandbox has only stress-ng's --cpu and --vm")
    return Strain(cores=workers * load / 100, memory=held)


def _size(text: str, machine: float) -> float:
    return _parsed(lambda value: size(value, machine), text)


def _parsed(parse: Callable[[str], float], text: str) -> float:
    try:
        return parse(text)
    except ValueError as error:
        raise DeedFailed(str(error)) from error
