"""How fast the sandbox is: ``python tests/benchmark/bench_sandbox.py [--kubeconfig FILE]``.

Over HTTP, server and client are processes of their own; the seconds of the server alone are what "on one core" counts,
so that a client on the same core does not slow it down. With --kubeconfig the same is asked of a real API server,
beside it: for its 5,000 Pods it needs 46 simulated nodes (labels lab/crowd=true, kwok's), else they are not asked for.

What happens in process, without HTTP, is measured by bench_episodes.py.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".venv" / "tree"))

from ansible_collections.e2ereme.remediate.benchmark.conformance.recorder import upstream_of
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import serve
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

GETS = 4000
WATCHERS = 100
PODS = 5000
A_NODE = 110  # Pods
SPACE = "bench-sandbox"
MAP = f"/api/v1/namespaces/{SPACE}/configmaps/measured"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, help="ask this cluster's API server too")
    args = parser.parse_args()
    _doors(args.kubeconfig)


@dataclass(frozen=True)
class Door:
    """An API server at an address. ``cpu``: seconds that its process has used, where that can be known."""

    host: str
    port: int
    context: ssl.SSLContext | None = None
    token: str = ""
    cpu: Callable[[], float] | None = None

    @contextmanager
    def open(self) -> Iterator[tuple[Any, Any]]:
        with socket.create_connection((self.host, self.port), timeout=60) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = self.context.wrap_socket(plain, server_hostname=self.host) if self.context else plain
            yield stream, stream.makefile("rb")

    def request(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> bytes:
        data = b"" if body is None else json.dumps(body).encode()
        head = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", "Accept: application/json", "User-Agent: bench"]
        head += [f"Authorization: Bearer {self.token}"] if self.token else []
        head += [f"Content-Type: {kind}", f"Content-Length: {len(data)}"] if data else []
        return "\r\n".join(head).encode() + b"\r\n\r\n" + data

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> bytes:
        with self.open() as (connection, stream):
            connection.sendall(self.request(method, path, body, kind))
            return _read(stream)


def _doors(kubeconfig: Path | None) -> None:
    started = time.perf_counter()
    url, process, pipe = _server()
    ready = time.perf_counter() - started
    pipe.send("cpu")
    print(f"ready in {ready:.2f} s, {pipe.recv():.2f} s of CPU (target 0.5)")
    where = urlsplit(url)
    _report("sandbox", Door(where.hostname or "", where.port or 80, cpu=lambda: _cpu_of(pipe)), PODS)
    pipe.send("stop")
    process.join()
    if kubeconfig:
        server, context, token = upstream_of(kubeconfig)
        real = urlsplit(server)
        door = Door(real.hostname or "", real.port or 443, context, token)
        with _on_real(door) as pods:
            _report("real API server", door, pods)


def _report(name: str, door: Door, pods: int) -> None:
    wall, used = _timed(door, lambda: _gets(door, MAP, GETS))
    print(f"{name}: {GETS / wall:.0f} gets of one object a second, one client{_per(GETS, used)} (target 2000)")
    print(f"{name}: {WATCHERS} watchers have all seen one change after {_watchers(door):.3f} s")
    size = [0]
    if pods:
        wall, used = _timed(door, lambda: size.append(len(door.ask("GET", f"/api/v1/namespaces/{SPACE}/pods"))))
        spent = f", {used:.2f} s of the server's CPU" if used is not None else ""
        print(f"{name}: {pods} Pods listed in {wall:.2f} s{spent} (target 1), {size[-1] / 1e6:.1f} MB")


def _per(count: int, used: float | None) -> str:
    return f", {count / used:.0f} a second of the server's CPU" if used else ""


def _timed(door: Door, work: Callable[[], object]) -> tuple[float, float | None]:
    before, began = door.cpu() if door.cpu else None, time.perf_counter()
    work()
    wall = time.perf_counter() - began
    return wall, door.cpu() - before if door.cpu and before is not None else None


def _server() -> tuple[str, Any, Any]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    process.start()
    return ours.recv(), process, ours


def _serve(pipe: Any) -> None:
    sandbox = Sandbox(shop(), seed=1)
    with serve(sandbox) as served:
        pipe.send(served.url)
        pipe.recv()
        pipe.send(_used())
        with served.lock:
            _furnish(sandbox)
        while pipe.recv() == "cpu":
            pipe.send(_used())


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _furnish(sandbox: Sandbox) -> None:
    sandbox.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    sandbox.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "measured", "namespace": SPACE}})
    spec = sandbox.store.list("Pod", "shop")[0]["spec"]  # its own service account is not there
    plain = {key: value for key, value in spec.items() if key not in ("nodeName", "volumes", *_ACCOUNT)}
    plain["containers"] = [{**item, "volumeMounts": []} for item in spec["containers"]]
    meta = {"name": "crowd", "namespace": SPACE, "labels": {"app": "crowd"}}
    sandbox.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": plain})
    pod = sandbox.store.get("Pod", SPACE, "crowd") or {}
    meta = {key: pod["metadata"][key] for key in ("namespace", "labels", "managedFields")}
    for number in range(1, PODS):
        named = {**meta, "name": f"crowd-{number:05}"}
        sandbox.store.create({"apiVersion": "v1", "kind": "Pod", "metadata": named, "spec": pod["spec"]} | _STATUS)


_ACCOUNT = ("serviceAccount", "serviceAccountName")
_STATUS = {"status": {"phase": "Succeeded"}}


@contextmanager
def _on_real(door: Door) -> Iterator[int]:
    """A namespace with the same in it; gives how many Pods are in it."""
    nodes = json.loads(door.ask("GET", "/api/v1/nodes?labelSelector=lab/crowd%3Dtrue"))["items"]
    pods = PODS if len(nodes) * A_NODE >= PODS else 0
    if not pods:
        print(f"real API server: {len(nodes)} simulated nodes are too few for {PODS} Pods")
    root = f"/api/v1/namespaces/{SPACE}"
    door.ask("POST", "/api/v1/namespaces", {"metadata": {"name": SPACE}})
    try:
        door.ask("POST", f"{root}/configmaps", {"metadata": {"name": "measured"}})
        if pods:
            deployments = f"/apis/apps/v1/namespaces/{SPACE}/deployments"
            began = time.perf_counter()
            door.ask("POST", deployments, _crowd(pods))
            while json.loads(door.ask("GET", f"{deployments}/crowd"))["status"].get("readyReplicas", 0) < pods:
                time.sleep(1)
            print(f"real API server: {pods} Pods of kwok are ready after {time.perf_counter() - began:.0f} s")
        yield pods
    finally:
        door.ask("DELETE", root)


def _crowd(pods: int) -> dict[str, Any]:
    labels = {"app": "crowd"}
    spec = {
        "containers": [{"name": "web", "image": "lab/python:1"}],
        "nodeSelector": {"lab/crowd": "true"},
        "tolerations": [{"key": "lab/crowd", "operator": "Exists"}],
    }
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {
        "metadata": {"name": "crowd"},
        "spec": {"replicas": pods, "selector": {"matchLabels": labels}, "template": template},
    }


def _cpu_of(pipe: Any) -> float:
    pipe.send("cpu")
    used: float = pipe.recv()
    return used


def _gets(door: Door, path: str, count: int) -> None:
    request = door.request("GET", path)
    with door.open() as (connection, stream):
        for _ in range(count):
            connection.sendall(request)
            _read(stream)


def _read(stream: Any) -> bytes:
    status, length, chunked = stream.readline(), 0, False
    assert b" 200 " in status or b" 201 " in status, status
    while (line := stream.readline()) != b"\r\n":
        name, _, value = line.lower().partition(b":")
        if name == b"content-length":
            length = int(value)
        chunked = chunked or (name == b"transfer-encoding" and b"chunked" in value)
    if not chunked:
        body: bytes = stream.read(length)
        return body
    parts = []
    while size := int(stream.readline(), 16):
        parts.append(stream.read(size))
        stream.readline()
    stream.readline()
    return b"".join(parts)


def _await(stream: Any, word: bytes) -> None:
    while word not in (line := stream.readline()):
        assert line, f"the watch ended before {word.decode()}"


def _watchers(door: Door) -> float:
    ready, seen = threading.Barrier(WATCHERS + 1), threading.Barrier(WATCHERS + 1)
    path = f"/api/v1/namespaces/{SPACE}/configmaps?watch=true&fieldSelector=metadata.name%3Dmeasured"

    def watch() -> None:
        with door.open() as (connection, stream):
            connection.sendall(door.request("GET", path))
            _await(stream, b"ADDED")
            ready.wait()
            _await(stream, b"MODIFIED")
            seen.wait()

    for _ in range(WATCHERS):
        threading.Thread(target=watch, daemon=True).start()
    ready.wait(timeout=60)
    began = time.perf_counter()
    door.ask("PATCH", MAP, {"data": {"a": str(time.time())}}, "application/merge-patch+json")
    seen.wait(timeout=60)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
