"""The kubelets: they pull, start, probe, restart and stop the containers of bound Pods.

Nothing ticks: each step plans the next moment at which something can change, and what nobody could see
in between is not simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..controllers.pods import owner_of
from ..controllers.world import World
from .images import pull_error
from .imitation import Life, coredns, live, runs_coredns
from .network import Network
from .pod_status import ended_status, pod_status
from .probes import Prober
from .references import MissingReference, check_volumes, environment, folders, mounts, names_used, text_at
from .run import ContainerRun, PodRun
from .usage import overfills

Object = dict[str, Any]

_FIRST_CRASH_WAIT = 10.0
_LONGEST_WAIT = 300.0
_FORGIVEN_AFTER = 600.0  # seconds that a container must run for its crashes to be forgotten
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
        self.prober = Prober(
            world, self.network, ready=self._set_ready, alive=self._killed_by_probe, started=self._set_started
        )
        self.world.strains.changed = self._strained
        self._present: set[tuple[str, str]] = set()
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
            for item in run.containers:
                item.turn += 1

    def reference_changed(self, kind: str, namespace: str, name: str) -> None:
        """A ConfigMap or Secret changed: containers and mounts that wait for it try again."""
        for run in list(self.runs.values()):
            if run.namespace != namespace or run.leaving:
                continue
            pod = self._pod(run)
            if pod is None or (kind, name) not in names_used(pod):
                continue
            if not run.mounted:
                self.world.clock.after(_RETRY_REFERENCE, lambda run=run: self._mount(run))  # type: ignore[misc]
                continue
            for item in run.containers:
                if item.state.get("waiting", {}).get("reason") == "CreateContainerConfigError":
                    self._later(run, item, _RETRY_REFERENCE, self._create)
                elif item.dns is not None and "reload" in item.dns.plugins:
                    self._later(run, item, _MOUNT_RENEWED + _RELOADED, self._reload)

    def restart(self, run: PodRun, item: ContainerRun, exit_code: int, reason: str) -> None:
        """Ends a running container as if its program had; it starts again as the restart policy says."""
        item.turn += 1
        self._ended(run, item, exit_code, reason)

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
            there = self._pod(run)
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
            self._event(pod, run, "Normal", "SandboxChanged", text)
        for item in run.containers:
            if item.running and rebooted:
                self.restart(run, item, 255, "Unknown")
            elif item.running:
                self.prober.begin(run, item)
            elif "waiting" in item.state:
                self._pull(run, item)
        self._publish(run)

    def _strained(self, uid: str, container: str) -> None:
        """Somebody put a strain on the Pod or took one away."""
        self.network.felt_at = self.world.clock.elapsed
        run = self.runs.get(uid)
        if run is None or run.leaving or not self.world.machines.reports(run.node):
            return
        for item in run.containers:
            if container in ("", item.name) and item.running:
                self.network.disks.begin(run, item)
                if overfills(self.world, run, item):
                    self._later(run, item, _FILLING, lambda run, item: self.restart(run, item, 137, "OOMKilled"))
        self.prober.look_again(run)

    def _respecify(self, run: PodRun, pod: Object) -> None:
        """The image of a container is the one thing in it that can be changed while it runs: it starts anew with it,
        and what it owed for crashes is forgotten."""
        for spec in pod["spec"]["containers"]:
            item = run.container(spec["name"])
            if item is None or item.spec["image"] == spec["image"]:
                continue
            item.spec, item.crash_wait, item.pull_wait, item.image_present = spec, 0.0, 0.0, False
            if not run.mounted or run.leaving:
                continue
            if item.running:
                text = f"Container {item.name} definition changed, will be restarted"
                self._event(pod, run, "Normal", "Killing", text, item)
                heeds = item.listens_at <= self.world.clock.elapsed or item.command == "visit"
                self.restart(run, item, 0 if heeds else 137, "Completed" if heeds else "Error")
            else:
                item.turn += 1
                self._later(run, item, 0.5, self._again_or_first)

    # Begin and end of a Pod

    def _begin(self, pod: Object) -> None:
        run = self._admitted(pod, "")
        self._publish(run)
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
            item.ready, item.started, item.image_present = status["ready"], status.get("started", True), True
            item.container_id, item.started_at, item.listens_at = status.get("containerID", ""), now, now
            life = self._imitated(pod, item, environment(self.world, pod, item.spec))
            item.settings, item.command, item.dns = life.settings, life.command, life.dns
            item.log = [(item.state["running"]["startedAt"], level, text) for level, text in life.log]
            self._present.add((run.node, str(item.spec["image"])))
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
            number=self._admissions,
        )
        self._admissions += 1
        self.runs[run.uid] = run
        return run

    def _mount(self, run: PodRun) -> None:
        pod = self._pod(run)
        if pod is None or run.mounted or run.leaving:
            return
        try:
            check_volumes(self.world, pod)
        except MissingReference as missing:
            self._event(pod, run, "Warning", "FailedMount", str(missing))
            return
        run.mounted = True
        self.network.admit(run)
        for item in run.containers:
            self._pull(run, item)

    def _stop(self, run: PodRun, pod: Object) -> None:
        run.leaving = True
        self._publish(run)
        pod = self._pod(run) or pod
        seconds = 0.1
        for item in run.containers:
            item.turn += 1
            if item.running:
                self._event(pod, run, "Normal", "Killing", f"Stopping container {item.name}", item)
                grace = float(pod["spec"].get("terminationGracePeriodSeconds", 30))
                heeds = item.settings or item.command not in ("", *_DEAF)
                seconds = max(seconds, 1.0 if heeds else grace)
        self.world.clock.after(seconds, lambda: self._gone(run))

    def _gone(self, run: PodRun) -> None:
        pod = self._pod(run)
        if pod is not None and self.world.machines.reports(run.node):
            last = ended_status(run, pod, self.world.clock.stamp())
            self.world.store.delete("Pod", run.namespace, run.name, 0, last)

    # One container, from image to running

    def _pull(self, run: PodRun, item: ContainerRun) -> None:
        pod, image = self._pod(run), str(item.spec["image"])
        if pod is None:
            return
        known = image in self.world.images or image.removesuffix(":latest") in self.world.images
        if known and (run.node, image) in self._present and item.spec.get("imagePullPolicy") != "Always":
            self._event(pod, run, "Normal", "Pulled", f'Container image "{image}" already present on machine', item)
            item.image_present = True
            self._later(run, item, 0.2, self._create)
            return
        self._event(pod, run, "Normal", "Pulling", f'Pulling image "{image}"', item)
        seconds = round(self.world.rng.uniform(0.6, 2.4), 3)
        self._later(run, item, seconds, lambda run, item: self._pulled(run, item, known, seconds))

    def _pulled(self, run: PodRun, item: ContainerRun, known: bool, seconds: float) -> None:
        pod, image = self._pod(run), str(item.spec["image"])
        if pod is None:
            return
        if known:
            size = 20_000_000 + sum(image.encode()) * 7919 % 90_000_000
            self._event(
                pod,
                run,
                "Normal",
                "Pulled",
                f'Successfully pulled image "{image}" in {seconds}s ({seconds}s including waiting). '
                f"Image size: {size} bytes.",
                item,
            )
            self._present.add((run.node, image))
            item.image_present, item.pull_wait = True, 0.0
            self._create(run, item)
            return
        why = pull_error(image, self.world.images)
        self._event(pod, run, "Warning", "Failed", f'Failed to pull image "{image}": {why}', item)
        self._event(pod, run, "Warning", "Failed", "Error: ErrImagePull", item)
        item.state = {"waiting": {"reason": "ErrImagePull", "message": why}}
        self._publish(run)
        self._later(
            run, item, 5.0 + self.world.rng.uniform(0, 8), lambda run, item: self._pull_back_off(run, item, why)
        )

    def _pull_back_off(self, run: PodRun, item: ContainerRun, why: str) -> None:
        pod, image = self._pod(run), str(item.spec["image"])
        if pod is None:
            return
        item.pull_wait = min(_LONGEST_WAIT, item.pull_wait * 2 or 10.0)
        self._event(pod, run, "Normal", "BackOff", f'Back-off pulling image "{image}"', item)
        self._event(pod, run, "Warning", "Failed", "Error: ImagePullBackOff", item)
        item.state = {
            "waiting": {
                "reason": "ImagePullBackOff",
                "message": f'Back-off pulling image "{image}": ErrImagePull: {why}',
            }
        }
        self._publish(run)
        self._later(run, item, item.pull_wait, self._pull)

    def _create(self, run: PodRun, item: ContainerRun) -> None:
        pod = self._pod(run)
        if pod is None:
            return
        try:
            variables = environment(self.world, pod, item.spec)
        except MissingReference as missing:
            self._event(pod, run, "Warning", "Failed", f"Error: {missing}", item)
            item.state = {"waiting": {"reason": "CreateContainerConfigError", "message": str(missing)}}
            self._publish(run)
            return
        life = self._imitated(pod, item, variables)
        self._event(pod, run, "Normal", "Created", f"Created container: {item.name}", item)
        if life.refusal:
            self._refused(run, item, pod, life)
        else:
            self._run(run, item, pod, life)

    def _imitated(self, pod: Object, item: ContainerRun, variables: dict[str, str]) -> Life:
        argv, image = [*(item.spec.get("command") or ()), *(item.spec.get("args") or ())], str(item.spec["image"])
        if runs_coredns(argv, image):
            return coredns(argv, lambda path: text_at(self.world, pod, item.spec, path))
        files = mounts(self.world, pod, item.spec)
        return live(argv, variables, files, item.limits, image, folders(pod, item.spec))

    def _reload(self, run: PodRun, item: ContainerRun) -> None:
        """A CoreDNS that looks at its file now and then takes up what it can read, and keeps what it had otherwise."""
        pod = self._pod(run)
        if pod is None or item.dns is None:
            return
        life, now = self._imitated(pod, item, {}), self.world.clock.stamp()
        if life.dns is None:
            item.log += [(now, "", f"[ERROR] Restart failed: {text}") for _, text in life.log]
        elif life.dns != item.dns:
            item.dns = life.dns
            item.log += [(now, "", "[INFO] Reloading"), (now, "", "[INFO] Reloading complete")]

    def _refused(self, run: PodRun, item: ContainerRun, pod: Object, life: Life) -> None:
        self._event(pod, run, "Warning", "Failed", f"Error: {life.refusal}", item)
        item.container_id = self._container_id()
        ended = self._terminated(item, 128, "StartError", "1970-01-01T00:00:00Z")
        ended["message"] = life.refusal
        item.log = []
        self._next_life(run, item, ended)

    def _run(self, run: PodRun, item: ContainerRun, pod: Object, life: Life) -> None:
        item.turn += 1
        now = self.world.clock
        item.container_id = self._container_id()
        item.state = {"running": {"startedAt": now.stamp()}}
        item.started_at, item.listens_at = now.elapsed, float("inf")
        item.settings, item.command, item.dns, item.requests = life.settings, life.command, life.dns, 0
        item.log = [(now.stamp(), level, text) for level, text in life.log]
        self._event(pod, run, "Normal", "Started", f"Started container {item.name}", item)
        if life.exit_code is not None:
            code = life.exit_code
            item.started = item.ready = not item.spec.get("readinessProbe") and not item.spec.get("startupProbe")
            self._later(run, item, life.seconds, lambda run, item: self._ended(run, item, code, life.reason))
            self._publish(run)
            return
        if life.command == "serve" and life.settings is not None:
            item.listens_at = now.elapsed + life.seconds
            self._later(run, item, life.seconds, self._listening)
        elif life.dns is not None:
            item.listens_at = now.elapsed + life.seconds
        self.prober.begin(run, item)
        self._publish(run)

    def _listening(self, run: PodRun, item: ContainerRun) -> None:
        if item.settings is not None:
            item.log.append((self.world.clock.stamp(), "INFO", f"listening on :{item.settings.port}"))

    # Ends and restarts

    def _ended(self, run: PodRun, item: ContainerRun, exit_code: int, reason: str) -> None:
        started = item.state.get("running", {}).get("startedAt", self.world.clock.stamp())
        if self.world.clock.elapsed - item.started_at > _FORGIVEN_AFTER:
            item.crash_wait = 0.0
        self._next_life(run, item, self._terminated(item, exit_code, reason, started))

    def _terminated(self, item: ContainerRun, exit_code: int, reason: str, started: str) -> Object:
        return {
            "exitCode": exit_code,
            "reason": reason,
            "startedAt": started,
            "finishedAt": self.world.clock.stamp(),
            "containerID": item.container_id,
        }

    def _next_life(self, run: PodRun, item: ContainerRun, ended: Object) -> None:
        pod = self._pod(run)
        if pod is None:
            return
        item.started = item.ready = False
        item.settings, item.command, item.dns, item.listens_at = None, "", None, float("inf")
        self.world.strains.restarted(run.uid, item.name)
        policy = pod["spec"].get("restartPolicy", "Always")
        if policy == "Never" or (policy == "OnFailure" and ended["exitCode"] == 0):
            item.state = {"terminated": ended}
            self._publish(run)
            return
        item.last = {"terminated": ended}
        item.previous_log = item.log
        wait, item.crash_wait = item.crash_wait, min(_LONGEST_WAIT, item.crash_wait * 2 or _FIRST_CRASH_WAIT)
        if not wait:  # the first restart is at once
            item.state = {"terminated": ended}
            item.last = {}
            self._publish(run)
            self._later(run, item, 1.0, lambda run, item: self._again(run, item, ended))
            return
        pause = wait + self.world.rng.uniform(0, 12)  # the kubelet looks every ten seconds or so
        who = f"{item.name} pod={run.name}_{run.namespace}({run.uid})"
        item.state = {
            "waiting": {
                "reason": "CrashLoopBackOff",
                "message": f"back-off {_length(wait)} restarting failed container={who}",
            }
        }
        self._event(
            pod,
            run,
            "Warning",
            "BackOff",
            f"Back-off restarting failed container {item.name} in pod {run.name}_{run.namespace}({run.uid})",
            item,
            int(pause // 12) + 1,
        )
        self._publish(run)
        self._later(run, item, pause, lambda run, item: self._again(run, item, ended))

    def _again_or_first(self, run: PodRun, item: ContainerRun) -> None:
        """As fits a container whose image was changed: one that has run before counts this as a restart."""
        ended = item.state.get("terminated") or item.last.get("terminated")
        if ended:
            self._again(run, item, ended)
        else:
            self._pull(run, item)

    def _again(self, run: PodRun, item: ContainerRun, ended: Object) -> None:
        item.restarts += 1
        item.last = {"terminated": ended}
        self._pull(run, item)

    def _killed_by_probe(self, run: PodRun, item: ContainerRun, which: str) -> None:
        pod = self._pod(run)
        if pod is None:
            return
        self._event(
            pod, run, "Normal", "Killing", f"Container {item.name} failed {which} probe, will be restarted", item
        )
        clean = item.listens_at <= self.world.clock.elapsed
        item.turn += 1
        self._ended(run, item, 0 if clean else 137, "Completed" if clean else "Error")

    # What the API is told

    def _set_ready(self, run: PodRun, item: ContainerRun, ready: bool) -> None:
        if item.ready != ready:
            item.ready = ready
            self._publish(run)

    def _set_started(self, run: PodRun, item: ContainerRun) -> None:
        item.started = True
        self._publish(run)

    def _publish(self, run: PodRun) -> None:
        pod = self._pod(run)
        if pod is not None:
            self.world.put_status(pod, pod_status(run, pod, self.world.clock.stamp()))

    # Small things

    def _later(
        self, run: PodRun, item: ContainerRun, seconds: float, then: Callable[[PodRun, ContainerRun], object]
    ) -> None:
        turn = item.turn

        def due() -> None:
            if item.turn == turn and run.uid in self.runs and not run.leaving:
                then(run, item)

        self.world.clock.after(seconds, due)

    def _event(
        self,
        pod: Object,
        run: PodRun,
        kind: str,
        reason: str,
        message: str,
        item: ContainerRun | None = None,
        times: int = 1,
    ) -> None:
        field = f"spec.containers{{{item.name}}}" if item else ""
        self.world.recorder.event(pod, kind, reason, message, "kubelet", field, run.node, times)

    def _pod(self, run: PodRun) -> Object | None:
        pod = self.world.store.get("Pod", run.namespace, run.name)
        return pod if pod is not None and pod["metadata"]["uid"] == run.uid else None

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

    def _container_id(self) -> str:
        return f"containerd://{self.world.rng.getrandbits(256):064x}"


def _has_run(pod: Object) -> bool:
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    return bool(statuses) and all("running" in status["state"] and status.get("containerID") for status in statuses)


def _length(seconds: float) -> str:
    """As Go prints a duration."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
