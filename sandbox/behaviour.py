"""What makes the simulated cluster live: controllers, scheduler and kubelets behind the store."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any

from .clock import Clock
from .controllers.pods import owner_of
from .controllers.world import World
from .nodes import commands, logs, processes, usage
from .nodes.kubelet import Kubelet
from .nodes.machines import Machines
from .nodes.place import place_in
from .shared import Shared
from .store import Store
from .systems.parts import node as machine
from .table import BY_KIND, CONTROLLERS, LISTENERS

Object = dict[str, Any]

_TAKEN_UP = (
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "Service",
    "Namespace",
    "PersistentVolumeClaim",
    "ResourceQuota",
    "PodDisruptionBudget",
    "ControllerRevision",
    "EndpointSlice",
    "Pod",
)
"""The order in which what is there already is taken up; kinds of the table that are not named here come last."""


class Behaviour:
    """Reacts to changes in the store and to the clock. ``system`` says which images can be pulled and how
    many requests a second reach which workload."""

    def __init__(self, store: Store, clock: Clock, rng: random.Random, system: Any) -> None:
        rates = {spec.name: spec.rate for spec in getattr(system, "services", ())}
        self.world = World(store, clock, rng, frozenset(getattr(system, "images", ())), rates)
        self.world.wake = self._wake
        self.kubelet = self.world.kubelet = Kubelet(self.world)
        self.machines = self.world.machines = Machines(self.world)
        self._machines = {
            item["metadata"]["name"]: item.get("status", {})
            for item in getattr(system, "manifests", ())
            if item["kind"] == "Node"
        }
        self._queue: deque[tuple[str, str, str]] = deque()
        self._queued: set[tuple[str, str, str]] = set()
        self._changed_at = 0.0
        self._listen()

    def __getstate__(self) -> Object:
        """Who does what is the same in every cluster."""
        apart = ("_do", "_listeners")
        kept = {key: value for key, value in vars(self).items() if key not in apart}
        return {**kept, "_machines": Shared(self._machines)}

    def __setstate__(self, state: Object) -> None:
        vars(self).update(state)
        self._listen()

    def _listen(self) -> None:
        self._do: dict[str, Callable[[World, str, str], None]] = {item.name: item.reconcile for item in CONTROLLERS}
        self._do["kubelet"] = lambda world, namespace, key: self.kubelet.sync("kubelet", namespace, key)
        self._listeners = tuple(listener(self.world, self.kubelet) for listener in LISTENERS)

    def start(self) -> None:
        """Takes up everything that is there already and listens from then on."""
        self.world.store.subscribe(self._on_change)
        for kind in dict.fromkeys((*_TAKEN_UP, *BY_KIND)):
            for item in self.world.store.list(kind) if kind in self.world.store.registry.stored else ():
                self._on_change("ADDED", None, item)

    def mute_events_until(self, seconds: float) -> None:
        """Events before that virtual second would have expired when somebody looks: they are not made."""
        self.world.recorder.muted_until = seconds

    # What the API server asks of the nodes

    def logs(
        self, namespace: str, pod: str, container: str, previous: bool = False, tail: int | None = None
    ) -> str | None:
        """A container's log, or None when there is none."""
        run = self._run(namespace, pod)
        if run is None:
            return None
        return logs.lines(self.world, self.kubelet.network, run, container, previous, tail, self._changed_at)

    def proxy(self, kind: str, namespace: str, name: str, port: str, path: str) -> tuple[int, float, str]:
        """A request through the API server's proxy: (HTTP status, seconds, body)."""
        return self.kubelet.network.proxy(kind, namespace, name, port, path)

    def usage(self, namespace: str) -> dict[tuple[str, str], tuple[float, float]]:
        """(pod, container) -> (cores, bytes)."""
        return usage.of_namespace(self.world, self.machines.heard(), namespace)

    def node_usage(self) -> dict[str, tuple[float, float]]:
        """node -> (cores, bytes)."""
        used = usage.of_nodes(self.world, self.machines.heard())
        return {name: amounts for name, amounts in used.items() if self.machines.reports(name)}

    def process(
        self, namespace: str, pod: str, container: str, argv: list[str], reads: bool, tty: bool
    ) -> processes.Process | None:
        """A command in a running container, to talk with; None where that does not run. Raises CannotStart."""
        run, item = self._container(namespace, pod, container)
        return processes.begin(place_in(self.world, run, item), argv, reads, tty) if item else None

    def first_process(self, namespace: str, pod: str, container: str) -> processes.Process | None:
        """What a container runs, where that reads its standard input; None where it does not."""
        run, item = self._container(namespace, pod, container)
        if not item or not item.spec.get("stdin") or item.command not in commands.SHELLS:
            return None
        place = place_in(self.world, run, item)
        return processes.begin(place, [item.command], True, bool(item.spec.get("tty")))

    def is_running(self, namespace: str, pod: str, container: str) -> bool:
        return self._container(namespace, pod, container)[1] is not None

    def refuses(self, namespace: str, pod: str, port: int) -> str:
        """Why no connection can be forwarded to a Pod's port, as its node says; "" when it can."""
        run = self._run(namespace, pod)
        if run is None or not any(item.running for item in run.every):
            return f"error forwarding port {port} to pod {pod}, uid : pod is not running"
        if self.kubelet.network.listener(run, port):
            return ""
        space = f"/var/run/netns/cni-{run.uid}"
        failed = f"failed to execute portforward in network namespace {space!r}".replace("'", '"')
        dialled = f"dial tcp4 127.0.0.1:{port}: connect: connection refused IPv6 dial tcp6 [::1]:{port}: connect: "
        why = f'failed to connect to localhost:{port} inside namespace "{run.uid}", IPv4: {dialled}connection refused'
        return f"error forwarding port {port} to pod {run.uid}, uid : {failed}: {why}"

    def ask(self, namespace: str, pod: str, port: int, path: str) -> tuple[int, float, str]:
        """A request on a forwarded connection: (HTTP status, seconds, body)."""
        run = self._run(namespace, pod)
        if run is None:
            return 502, 0.0, ""
        answer = self.kubelet.network.ask_pod(run, port, path)
        return answer.status or 502, answer.seconds, answer.body

    def date(self) -> str:
        """Now, as HTTP has it."""
        return format_datetime(self.world.clock.now, usegmt=True)

    def end_container(self, namespace: str, pod: str, container: str, exit_code: int, reason: str = "Error") -> None:
        """Lets a running program end, as a crash or an OOM kill would."""
        run = self._run(namespace, pod)
        item = run.container(container) if run else None
        if run is not None and item is not None and item.running:
            self.kubelet.restart(run, item, exit_code, reason)

    def seen(self, kind: str, *, watched: bool = False) -> None:
        """Somebody is about to read objects of a kind: what nodes report of themselves is written by then."""
        if kind in ("Node", "Lease"):
            self.machines.catch_up(kind)
            if watched:
                self.machines.attend(kind)

    def unreachable(self, node: str) -> str:
        """Why a node's kubelet cannot be asked, as the API server's dialler says; "" when it can."""
        if self.machines.reports(node):
            return ""
        found = self.world.store.get("Node", "", node) or {}
        addresses = found.get("status", {}).get("addresses", ())
        host = next((item["address"] for item in addresses if item["type"] == "InternalIP"), node)
        why = "no route to host" if self.machines.is_off(node) else "connection refused"
        return f"dial tcp {host}:10250: connect: {why}"

    def _container(self, namespace: str, pod: str, container: str) -> tuple[Any, Any]:
        """A container that runs, with its Pod; (None, None) where it does not."""
        run = self._run(namespace, pod)
        item = run.container(container) if run else None
        return (run, item) if item is not None and item.running else (None, None)

    def _run(self, namespace: str, pod: str) -> Any:
        found = self.world.store.get("Pod", namespace, pod)
        return self.kubelet.runs.get(found["metadata"]["uid"]) if found else None

    # What changes lead to

    def _on_change(self, type_: str, old: Object | None, new: Object | None) -> None:
        item = new or old
        if item is None:
            return
        self.world.keep_family(type_, item)
        kind, meta = item["kind"], item["metadata"]
        if kind == "Event":  # nothing follows from what was told
            return
        space, name = meta.get("namespace", ""), meta["name"]
        if type_ == "DELETED":
            if kind == "Pod":
                self.kubelet.forget(meta["uid"])
            elif kind == "Node":
                self.machines.leave(item)
        for controller in BY_KIND.get(kind, ()):
            if type_ != "DELETED" or controller.gone:
                self._wake(controller.name, space, name)
        if type_ != "MODIFIED" and kind != "Pod":
            self._wake_all(("ResourceQuota",), space)
        if kind == "Pod":
            self._pod_changed(type_, old, item)
        elif kind in ("ReplicaSet", "Job"):
            self._wake_owner(item)
        elif kind in ("ConfigMap", "Secret"):
            self.kubelet.reference_changed(kind, space, name)
        elif kind == "Node" and type_ != "DELETED" and not item.get("status", {}).get("allocatable"):
            self._register(item)
        elif kind == "Node" and _placement_of(old) != _placement_of(new if type_ != "DELETED" else None):
            self._wake_pending()
            self._wake_all(("DaemonSet",), None)
        elif kind in ("PersistentVolume", "StorageClass"):
            self._wake_all(("PersistentVolumeClaim",), None)
        elif kind == "PersistentVolumeClaim":
            self._wake_pending()
        elif kind == "EndpointSlice":
            self._changed_at = self.world.clock.elapsed
        for listener in self._listeners:
            listener(type_, old, new)

    def _register(self, node: Object) -> None:
        """The kubelet of a new Node tells what machine it is on."""
        name = node["metadata"]["name"]
        number = len(self.world.store.list("Node"))
        status = self._machines.get(name) or machine(name, f"10.20.0.{number}", 4, 8192)["status"]
        now = self.world.clock.stamp()
        conditions = [{**item, "lastHeartbeatTime": now, "lastTransitionTime": now} for item in status["conditions"]]
        node = self.world.put_status(node, {**status, "conditions": conditions})
        self.machines.join(node)

    def _pod_changed(self, type_: str, old: Object | None, pod: Object) -> None:
        meta = pod["metadata"]
        space = meta["namespace"]
        self._wake_owner(pod)
        gone = type_ == "DELETED"
        if not gone:
            self._wake("kubelet" if pod["spec"].get("nodeName") else "scheduler", space, meta["name"])
        placed = old is not None and old["spec"].get("nodeName") == pod["spec"].get("nodeName")
        if gone or not placed or _has_ended(pod) != _has_ended(old):
            self._wake_all(("ResourceQuota",), space)
        self._wake_all(("PodDisruptionBudget",), space)
        if gone:
            self._wake_pending()
        labels = meta.get("labels", {}).items()
        before = (old or {}).get("metadata", {}).get("labels", {}).items()
        for service in self.world.store.list("Service", space):
            selector = (service["spec"].get("selector") or {}).items()
            if selector and (selector <= labels or selector <= before):
                self._wake("endpoints", space, service["metadata"]["name"])

    def _wake_owner(self, item: Object) -> None:
        ref = owner_of(item)
        if ref is not None:
            for controller in BY_KIND.get(ref["kind"], ()):
                self._wake(controller.name, item["metadata"]["namespace"], ref["name"])
        if item["kind"] == "Pod" and ref is not None and ref["kind"] == "ReplicaSet":
            middle = self.world.store.get("ReplicaSet", item["metadata"]["namespace"], ref["name"])
            if middle is not None:
                self._wake_owner(middle)

    def _wake_all(self, kinds: tuple[str, ...], namespace: str | None) -> None:
        for kind in kinds:
            for item in self.world.store.list(kind, namespace):
                for controller in BY_KIND[kind]:
                    self._wake(controller.name, item["metadata"]["namespace"], item["metadata"]["name"])

    def _wake_pending(self) -> None:
        for pod in self.world.store.list("Pod"):
            if not pod["spec"].get("nodeName") and "deletionTimestamp" not in pod["metadata"]:
                self._wake("scheduler", pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _wake(self, controller: str, namespace: str, name: str) -> None:
        key = (controller, namespace, name)
        if key in self._queued:
            return
        self._queued.add(key)
        self._queue.append(key)
        if len(self._queue) == 1:
            self.world.clock.after(0.0, self._drain)

    def _drain(self) -> None:
        while self._queue:
            key = self._queue[0]
            self._queued.discard(key)
            self._do[key[0]](self.world, key[1], key[2])
            self._queue.popleft()


def _has_ended(pod: Object | None) -> bool:
    return (pod or {}).get("status", {}).get("phase") in ("Succeeded", "Failed")


def _placement_of(node: Object | None) -> tuple[object, ...]:
    """What of a node decides where Pods can go."""
    if node is None:
        return ()
    spec = node["spec"]
    taints = [taint for taint in spec.get("taints") or () if taint["key"] != "node.kubernetes.io/unschedulable"]
    return (
        spec.get("unschedulable"),
        taints,
        node["metadata"].get("labels"),
        node.get("status", {}).get("allocatable"),
    )
