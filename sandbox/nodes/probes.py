"""Probes: what the kubelet asks of a container, when, and what follows.

A running container answers a probe the same way until something happens to it, so only the probes that
can change anything are asked; failures in between are counted into the event, as the recorder would. Under a
strain an answer is chance, and each probe is asked in its own period.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..controllers.world import World
from .network import Network
from .run import ContainerRun, PodRun
from .strain import NONE

Object = dict[str, Any]

_OTHERS = (("readinessProbe", "readiness"), ("livenessProbe", "liveness"))
_SOON = 0.3  # seconds until the first probe when no initial delay is asked for
_SLOWEST_LOOK = 32  # periods between two looks at a probe that keeps failing


class Prober:
    """``ready``, ``alive`` (called when a liveness or startup probe has failed too often) and ``started``
    tell the kubelet what came of it."""

    def __init__(
        self,
        world: World,
        network: Network,
        ready: Callable[[PodRun, ContainerRun, bool], None],
        alive: Callable[[PodRun, ContainerRun, str], None],
        started: Callable[[PodRun, ContainerRun], None],
    ) -> None:
        self._world, self._network = world, network
        self._ready, self._kill, self._started = ready, alive, started

    def begin(self, run: PodRun, item: ContainerRun) -> None:
        """The container has just started."""
        item.failed_probes.clear()
        startup = item.spec.get("startupProbe")
        item.started = not startup
        item.ready = not startup and not item.spec.get("readinessProbe") and (item.sidecar or not item.init)
        if startup:
            self._plan(run, item, startup, "startup", _delay(startup))
        else:
            self._begin_others(run, item)

    def _begin_others(self, run: PodRun, item: ContainerRun) -> None:
        for field, which in _OTHERS:
            probe = item.spec.get(field)
            if probe:
                since = self._world.clock.elapsed - item.started_at
                self._plan(run, item, probe, which, max(_delay(probe) - since, _SOON))

    def look_again(self, run: PodRun) -> None:
        """Something has happened to the Pod: each of its probes is asked at the next beat of its period."""
        now = self._world.clock.elapsed
        for item in run.every:
            if not item.running or run.leaving:
                continue
            for which, probe in self._asked(item).items():
                first, period = item.started_at + _delay(probe), float(probe.get("periodSeconds", 10))
                beats = math.floor((now - first) / period) + 1 if now >= first else 0
                self._plan(run, item, probe, which, first + beats * period - now, item.failed_probes.get(which, 0))

    def _asked(self, item: ContainerRun) -> dict[str, Object]:
        """The probes that count now: the startup probe alone, or the others."""
        if item.spec.get("startupProbe") and not item.started:
            return {"startup": item.spec["startupProbe"]}
        return {which: item.spec[field] for field, which in _OTHERS if item.spec.get(field)}

    def _unsteady(self, run: PodRun, item: ContainerRun) -> bool:
        return self._world.strains.of_container(run.uid, item.name) != NONE

    def _plan(
        self,
        run: PodRun,
        item: ContainerRun,
        probe: Object,
        which: str,
        wait: float,
        failures: int = 0,
        looks: int = 0,
        missed: int = 1,
    ) -> None:
        turn = item.turn

        def due() -> None:
            if item.turn == turn and item.running and not run.leaving:
                self._look(run, item, probe, which, failures, looks, missed)

        if which in item.next_probes:
            item.next_probes[which].cancel()
        item.next_probes[which] = self._world.clock.after(wait, due)

    def _look(
        self, run: PodRun, item: ContainerRun, probe: Object, which: str, failures: int, looks: int, missed: int
    ) -> None:
        why = self.verdict(run, item, probe)
        if not why:
            item.failed_probes.pop(which, None)
            self._passed(run, item, probe, which)
            if self._unsteady(run, item) and which != "startup":
                self._plan(run, item, probe, which, float(probe.get("periodSeconds", 10)))
            return
        pod = self._world.store.get("Pod", run.namespace, run.name)
        if pod is not None:
            text = f"{which.capitalize()} probe failed: {why}"
            self._world.recorder.event(pod, "Warning", "Unhealthy", text, "kubelet", item.field, run.node, missed)
        failures += missed
        item.failed_probes[which] = failures
        at_once = False
        if which == "readiness" and failures >= probe.get("failureThreshold", 3):
            at_once = item.ready and self._unsteady(run, item)  # the kubelet asks again when it has told of the change
            self._ready(run, item, False)
        if which != "readiness" and failures >= probe.get("failureThreshold", 3):
            self._kill(run, item, which)
            return
        period = float(probe.get("periodSeconds", 10))
        periods = 1
        if which == "readiness" and not self._unsteady(run, item):
            left = item.listens_at - self._world.clock.elapsed
            periods = max(1, math.ceil(left / period)) if 0 < left < float("inf") else min(2**looks, _SLOWEST_LOOK)
        self._plan(run, item, probe, which, _SOON if at_once else period * periods, failures, looks + 1, periods)

    def _passed(self, run: PodRun, item: ContainerRun, probe: Object, which: str) -> None:
        if which == "startup":
            self._started(run, item)
            if not item.spec.get("readinessProbe"):
                self._ready(run, item, True)
            self._begin_others(run, item)
        elif which == "readiness":
            more = (probe.get("successThreshold", 1) - 1) * probe.get("periodSeconds", 10)
            if not more:
                self._ready(run, item, True)
                return
            turn = item.turn
            self._world.clock.after(more, lambda: self._ready(run, item, True) if item.turn == turn else None)

    def verdict(self, run: PodRun, item: ContainerRun, probe: Object) -> str:
        """Empty when the probe succeeds now, else the kubelet's words."""
        timeout = float(probe.get("timeoutSeconds", 1))
        if "httpGet" in probe:
            return self._http(run, item, probe["httpGet"], timeout)
        if "tcpSocket" in probe:
            port = _number(item, probe["tcpSocket"]["port"])
            if port and self._network.listener(run, port):
                late = self._network.link.connect("", run.uid) > timeout
                return f"dial tcp {run.ip}:{port}: i/o timeout" if late else ""
            return f"dial tcp {run.ip}:{port}: connect: connection refused"
        if "exec" in probe:
            return self._exec(run, item, probe["exec"].get("command") or [], timeout)
        return ""

    def _http(self, run: PodRun, item: ContainerRun, action: Object, timeout: float) -> str:
        port = _number(item, action["port"])
        if not port:
            return f'strconv.Atoi: parsing "{action["port"]}": invalid syntax'
        path = action.get("path", "/")
        path = path if path.startswith("/") else f"/{path}"
        url = f"http://{run.ip}:{port}{path}"
        if action.get("scheme", "HTTP") == "HTTPS":
            return f'Get "{url.replace("http", "https", 1)}": http: server gave HTTP response to HTTPS client'
        answer = self._network.probe(run, port, path)
        if answer.status == 0:
            return f'Get "{url}": dial tcp {run.ip}:{port}: connect: connection refused'
        if answer.seconds > timeout:
            return f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        return "" if 200 <= answer.status < 400 else f"HTTP probe failed with statuscode: {answer.status}"

    def _exec(self, run: PodRun, item: ContainerRun, command: list[str], timeout: float) -> str:
        name = command[0].rsplit("/", 1)[-1] if command else ""
        if name == "true" or command[-1:] == ["exit 0"]:
            return ""
        if name == "python3" and command[-1] == "check" and item.settings is not None:
            answer = self._network.ask_pod(run, item.settings.port, item.settings.health_path)
            slow = answer.seconds + 0.08 * 2 > timeout
            if slow:
                return f"command timed out: {' '.join(command)!r} timed out after {timeout:g}s"
            return "" if answer.status == 200 else f"{answer.why}\n"
        return "" if name in ("python3", "sh", "cat") and item.settings is not None else "command failed"


def _delay(probe: Object) -> float:
    return max(float(probe.get("initialDelaySeconds", 0)), _SOON)


def _number(item: ContainerRun, port: int | str) -> int:
    """A probe's port as a number; 0 when the container has none of that name."""
    if isinstance(port, int) or port.isdecimal():
        return int(port)
    return next((int(entry["containerPort"]) for entry in item.spec.get("ports") or () if entry.get("name") == port), 0)
