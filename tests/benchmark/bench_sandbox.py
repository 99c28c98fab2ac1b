"""How fast the sandbox is over HTTP: ``python tests/benchmark/bench_sandbox.py [--kubeconfig FILE]``.

Server and client are processes of their own; the seconds of the server alone are what "on one core" counts, so that a
client on the same core does not slow it down. With --kubeconfig the same is asked of a real API server, beside it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".venv" / "tree"))

from ansible_collections.e2ereme.remediate.benchmark.conformance.recorder import connect, upstream_of
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import serve
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

GETS = 4000
BESIDE = 1000
WATCHERS = 100
PODS = 5000
MAP = "/api/v1/namespaces/shop/configmaps/measured"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, help="ask this cluster's API server too")
    args = parser.parse_args()
    started = time.perf_counter()
    url, process, pipe = _server()
    print(f"ready in                         {time.perf_counter() - started:6.2f} s   (target 0.5)")
    _report(url, lambda: _cpu_of(pipe))
    pipe.send("stop")
    process.join()
    if args.kubeconfig:
        server, context, token = upstream_of(args.kubeconfig)
        connection = connect(server, context)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        began = time.perf_counter()
        for _ in range(BESIDE):
            connection.request("GET", "/api/v1/namespaces/default/configmaps/kube-root-ca.crt", headers=headers)
            assert connection.getresponse().read()
        wall = time.perf_counter() - began
        print(f"the cluster beside it: gets     {BESIDE / wall:6.0f} a second, one client")


def _report(url: str, cpu: Callable[[], float]) -> None:
    before, began = cpu(), time.perf_counter()
    _gets(url, MAP, GETS)
    wall, used = time.perf_counter() - began, cpu() - before
    each = f"{GETS / wall:6.0f} a second, {GETS / used:6.0f} a second of the server's CPU"
    print(f"gets of one object, one client  {each}   (target 2000)")
    print(f"{WATCHERS} watchers, one change        {_watchers(url):6.2f} s   until all of them have seen it")
    before, began = cpu(), time.perf_counter()
    size = len(_ask(url, "GET", "/api/v1/namespaces/crowd/pods"))
    wall, used = time.perf_counter() - began, cpu() - before
    print(f"{PODS} Pods listed               {wall:6.2f} s, {used:.2f} s of CPU   (target 1), {size / 1e6:.1f} MB")


def _server() -> tuple[str, Any, Any]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    process.start()
    return ours.recv(), process, ours


def _serve(pipe: Any) -> None:
    sandbox = Sandbox(shop(), seed=1)
    with serve(sandbox) as served:
        pipe.send(served.url)
        with served.lock:
            _furnish(sandbox)
        while pipe.recv() == "cpu":
            used = resource.getrusage(resource.RUSAGE_SELF)
            pipe.send(used.ru_utime + used.ru_stime)


def _furnish(sandbox: Sandbox) -> None:
    sandbox.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "measured", "namespace": "shop"}})
    sandbox.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "crowd"}})
    pod = sandbox.store.list("Pod", "shop")[0]
    for number in range(PODS):
        meta = {"name": f"crowd-{number:05}", "namespace": "crowd", "labels": pod["metadata"]["labels"]}
        sandbox.store.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod["spec"]} | _STATUS)


_STATUS = {"status": {"phase": "Succeeded"}}


def _cpu_of(pipe: Any) -> float:
    pipe.send("cpu")
    used: float = pipe.recv()
    return used


def _gets(url: str, path: str, count: int) -> None:
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "", where.port or 80)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nUser-Agent: bench\r\n\r\n".encode()
        for _ in range(count):
            connection.sendall(request)
            _read(stream)


def _read(stream: Any) -> bytes:
    status, length = stream.readline(), 0
    assert b" 200 " in status or b" 201 " in status, status
    while (line := stream.readline()) != b"\r\n":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    body: bytes = stream.read(length)
    return body


def _ask(url: str, method: str, path: str, body: Any = None, kind: str = "application/json") -> bytes:
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "", where.port or 80)) as connection:
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)
        return _read(connection.makefile("rb"))


def _watchers(url: str) -> float:
    where = urlsplit(url)
    ready, seen = threading.Barrier(WATCHERS + 1), threading.Barrier(WATCHERS + 1)

    def watch() -> None:
        with socket.create_connection((where.hostname or "", where.port or 80)) as connection:
            path = "/api/v1/namespaces/shop/configmaps?watch=true&fieldSelector=metadata.name%3Dmeasured"
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            stream = connection.makefile("rb")
            while b"ADDED" not in stream.readline():
                pass
            ready.wait()
            while b"MODIFIED" not in stream.readline():
                pass
            seen.wait()

    for _ in range(WATCHERS):
        threading.Thread(target=watch, daemon=True).start()
    ready.wait(timeout=30)
    began = time.perf_counter()
    _ask(url, "PATCH", MAP, {"data": {"a": str(os.getpid())}}, "application/merge-patch+json")
    seen.wait(timeout=30)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
