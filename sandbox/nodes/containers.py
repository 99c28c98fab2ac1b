"""One container's way: its image is pulled, it is created, runs, ends, and starts again as its Pod's policy says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..controllers.world import World
from ..shared import Copied
from .hooks import after_start
from .images import is_public, own_command, pull_error
from .imitation import Life, coredns, live, runs_coredns
from .network import Network
from .probes import Prober
from .public import as_public
from .references import MissingReference, environment, folders, mounts, text_at
from .reporting import Reporting
from .run import ContainerRun, PodRun

Object = dict[str, Any]
Moved = Callable[[PodRun, ContainerRun], object]

_FIRST_CRASH_WAIT = 10.0
_LONGEST_WAIT = 300.0
_HOOK_SECONDS = 0.2  # until a hook that fails has failed
_FORGIVEN_AFTER = 600.0  # seconds that a container must run for its crashes to be forgotten


class Containers:
    """All containers of all nodes. ``moved`` is told when one has started or ended well: others may wait for that."""

    def __init__(self, world: World, network: Network, reporting: Reporting, moved: Moved) -> None:
        self.world, self._tell, self._moved = world, reporting, moved
        self.prober = Prober(
            world, network, ready=self._set_ready, alive=self._killed_by_probe, started=self._set_started
        )
        self.present: set[tuple[str, str]] = set()  # (node, image)

    def __getstate__(self) -> Object:
        return {**vars(self), "present": Copied(self.present)}

    def pull(self, run: PodRun, item: ContainerRun) -> None:
        pod, image = self._tell.pod(run), str(item.spec["image"])
        if pod is None:
            return
        known = image in self.world.images or image.removesuffix(":latest") in self.world.images or is_public(image)
        if known and (run.node, image) in self.present and item.spec.get("imagePullPolicy") != "Always":
            self._tell.event(
                pod, run, "Normal", "Pulled", f'Container image "{image}" already present on machine', item
            )
            item.image_present = True
            self._tell.later(run, item, 0.2, self.create)
            return
        self._tell.event(pod, run, "Normal", "Pulling", f'Pulling image "{image}"', item)
        seconds = round(self.world.rng.uniform(0.6, 2.4), 3)
        self._tell.later(run, item, seconds, lambda run, item: self._pulled(run, item, known, seconds))

    def _pulled(self, run: PodRun, item: ContainerRun, known: bool, seconds: float) -> None:
        pod, image = self._tell.pod(run), str(item.spec["image"])
        if pod is None:
            return
        if known:
            size = 20_000_000 + sum(image.encode()) * 7919 % 90_000_000
            self._tell.event(
                pod,
                run,
                "Normal",
                "Pulled",
                f'Successfully pulled image "{image}" in {seconds}s ({seconds}s including waiting). '
                f"Image size: {size} bytes.",
                item,
            )
            self.present.add((run.node, image))
            item.image_present, item.pull_wait = True, 0.0
            self.create(run, item)
            return
        why = pull_error(image, self.world.images)
        self._tell.event(pod, run, "Warning", "Failed", f'Failed to pull image "{image}": {why}', item)
        self._tell.event(pod, run, "Warning", "Failed", "Error: ErrImagePull", item)
        item.state = {"waiting": {"reason": "ErrImagePull", "message": why}}
        self._tell.publish(run)
        self._tell.later(
            run, item, 5.0 + self.world.rng.uniform(0, 8), lambda run, item: self._pull_back_off(run, item, why)
        )

    def _pull_back_off(self, run: PodRun, item: ContainerRun, why: str) -> None:
        pod, image = self._tell.pod(run), str(item.spec["image"])
        if pod is None:
            return
        item.pull_wait = min(_LONGEST_WAIT, item.pull_wait * 2 or 10.0)
        self._tell.event(pod, run, "Normal", "BackOff", f'Back-off pulling image "{image}"', item)
        self._tell.event(pod, run, "Warning", "Failed", "Error: ImagePullBackOff", item)
        item.state = {
            "waiting": {
                "reason": "ImagePullBackOff",
                "message": f'Back-off pulling image "{image}": ErrImagePull: {why}',
            }
        }
        self._tell.publish(run)
        self._tell.later(run, item, item.pull_wait, self.pull)

    def create(self, run: PodRun, item: ContainerRun) -> None:
        pod = self._tell.pod(run)
        if pod is None:
            return
        try:
            variables = environment(self.world, pod, item.spec)
        except MissingReference as missing:
            self._tell.event(pod, run, "Warning", "Failed", f"Error: {missing}", item)
            item.state = {"waiting": {"reason": "CreateContainerConfigError", "message": str(missing)}}
            self._tell.publish(run)
            return
        life = as_public(self.world, run, item, self.imitated(pod, item, variables))
        self._tell.event(pod, run, "Normal", "Created", f"Created container: {item.name}", item)
        if life.refusal:
            self._refused(run, item, pod, life)
        else:
            self._run(run, item, pod, life)

    def imitated(self, pod: Object, item: ContainerRun, variables: dict[str, str]) -> Life:
        """What its command line does in its image, with this environment."""
        argv, image = [*(item.spec.get("command") or ()), *(item.spec.get("args") or ())], str(item.spec["image"])
        argv = argv or list(own_command(image))
        if runs_coredns(argv, image):
            return coredns(argv, lambda path: text_at(self.world, pod, item.spec, path))
        return self._lived(pod, item, variables, argv)

    def _lived(self, pod: Object, item: ContainerRun, variables: dict[str, str], argv: Sequence[str]) -> Life:
        files = mounts(self.world, pod, item.spec)
        there = folders(pod, item.spec)
        return live(argv, variables, files, item.limits, str(item.spec["image"]), there, bool(item.spec.get("stdin")))

    def _hook_failed(self, run: PodRun, item: ContainerRun) -> None:
        pod = self._tell.pod(run)
        if pod is not None:
            self._tell.event(pod, run, "Warning", "FailedPostStartHook", "PostStartHook failed", item)
            self._tell.event(pod, run, "Normal", "Killing", "FailedPostStartHook", item)
        self.restart(run, item, 137, "Error")

    def reload(self, run: PodRun, item: ContainerRun) -> None:
        """A CoreDNS that looks at its file now and then takes up what it can read, and keeps what it had otherwise."""
        pod = self._tell.pod(run)
        if pod is None or item.dns is None:
            return
        life, now = self.imitated(pod, item, {}), self.world.clock.stamp()
        if life.dns is None:
            item.log += [(now, "", f"[ERROR] Restart failed: {text}") for _, text in life.log]
        elif life.dns != item.dns:
            item.dns = life.dns
            item.log += [(now, "", "[INFO] Reloading"), (now, "", "[INFO] Reloading complete")]

    def _refused(self, run: PodRun, item: ContainerRun, pod: Object, life: Life) -> None:
        self._tell.event(pod, run, "Warning", "Failed", f"Error: {life.refusal}", item)
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
        item.files = None
        self._tell.event(pod, run, "Normal", "Started", f"Started container {item.name}", item)
        if after_start(item.spec, lambda command: self._lived(pod, item, {}, command)):
            self._tell.later(run, item, _HOOK_SECONDS, self._hook_failed)
            self._tell.publish(run)
            return
        if life.exit_code is not None:
            code = life.exit_code
            item.started = item.ready = not item.spec.get("readinessProbe") and not item.spec.get("startupProbe")
            item.ready = item.ready and not item.init
            self._tell.later(run, item, life.seconds, lambda run, item: self.ended(run, item, code, life.reason))
            self._tell.publish(run)
            return
        if life.command == "serve" and life.settings is not None:
            item.listens_at = now.elapsed + life.seconds
            self._tell.later(run, item, life.seconds, self._listening)
        elif life.dns is not None:
            item.listens_at = now.elapsed + life.seconds
        self.prober.begin(run, item)
        self._tell.publish(run)
        self._moved(run, item)

    def _listening(self, run: PodRun, item: ContainerRun) -> None:
        if item.settings is not None:
            item.log.append((self.world.clock.stamp(), "INFO", f"listening on :{item.settings.port}"))

    # Ends and restarts

    def restart(self, run: PodRun, item: ContainerRun, exit_code: int, reason: str) -> None:
        """Ends a running container as if its program had; it starts again as the restart policy says."""
        item.turn += 1
        self.ended(run, item, exit_code, reason)

    def ended(self, run: PodRun, item: ContainerRun, exit_code: int, reason: str) -> None:
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
        pod = self._tell.pod(run)
        if pod is None:
            return
        item.started = item.ready = False
        item.settings, item.command, item.dns, item.listens_at = None, "", None, float("inf")
        self.world.strains.restarted(run.uid, item.name)
        policy = _policy(pod, item)
        if policy == "Never" or (policy == "OnFailure" and ended["exitCode"] == 0):
            item.state = {"terminated": ended}
            item.ready = item.init and not ended["exitCode"]
            self._tell.publish(run)
            self._moved(run, item)
            return
        item.last = {"terminated": ended}
        item.previous_log = item.log
        wait, item.crash_wait = item.crash_wait, min(_LONGEST_WAIT, item.crash_wait * 2 or _FIRST_CRASH_WAIT)
        if not wait:  # the first restart is at once
            item.state = {"terminated": ended}
            item.last = {}
            self._tell.publish(run)
            self._tell.later(run, item, 1.0, lambda run, item: self._again(run, item, ended))
            return
        pause = wait + self.world.rng.uniform(0, 12)  # the kubelet looks every ten seconds or so
        who = f"{item.name} pod={run.name}_{run.namespace}({run.uid})"
        item.state = {
            "waiting": {
                "reason": "CrashLoopBackOff",
                "message": f"back-off {_length(wait)} restarting failed container={who}",
            }
        }
        self._tell.event(
            pod,
            run,
            "Warning",
            "BackOff",
            f"Back-off restarting failed container {item.name} in pod {run.name}_{run.namespace}({run.uid})",
            item,
            int(pause // 12) + 1,
        )
        self._tell.publish(run)
        self._tell.later(run, item, pause, lambda run, item: self._again(run, item, ended))

    def again_or_first(self, run: PodRun, item: ContainerRun) -> None:
        """As fits a container whose image was changed: one that has run before counts this as a restart."""
        ended = item.state.get("terminated") or item.last.get("terminated")
        if ended:
            self._again(run, item, ended)
        else:
            self.pull(run, item)

    def _again(self, run: PodRun, item: ContainerRun, ended: Object) -> None:
        item.restarts += 1
        item.last = {"terminated": ended}
        self.pull(run, item)

    def _killed_by_probe(self, run: PodRun, item: ContainerRun, which: str) -> None:
        pod = self._tell.pod(run)
        if pod is None:
            return
        self._tell.event(
            pod, run, "Normal", "Killing", f"Container {item.name} failed {which} probe, will be restarted", item
        )
        clean = item.listens_at <= self.world.clock.elapsed
        item.turn += 1
        self.ended(run, item, 0 if clean else 137, "Completed" if clean else "Error")

    # What probes found

    def _set_ready(self, run: PodRun, item: ContainerRun, ready: bool) -> None:
        if item.ready != ready:
            item.ready = ready
            self._tell.publish(run)

    def _set_started(self, run: PodRun, item: ContainerRun) -> None:
        item.started = True
        self._tell.publish(run)
        self._moved(run, item)

    def _container_id(self) -> str:
        return f"containerd://{self.world.rng.getrandbits(256):064x}"


def _policy(pod: Object, item: ContainerRun) -> str:
    """When the container starts again: an init container ends for good with its work done, unless it is to go on."""
    policy = str(pod["spec"].get("restartPolicy", "Always")) if not item.late else "Never"
    if item.sidecar:
        return "Always"
    return "OnFailure" if item.init and policy == "Always" else policy


def _length(seconds: float) -> str:
    """As Go prints a duration."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
