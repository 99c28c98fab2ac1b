"""Requests: from the API server's proxy or a program, to a Service or Pod, and on to what that calls.

An answer is found by really walking: name, Service, endpoints, Pod, listening port, program, its own calls.
Time is a queue's: the CPU seconds of a request, stretched by the CPU limit and by the load; then the disk, and
what the messages between two Pods take. A caller waits for each step of its own (connection, answer) as long as
its time limit says, so that slowness far down shows in everybody above.
"""

from __future__ import annotations

import urllib.parse
from functools import lru_cache
from typing import Any, NamedTuple

from ..controllers.world import World
from ..systems import program
from . import processor
from .disk import Disks
from .link import NEVER, Link
from .names import Names
from .policies import Policies
from .routes import Routes
from .run import ContainerRun, PodRun

Object = dict[str, Any]

_HOP = 0.001  # seconds for a connection inside the cluster
_HANDLING_CPU = 0.0015  # CPU seconds that any HTTP request costs the program
_DNS_CPU = 0.0003  # CPU seconds that CoreDNS takes to say that it is well
_DEEPEST = 16
_KEPT_SECONDS = 90.0  # for which the API server's proxy keeps a connection that nobody uses
_DIAL_SECONDS = 30.0  # after which the API server's proxy gives up a connection
_DIALLED = {"connection refused": "connect: connection refused"}


class Answer(NamedTuple):
    """``status`` 0 means no connection, and ``why`` says why; else ``body`` is what was answered."""

    status: int
    seconds: float
    body: str = ""
    why: str = ""


class _Known(NamedTuple):
    """An answer, and what it did: how many Pods were picked, and which containers it counts as a request of."""

    answer: Answer
    picks: int
    served: tuple[ContainerRun, ...]


