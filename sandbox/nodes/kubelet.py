"""The kubelets: they take bound Pods up, see to it that their containers run, and end them.

Nothing ticks: each step plans the next moment at which something can change, and what nobody could see
in between is not simulated.
"""

from __future__ import annotations

from typing import Any

from ..controllers.pods import owner_of
from ..controllers.world import World
from .containers import Containers
from .hooks import before_stop
from .names import asks_cluster
from .network import Network
from .pod_status import ended_status
from .pressure import Pressure
from .references import MissingReference, check_volumes, environment, names_used
from .reporting import Reporting
from .run import ContainerRun, PodRun
from .usage import overfills

Object = dict[str, Any]

_DEAF = ("sleep", "tail")  # as the first process of a container they do not hear SIGTERM
_MOUNT_RENEWED = 60.0  # seconds until files from a ConfigMap are as it is now
_RELOADED = 30.0  # seconds between two looks of CoreDNS at its file
_FILLING = 1.0  # seconds until memory stress has filled what there is
_RETRY_REFERENCE = 1.0  # after the missing thing appeared


class Kubelet:
    """All nodes' kubelets. ``runs``: Pod uid -> PodRun."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.runs: dict[str, PodRun] = {}
        self.network = Network(world, self.runs)
        self._tell = Reporting(world, self.runs)
        self.containers = Containers(world, self.network, self._tell, self._moved)
        self._pressure = Pressure(world, self.runs, self._tell)
        self.world.strains.changed = self._strained
        self._addresses: dict[str, int] = {}
        self._admissions = 0

    def sync(self, _controller: str, namespace: str, name: str) -> None:
        """Looks at one Pod: begins it when it is newly bound, ends it when it is to go."""
        pod = self.world.store.get("Pod", namespace, name)
        if pod is None or not pod["spec"].get("nodeName"):
            return
        if not self.world.machines.reports(pod["spec"]["nodeName"]):
            return
        run = self.runs.get(pod["metadata"]["uid"])
        if "deletionTimestamp" in pod["metadata"]:
            if run is None:
                self.world.store.delete("Pod", namespace, name, 0)
            elif not run.leaving:
                self._stop(run, pod)
        elif run is None:
            if pod.get("status", {}).get("phase") == "Failed":
                return  # evicted: it is over
            if _has_run(pod):
                self._adopt(pod)
            else:
                self._begin(pod)
        else:
            self._respecify(run, pod)

    def forget(self, uid: str) -> None:
        """The Pod is gone from the API."""
        self.world.strains.forget(uid)
        run = self.runs.pop(uid, None)
        if run is not None:
            self.network.forget(run)
            for item in run.every:
                item.turn += 1

    def reference_changed(self, kind: str, namespace: str, name: str) -> None:
        """A ConfigMap or Secret changed: containers and mounts that wait for it try again."""
        for run in list(self.runs.values()):
            if run.namespace != namespace or run.leaving:
                continue
            pod = self._tell.pod(run)
            if pod is None or (kind, name) not in names_used(pod):
                continue
            if not run.mounted:
                self.world.clock.after(_RETRY_REFERENCE, lambda run=run: self._mount(run))  # type: ignore[misc]
                continue
            for item in run.every:
                if item.state.get("waiting", {}).get("reason") == "CreateContainerConfigError":
                    self._tell.later(run, item, _RETRY_REFERENCE, self.containers.create)
                elif item.dns is not None and "reload" in item.dns.plugins:
                    self._tell.later(run, item, _MOUNT_RENEWED + _RELOADED, self.containers.reload)

    def restart(self, run: PodRun, item: ContainerRun, exit_code: int, reason: str) -> None:
        """Ends a running container as if its program had; it starts again as the restart policy says."""
        self.containers.restart(run, item, exit_code, reason)

    def resume(self, node: str, *, rebooted: bool) -> None:
        """A node's kubelet is back: it ends and begins what it has missed and takes up the containers it finds,
        or after a reboot starts them anew."""
        for pod in self.world.store.list("Pod"):
            if pod["spec"].get("nodeName") != node:
                continue
            run = self.runs.get(pod["metadata"]["uid"])
            if run is None or ("deletionTimestamp" in pod["metadata"] and not run.leaving):
                self.sync("kubelet", pod["metadata"]["namespace"], pod["metadata"]["name"])
        for run in [run for run in self.runs.values() if run.node == node]:
            there = self._tell.pod(run)
            if there is None:
                self.forget(run.uid)
            elif run.leaving:
                self.world.clock.after(0.1, lambda run=run: self._gone(run))  # type: ignore[misc]
            elif not run.mounted:
                self._mount(run)
            else:
                self._take_up(run, there, rebooted)

    def _take_up(self, run: PodRun, pod: Object, rebooted: bool) -> None:
        if rebooted:
            text = "Pod sandbox changed, it will be killed and re-created."
            self._tell.event(pod, run, "Normal", "SandboxChanged", text)
        if rebooted and run.inits:
            for item in run.every:
                item.begun = item.done = False
            for item in run.every:
                if item.running:
                    self.restart(run, item, 255, "Unknown")
                    item.turn += 1
            self._start_next(run)
        else:
            for item in run.every:
                if item.running and rebooted:
                    self.restart(run, item, 255, "Unknown")
                elif item.running:
                    self.containers.prober.begin(run, item)
                elif "waiting" in item.state and item.begun:
                    self.containers.pull(run, item)
        self._tell.publish(run)

    def _strained(self, uid: str, container: str) -> None:
        """Somebody put a strain on the Pod or took one away."""
        self.network.felt_at = self.world.clock.elapsed
        run = self.runs.get(uid)
        if run is None or run.leaving or not self.world.machines.reports(run.node):
            return
        for item in run.every:
            if container in ("", item.name) and item.running:
                self.network.disks.begin(run, item)
                if overfills(self.world, run, item):
                    self._tell.later(run, item, _FILLING, lambda run, item: self.restart(run, item, 137, "OOMKilled"))
        self.containers.prober.look_again(run)
        if any(self.world.strains.of_container(uid, item.name).memory for item in run.every):
            self._pressure.watch(run.node)

    def _respecify(self, run: PodRun, pod: Object) -> None:
        """The image of a container can be changed while it runs: it starts anew with it, and what it owed for crashes
        is forgotten. Its resources change as it goes on, and ephemeral containers join."""
        self._join(run, pod)
        for spec in pod["spec"]["containers"]:
            item = run.container(spec["name"])
            if item is not None and item.spec.get("resources") != spec.get("resources"):
                item.spec = {**item.spec, "resources": spec.get("resources") or {}}
                self._tell.publish(run)
            if item is None or item.spec["image"] == spec["image"]:
                continue
            item.spec, item.crash_wait, item.pull_wait, item.image_present = spec, 0.0, 0.0, False
            if not run.mounted or run.leaving or not item.begun:
                continue
            if item.running:
                text = f"Container {item.name} definition changed, will be restarted"
                self._tell.event(pod, run, "Normal", "Killing", text, item)
                heeds = item.listens_at <= self.world.clock.elapsed or item.command == "visit"
                self.restart(run, item, 0 if heeds else 137, "Completed" if heeds else "Error")
            else:
                item.turn += 1
                self._tell.later(run, item, 0.5, self.containers.again_or_first)

    def _join(self, run: PodRun, pod: Object) -> None:
        """Starts ephemeral containers that are new, once the Pod has its volumes."""
        for spec in pod["spec"].get("ephemeralContainers") or ():
            if run.mounted and not run.leaving and run.container(spec["name"]) is None:
                item = ContainerRun(spec, late=True, begun=True)
                run.late.append(item)
                self._tell.publish(run)
                self.containers.pull(run, item)

    # Begin and end of a Pod

    def _begin(self, pod: Object) -> None:
        run = self._admitted(pod, "")
        self._tell.publish(run)
        self._mount(run)

    def _adopt(self, pod: Object) -> None:
        """Takes up a Pod that has run already, as a kubelet does that was away: nothing happens to it."""
        run = self._admitted(pod, pod["status"]["podIP"])
        run.mounted, run.start_stamp = True, pod["status"].get("startTime", run.start_stamp)
        run.host_ip = pod["status"].get("hostIP", run.host_ip)
        now = self.world.clock.elapsed
        for item in run.containers:
            status = next(there for there in pod["status"]["containerStatuses"] if there["name"] == item.name)
            item.state, item.last, item.restarts = (
                status["state"],
                status.get("lastState") or {},
                status["restartCount"],
            )
            item.begun = True
            item.ready, item.started, item.image_present = status["ready"], status.get("started", True), True
            item.container_id, item.started_at, item.listens_at = status.get("containerID", ""), now, now
            life = self.containers.imitated(pod, item, environment(self.world, pod, item.spec))
            item.settings, item.command, item.dns = life.settings, life.command, life.dns
            item.log = [(item.state["running"]["startedAt"], level, text) for level, text in life.log]
            self.containers.present.add((run.node, str(item.spec["image"])))
        self.network.admit(run)

    def _admitted(self, pod: Object, address: str) -> PodRun:
        """The run of a Pod that is new to its node. ``address``: where it has one already."""
        meta, node = pod["metadata"], pod["spec"]["nodeName"]
        host = self.world.store.get("Node", "", node)
        host_ip = next(
            (
                item["address"]
                for item in (host or {}).get("status", {}).get("addresses", ())
                if item["type"] == "InternalIP"
            ),
            "",
        )
        run = PodRun(
            meta["namespace"],
            meta["name"],
            meta["uid"],
            node,
            host_ip,
            address or self._address(node),
            self._workload(pod),
            [ContainerRun(spec) for spec in pod["spec"]["containers"]],
            self.world.clock.stamp(),
            inits=[ContainerRun(spec, init=True) for spec in pod["spec"].get("initContainers") or ()],
            asks_cluster=asks_cluster(pod["spec"]),
            number=self._admissions,
        )
        self._admissions += 1
        self.runs[run.uid] = run
        return run

    def _mount(self, run: PodRun) -> None:
        pod = self._tell.pod(run)
        if pod is None or run.mounted or run.leaving:
            return
        try:
            check_volumes(self.world, pod)
        except MissingReference as missing:
            self._tell.event(pod, run, "Warning", "FailedMount", str(missing))
            return
        run.mounted = True
        self.network.admit(run)
        self._start_next(run)

    def _start_next(self, run: PodRun) -> None:
        """Init containers start one after the other, each when the one before has done its work (or, when it is to go
        on, has started); then all others at once."""
        for item in run.inits:
            if not item.done:
                if not item.begun:
                    item.begun = True
                    self.containers.pull(run, item)
                return
        for item in run.containers:
            if not item.begun:
                item.begun = True
                self.containers.pull(run, item)

    def _moved(self, run: PodRun, item: ContainerRun) -> None:
        """A container has started, or ended as it was meant to."""
        if item.init and not item.done and item.finished:
            item.done = True
            self._start_next(run)

    def _stop(self, run: PodRun, pod: Object) -> None:
        run.leaving = True
        self._tell.publish(run)
        pod = self._tell.pod(run) or pod
        seconds = 0.1
        for item in run.every:
            item.turn += 1
            if item.running:
                self._tell.event(pod, run, "Normal", "Killing", f"Stopping container {item.name}", item)
                grace = float(pod["spec"].get("terminationGracePeriodSeconds", 30))
                heeds = item.settings or item.command not in ("", *_DEAF)
                hook = before_stop(item.spec, grace)
                seconds = max(seconds, min(grace, hook + 1.0) if heeds else grace)
        self.world.clock.after(seconds, lambda: self._gone(run))

    def _silence(self, run: PodRun, status: Object) -> None:
        """Its containers have ended, but the Pod stays in the API until somebody takes its last finalizer away."""
        ends = {there["name"]: there["state"] for there in status.get("containerStatuses") or ()}
        for item in run.every:
            item.state, item.ready, item.started = ends.get(item.name, item.state), False, False
            item.settings, item.command, item.dns, item.listens_at = None, "", None, float("inf")
        self.network.forget(run)

    def _gone(self, run: PodRun) -> None:
        pod = self._tell.pod(run)
        if pod is not None and self.world.machines.reports(run.node):
            last = ended_status(run, pod, self.world.clock.stamp())
            if pod["metadata"].get("finalizers"):
                self._silence(run, last)
                self.world.put_status(pod, last)
            self.world.store.delete("Pod", run.namespace, run.name, 0, last)

    # Small things

    def _address(self, node: str) -> str:
        self._addresses.setdefault(node, 1)
        self._addresses[node] += 1
        number, block = self._addresses[node], sorted(self._addresses).index(node)
        names = [item["metadata"]["name"] for item in self.world.store.list("Node")]
        block = names.index(node) if node in names else block
        return f"10.244.{block + 16 * (number // 250)}.{number % 250 + 2}"

    def _workload(self, pod: Object) -> str:
        ref = owner_of(pod)
        if ref is not None and ref["kind"] == "ReplicaSet":
            middle = self.world.store.get("ReplicaSet", pod["metadata"]["namespace"], ref["name"])
            ref = (owner_of(middle) if middle else None) or ref
        return str(ref["name"]) if ref else str(pod["metadata"]["name"])


def _has_run(pod: Object) -> bool:
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    return bool(statuses) and all("running" in status["state"] and status.get("containerID") for status in statuses)
