"""Requests: from the API server's proxy or a program, to a Service or Pod, and on to what that calls.

An answer is found by really walking: name, Service, endpoints, Pod, listening port, program, its own calls.
Time is a queue's: the CPU seconds of a request, stretched by the CPU limit and by the load.
"""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass
from typing import Any

from ..controllers.endpoints import slices_of
from ..controllers.world import World
from ..systems import program
from .imitation import cpu_share
from .run import ContainerRun, PodRun

Object = dict[str, Any]

_HOP = 0.001  # seconds for a connection inside the cluster
_HANDLING_CPU = 0.0015  # CPU seconds that any HTTP request costs the program
_DEEPEST = 16


@dataclass(frozen=True)
class Answer:
    """``status`` 0 means no connection, and ``why`` says why; else ``body`` is what was answered."""

    status: int
    seconds: float
    body: str = ""
    why: str = ""


class Network:
    """Who has which address, and what asking there gives."""

    def __init__(self, world: World, runs: dict[str, PodRun]) -> None:
        self._world = world
        self._runs = runs
        self._by_address: dict[str, PodRun] = {}
        self._turn = 0

    def admit(self, run: PodRun) -> None:
        self._by_address[run.ip] = run

    def forget(self, run: PodRun) -> None:
        if self._by_address.get(run.ip) is run:
            del self._by_address[run.ip]

    # What clients ask

    def ask_pod(self, run: PodRun, port: int, path: str, depth: int = 0, shown: str = "") -> Answer:
        """One HTTP GET to a Pod's address; ``shown``: the password that comes with it."""
        item = self.listener(run, port)
        if item is None or item.settings is None:
            return Answer(0, _HOP, why="connection refused")
        path = path.split("?")[0] or "/"
        if path == item.settings.health_path:
            return Answer(200, _HOP + self.answer_seconds(run, item, 0.0), "ok\n")
        refused = path == "/" and item.settings.refuses(shown)
        seconds = _HOP + self.answer_seconds(
            run, item, item.settings.request_cpu if path == "/" and not refused else 0.0
        )
        if path != "/":
            return Answer(404, seconds, f"nothing at {path}\n")
        if refused:
            item.log.append((self._world.clock.stamp(), "ERROR", program.refused_caller()))
            del item.log[:-200]
            return Answer(401, seconds, program.refused_caller() + "\n")
        turn, item.requests = item.requests, item.requests + 1
        for name, url in item.settings.callees(turn):
            answer = self.call(run.namespace, url, item.settings.call_seconds, depth + 1, item.settings.shown_to(name))
            seconds += answer.seconds
            if answer.why:
                text = program.call_failed(url, answer.why)
                item.log.append((self._world.clock.stamp(), "ERROR", text))
                del item.log[:-200]
                return Answer(502, seconds, text + "\n")
        return Answer(200, seconds, "ok\n")

    def call(self, namespace: str, url: str, timeout: float, depth: int = 0, shown: str = "") -> Answer:
        """What a program gets that calls a URL; ``why`` is empty when all is well."""
        parts = urllib.parse.urlsplit(url)
        service = self._resolve(parts.hostname or "", namespace)
        late = Answer(0, timeout, why=f"no answer within {timeout:g} s")
        if service is None:
            return Answer(0, 0.01, why="name resolution")
        if depth > _DEEPEST:
            return late
        port = parts.port or 80
        headless = service["spec"].get("clusterIP") == "None"
        number: int | None = port
        entry = next((item for item in service["spec"].get("ports", ()) if item["port"] == port), None)
        if not headless:
            if entry is None:
                return late  # nobody answers at that port of a cluster address
            number = None
        targets = self._ready_targets(service, entry)
        if not targets:
            return Answer(0, 0.01, why="name resolution" if headless else "connection refused")
        run, target_port = self._pick(targets)
        answer = self.ask_pod(run, number or target_port, parts.path, depth, shown)
        if answer.seconds > timeout:
            return late
        if answer.status and answer.status >= 400:
            return Answer(answer.status, answer.seconds, answer.body, f"status {answer.status}")
        return answer

    def proxy(self, kind: str, namespace: str, name: str, port: str, path: str) -> tuple[int, float, str]:
        """What the API server's proxy answers: (HTTP status, seconds, body)."""
        if kind == "pods":
            run = next((item for item in self._runs.values() if (item.namespace, item.name) == (namespace, name)), None)
            if run is None:
                return 404, _HOP, f'pods "{name}" not found'
            pod = self._world.store.get("Pod", namespace, name) or {}
            number = int(port) if port.isdecimal() else _first_port(pod, port)
            return self._through_proxy(run, number, path)
        service = self._world.store.get("Service", namespace, name)
        if service is None:
            return 404, _HOP, f'services "{name}" not found'
        asked = f"{name}:{port}" if port else name
        ports = service["spec"].get("ports", ())
        if port.isdecimal():
            entry = next((item for item in ports if item["port"] == int(port)), None)
            if entry is None:
                return 503, _HOP, f'no service port {port} found for service "{name}"'
        else:
            entry = next((item for item in ports if item.get("name", "") == port), None)
        targets = self._ready_targets(service, entry) if entry else []
        if not targets:
            return 503, _HOP, f'no endpoints available for service "{asked}"'
        return self._through_proxy(*self._pick(targets), path)

    # What the nodes ask

    def listener(self, run: PodRun, port: int) -> ContainerRun | None:
        """The container of the Pod that listens on the port now."""
        now = self._world.clock.elapsed
        return next(
            (
                item
                for item in run.containers
                if item.running and item.settings is not None and item.listens_at <= now and item.settings.port == port
            ),
            None,
        )

    def answer_seconds(self, run: PodRun, item: ContainerRun, request_cpu: float) -> float:
        """How long the program itself takes: work stretched by the CPU limit and by the queue before it."""
        share = cpu_share(item.limits)
        work = (_HANDLING_CPU + request_cpu) / share
        busy = (
            self._world.rates.get(run.workload, 0.0)
            * (_HANDLING_CPU + (item.settings.request_cpu if item.settings else 0.0))
            / share
        )
        return work / (1 - min(busy, 0.98))

    # Inside

    def _through_proxy(self, run: PodRun, port: int, path: str) -> tuple[int, float, str]:
        answer = self.ask_pod(run, port, path or "/")
        if answer.status == 0:
            return (
                503,
                answer.seconds,
                f"error trying to reach service: dial tcp {run.ip}:{port}: connect: {answer.why}",
            )
        return answer.status, answer.seconds, answer.body

    def _resolve(self, host: str, namespace: str) -> Object | None:
        labels = host.split(".")
        if labels[2:] not in ([], ["svc"], ["svc", "cluster", "local"]):
            return None
        return self._world.store.get("Service", labels[1] if len(labels) > 1 else namespace, labels[0])

    def _ready_targets(self, service: Object, entry: Object | None) -> list[tuple[PodRun, int]]:
        """The Pods behind a Service's port (without one: behind any), each with the port it is reached on."""
        meta, found = service["metadata"], []
        name = (entry or {}).get("name", "")
        for piece in slices_of(self._world, meta["namespace"], meta["name"]):
            ports = [
                item["port"] for item in piece.get("ports") or () if entry is None or (item.get("name") or "") == name
            ]
            if not ports:
                continue
            for row in piece["endpoints"] or ():
                run = self._by_address.get(row["addresses"][0])
                if run is not None and row["conditions"].get("ready"):
                    found.append((run, ports[0]))
        return found

    def _pick(self, targets: list[tuple[PodRun, int]]) -> tuple[PodRun, int]:
        self._turn += 1
        return targets[self._turn % len(targets)]


def _first_port(pod: Object, name: str) -> int:
    ports = [item for container in pod.get("spec", {}).get("containers", ()) for item in container.get("ports", ())]
    return next((int(item["containerPort"]) for item in ports if not name or item.get("name") == name), 80)