class Network:
    """Who has which address, and what asking there gives."""

    def __init__(self, world: World, runs: dict[str, PodRun]) -> None:
        self._world = world
        self._runs = runs
        self._routes = Routes(world)
        self.imagined = False  # requests are those of visitors before now: what they leave in logs is told elsewhere
        self.felt_at = 0.0  # virtual seconds of the last change on the way between Pods
        self.link = Link(world.strains)
        self.disks = Disks(world, self.link)
        self.policies = Policies(world)
        self.names = Names(world, self.link, self.policies, self._routes.runs)
        self._kept: dict[tuple[str, int], tuple[int, float]] = {}  # the API server's connections: turn, last used
        self._served: list[ContainerRun] = []  # by what is asked now, in turn
        self._known: dict[tuple[str, int, int, str], _Known] = {}
        self._known_at = (-1, -1.0)  # the version of the store, virtual seconds

    def __getstate__(self) -> Object:
        return {**vars(self), "_known": {}, "_known_at": (-1, -1.0), "_served": []}

    def admit(self, run: PodRun) -> None:
        self._routes.admit(run)

    def forget(self, run: PodRun) -> None:
        self._routes.forget(run)
        self.disks.forget(run.uid)
        for key in [key for key in self._kept if key[0] == run.uid]:
            del self._kept[key]

    # What clients ask

    def ask_pod(self, run: PodRun, port: int, path: str, depth: int = 0, shown: str = "") -> Answer:
        """One HTTP GET to a Pod's address; ``shown``: the password that comes with it."""
        return self._asked(run, self.listener(run, port), path, depth, shown)

    def _asked(self, run: PodRun, item: ContainerRun | None, path: str, depth: int, shown: str) -> Answer:
        """``item``: what listens there. Within one moment a program that is well answers everybody the same, unless
        it, or one that it asks in turn, chooses whom to ask."""
        outermost = not self._served
        if item is None or path != "/" or self._world.strains.any:
            answer = self._found(run, item, path, depth, shown)
        else:
            answer = self._remembered(run, item, depth, shown)
        if outermost:
            self._served.clear()
        return answer

    def _remembered(self, run: PodRun, item: ContainerRun, depth: int, shown: str) -> Answer:
        now = (self._world.store.version, self._world.clock.elapsed)
        if self._known_at != now:
            self._known, self._known_at = {}, now
        key = (run.uid, item.turn, depth, shown)
        known = self._known.get(key)
        if known is not None:
            self._routes.turn += known.picks
            for served in known.served:
                self._serve(served)
            return known.answer
        turn, choices, before = self._routes.turn, self._routes.choices, len(self._served)
        answer = self._found(run, item, "/", depth, shown)
        if answer.status == 200 and self._routes.choices == choices:
            self._known[key] = _Known(answer, self._routes.turn - turn, tuple(self._served[before:]))
        return answer

    def _serve(self, item: ContainerRun) -> None:
        item.requests += not self.imagined
        self._served.append(item)

    def _found(self, run: PodRun, item: ContainerRun | None, path: str, depth: int, shown: str) -> Answer:
        if item is not None and item.dns is not None:
            seconds = _HOP + processor.answer_seconds(self._world, run, item, _DNS_CPU, 0.0)
            known = path in ("/health", "/ready", "/metrics")
            return Answer(200 if known else 404, seconds, "OK" if known else "404 page not found\n")
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
            return self._failed(item, 401, seconds, program.refused_caller())
        took, failed = self._write(run, item)
        seconds += took
        if failed:
            return self._failed(item, 500, seconds, program.cannot_write(failed, "Input/output error"))
        self._serve(item)
        settings, turn = item.settings, item.requests - (not self.imagined)
        self._routes.choices += 0 < settings.fanout < len(settings.calls)
        for name, url in settings.callees(turn):
            answer = self.call(run.namespace, url, settings.call_seconds, depth + 1, settings.shown_to(name), run)
            seconds += answer.seconds
            if answer.why:
                return self._failed(item, 502, seconds, program.call_failed(url, answer.why))
        return Answer(200, seconds, "ok\n")

    def call(
        self, namespace: str, url: str, timeout: float, depth: int = 0, shown: str = "", client: PodRun | None = None
    ) -> Answer:
        """What a program gets that calls a URL; ``why`` is empty when all is well. ``timeout``: seconds that it waits
        for the connection, and again for the answer; looking up the name has a time limit of its own."""
        host, path = _parts(url)
        named = self.names.look_up(host, namespace, client)
        service, looked = named.service, named.seconds
        if service is None:
            return Answer(0, looked, why="name resolution")
        late = f"no answer within {timeout:g} s"
        if depth > _DEEPEST:
            return Answer(0, looked + timeout, why=late)
        port = _port(url)
        headless = service["spec"].get("clusterIP") == "None"
        number: int | None = port
        entry = next((item for item in service["spec"].get("ports", ()) if item["port"] == port), None)
        if not headless:
            if entry is None:
                return Answer(0, looked + timeout, why=late)  # nobody answers at that port of a cluster address
            number = None
        targets = self._routes.targets(service, entry)
        if named.pod:
            targets = [target for target in targets if target[0].name == named.pod]
        if not targets:
            return Answer(0, looked + 0.01, why="name resolution" if headless else "connection refused")
        run, target_port = self._routes.pick(targets)
        caller = client.uid if client else ""
        reached = number or target_port
        connected = self.link.connect(caller, run.uid)
        if connected > timeout or not self.policies.admit(client, run, reached):
            return Answer(0, looked + timeout, why=late)
        answer = self.ask_pod(run, reached, path, depth, shown)
        waited = self.link.message(caller, run.uid) + answer.seconds + self.link.message(run.uid, caller)
        if waited > timeout:
            return Answer(0, looked + connected + timeout, why=late)
        seconds = looked + connected + waited
        if seconds == answer.seconds and answer.status < 400:
            return answer
        if answer.status and answer.status >= 400:
            return Answer(answer.status, seconds, answer.body, f"status {answer.status}")
        return answer._replace(seconds=seconds)

    def probe(self, run: PodRun, port: int, path: str) -> Answer:
        """What the kubelet of the Pod's node gets: a new connection, then one request. Never longer than NEVER."""
        connected = self.link.connect("", run.uid)
        answer = self.ask_pod(run, port, path)
        return answer._replace(seconds=connected + answer.seconds + self.link.message(run.uid, ""))

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
        ports = service["spec"].get("ports", ())
        if port.isdecimal():
            entry = next((item for item in ports if item["port"] == int(port)), None)
            if entry is None:
                return 503, _HOP, f'no service port {port} found for service "{name}"'
        else:
            entry = next((item for item in ports if item.get("name", "") == port), None)
        targets = self._routes.targets(service, entry) if entry else []
        if not targets:
            return 503, _HOP, f'no endpoints available for service "{name}"'
        return self._through_proxy(*self._routes.pick(targets), path)

    # What the nodes ask

    def listener(self, run: PodRun, port: int) -> ContainerRun | None:
        """The container of the Pod that listens on the port now."""
        now = self._world.clock.elapsed
        for item in run.every:
            if item.listens_at <= now and item.running:
                if item.settings is not None and item.settings.port == port:
                    return item
                if item.dns is not None and port in item.dns.ports:
                    return item
        return None

    def answer_seconds(self, run: PodRun, item: ContainerRun, request_cpu: float) -> float:
        """How long the program itself takes: work stretched by the CPU limit and by the queue before it."""
        each = _HANDLING_CPU + (item.settings.request_cpu if item.settings else 0.0)
        load = self._world.rates.get(run.workload, 0.0) * each
        return processor.answer_seconds(self._world, run, item, _HANDLING_CPU + request_cpu, load)

    # Inside

    def _failed(self, item: ContainerRun, status: int, seconds: float, text: str) -> Answer:
        """The program says in its log why it does not answer well, and answers that."""
        if not self.imagined:
            item.log.append((self._world.clock.stamp(), "ERROR", text))
            del item.log[:-200]
        return Answer(status, seconds, text + "\n")

    def _write(self, run: PodRun, item: ContainerRun) -> tuple[float, str]:
        """(seconds, the path that could not be written to) of what a request leaves on volumes."""
        if not self._world.strains.any and not self.disks.queued:
            return 0.0, ""
        total = 0.0
        for name, _, path in item.settings.files() if item.settings else ():
            operations = program.LOG_OPERATIONS if name == "LOG_FILE" else program.DATA_OPERATIONS
            seconds, well = self.disks.write(run, item, path, operations, self._rate)
            total += seconds
            if not well:
                return total, path
        return total, ""

    def unwritable(self, run: PodRun, item: ContainerRun) -> str:
        """The first file that a request of the program cannot write to now; empty when it can write to all."""
        for _name, _, path in item.settings.files() if item.settings else ():
            strains = self._world.strains.on_volume(run.uid, item.name, path)
            if any(strain.disk_error and self.link.throw() < strain.disk_share for strain in strains):
                return path
        return ""

    def _rate(self, run: PodRun) -> float:
        """Requests a second that reach one Pod of the workload."""
        rate = self._world.rates.get(run.workload, 0.0)
        peers = sum(
            other.workload == run.workload and other.namespace == run.namespace for other in self._runs.values()
        )
        return rate / max(1, peers)

    def _through_proxy(self, run: PodRun, port: int, path: str) -> tuple[int, float, str]:
        item = self.listener(run, port)
        if not self._connected(run, port, item):
            return 503, _DIAL_SECONDS, f"error trying to reach service: dial tcp {run.ip}:{port}: i/o timeout"
        answer = self._asked(run, item, path or "/", 0, "")
        if self.link.strained("", run.uid):
            answer = self._carried(run, answer)
        if answer.status == 0:
            return (
                503,
                answer.seconds,
                f"error trying to reach service: dial tcp {run.ip}:{port}: {_DIALLED.get(answer.why, answer.why)}",
            )
        return answer.status, answer.seconds, answer.body

    def _connected(self, run: PodRun, port: int, item: ContainerRun | None) -> bool:
        """Whether the API server has a connection to the Pod, or can open one. One that is open a policy leaves."""
        now = self._world.clock.elapsed
        turn = item.turn if item else -1
        kept_turn, used = self._kept.get((run.uid, port), (-1, 0.0))
        if (turn < 0 or kept_turn != turn or now - used > _KEPT_SECONDS) and not self.policies.admit(None, run, port):
            return False
        if item:
            self._kept[run.uid, port] = (turn, now)
        return True

    def _carried(self, run: PodRun, answer: Answer) -> Answer:
        """With the time on the way. The API server keeps its connections; head and body of an answer are two
        messages, the second of which waits until the first has arrived."""
        seconds = answer.seconds + self.link.message(run.uid, "") + self.link.message(run.uid, "")
        if seconds == NEVER:
            return Answer(0, _DIAL_SECONDS, why="i/o timeout")
        return answer._replace(seconds=seconds)


@lru_cache(maxsize=4096)
def _parts(url: str) -> tuple[str, str]:
    """(host, path)."""
    parts = urllib.parse.urlsplit(url)
    return parts.hostname or "", parts.path


@lru_cache(maxsize=4096)
def _port(url: str) -> int:
    """Raises ValueError."""
    return urllib.parse.urlsplit(url).port or 80


def _first_port(pod: Object, name: str) -> int:
    ports = [item for container in pod.get("spec", {}).get("containers", ()) for item in container.get("ports", ())]
    return next((int(item["containerPort"]) for item in ports if not name or item.get("name") == name), 80)
