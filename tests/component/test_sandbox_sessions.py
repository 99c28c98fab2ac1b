"""Attach and port-forward, and what carries sessions: channels of WebSockets, streams of SPDY, one in the other."""

from __future__ import annotations

import json
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from kubernetes import client
from kubernetes.stream import portforward, stream

from ansible_collections.e2ereme.remediate.sandbox import spdy
from ansible_collections.e2ereme.remediate.sandbox.api.exchange import Request
from ansible_collections.e2ereme.remediate.sandbox.api.sessions import Session
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import Served, serve

PODS = "/api/v1/namespaces/shop/pods"


@pytest.fixture
def served(sandbox: Sandbox) -> Iterator[Served]:
    with serve(sandbox, speed=5.0) as running:
        yield running


@pytest.fixture
def api(served: Served) -> client.CoreV1Api:
    return client.CoreV1Api(client.ApiClient(client.Configuration(host=served.url)))


def pod_of(sandbox: Sandbox, app: str) -> str:
    pods = sandbox.store.list("Pod", "shop")
    return next(str(pod["metadata"]["name"]) for pod in pods if pod["metadata"]["labels"].get("app") == app)


def made(sandbox: Sandbox, name: str, argv: list[str], **more: bool) -> None:
    """A Pod of busybox that is never started again."""
    container = {"name": "main", "image": "busybox", "command": argv, **more}
    spec = {"restartPolicy": "Never", "containers": [container]}
    meta = {"name": name, "namespace": "shop"}
    answer = sandbox.handle("POST", PODS, {}, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    assert answer.status == 201, answer.text()
    sandbox.advance(5)


def attached(sandbox: Sandbox, name: str, **flags: str) -> Session:
    query = {"stdout": "true", "stderr": "true", **flags}
    answer = sandbox.answer(Request("GET", f"{PODS}/{name}/attach", query, upgrade="websocket"))
    assert isinstance(answer, Session)
    return answer


def forwarded(sandbox: Sandbox, app: str, port: int) -> Session:
    path = f"{PODS}/{pod_of(sandbox, app)}/portforward"
    answer = sandbox.answer(Request("POST", path, upgrade="spdy/3.1"))
    assert isinstance(answer, Session)
    answer.open(f"error:{port}:0")
    answer.open(f"data:{port}:0")
    return answer


def test_attach_shows_what_is_printed_from_then_on(sandbox: Sandbox) -> None:
    session = attached(sandbox, pod_of(sandbox, "web"))
    assert session.say() == []
    network = sandbox.behaviour.kubelet.network
    run = next(run for run in sandbox.behaviour.kubelet.runs.values() if run.name == pod_of(sandbox, "web"))
    network._failed(run.containers[0], 502, 0.0, "call failed")
    (name, data), *rest = session.say()
    assert (name, (data or b"").decode().split(" ", 1)[1], rest) == ("stdout", "ERROR call failed\n", [])


def test_attach_ends_with_its_container(sandbox: Sandbox) -> None:
    made(sandbox, "brief", ["sleep", "20"])
    session = attached(sandbox, "brief")
    assert session.say() == []
    sandbox.advance(30)
    assert session.say() == [("error", b'{"metadata":{},"status":"Success"}')]
    assert session.ended


def test_a_shell_that_somebody_left_ends_its_container(sandbox: Sandbox) -> None:
    made(sandbox, "talk", ["sh"], stdin=True)
    session = attached(sandbox, "talk", stdin="true")
    session.hear("stdin", b"echo hi\nexit 4\n")
    assert session.say() == [("stdout", b"hi\n"), ("error", b'{"metadata":{},"status":"Success"}')]
    state = sandbox.handle("GET", f"{PODS}/talk").json()["status"]["containerStatuses"][0]["state"]
    assert state["terminated"]["exitCode"] == 4


def test_attach_to_what_does_not_run_is_refused(sandbox: Sandbox) -> None:
    made(sandbox, "over", ["true"])
    assert "container main not found in pod over_shop" in json.loads(attached(sandbox, "over").lines()[0])["message"]


def test_a_forwarded_port_answers_as_its_program_does(sandbox: Sandbox) -> None:
    session = forwarded(sandbox, "cart", 8080)
    session.hear("data:8080:0", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nope HTTP/1.1\r\n")
    (_, first), *rest = session.say()
    assert first is not None and first.startswith(b"HTTP/1.1 200 OK\r\n") and first.endswith(b"\r\n\r\nok\n")
    assert rest == []  # the second request is not whole yet
    session.hear("data:8080:0", b"Connection: close\r\n\r\n")
    said = session.say()
    assert b"404 Not Found" in (said[0][1] or b"")
    assert said[1:] == [("error:8080:0", None), ("data:8080:0", None)]


def test_a_port_on_which_nobody_listens_is_told_on_the_error_channel(sandbox: Sandbox) -> None:
    (name, words), *ends = forwarded(sandbox, "cart", 9999).say()
    assert name == "error:9999:0" and b"dial tcp4 127.0.0.1:9999: connect: connection refused" in (words or b"")
    assert ends == [("error:9999:0", None), ("data:9999:0", None)]


def test_the_python_client_forwards_a_port(api: client.CoreV1Api, sandbox: Sandbox) -> None:
    forward = portforward(api.connect_get_namespaced_pod_portforward, pod_of(sandbox, "cart"), "shop", ports="8080")
    connection = forward.socket(8080)
    connection.setblocking(True)
    connection.settimeout(5)
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"".join(iter(lambda: connection.recv(4096), b"")).startswith(b"HTTP/1.1 200 OK")
    assert forward.error(8080) is None


def test_the_python_client_talks_with_a_shell(api: client.CoreV1Api, sandbox: Sandbox) -> None:
    session = stream(
        api.connect_get_namespaced_pod_exec,
        pod_of(sandbox, "cart"),
        "shop",
        command=["sh"],
        stdin=True,
        stdout=True,
        stderr=True,
        _preload_content=False,
    )
    session.write_stdin("echo one; echo two >&2\n")
    assert session.readline_stdout(timeout=5) == "one"
    assert session.readline_stderr(timeout=5) == "two"
    session.write_stdin("exit 5\n")
    session.run_forever(timeout=5)
    assert session.returncode == 5


def test_what_takes_its_time_comes_later(api: client.CoreV1Api, sandbox: Sandbox) -> None:
    began = time.monotonic()
    pod = pod_of(sandbox, "cart")
    stream(api.connect_get_namespaced_pod_exec, pod, "shop", command=["sleep", "5"], stdout=True)
    assert 0.9 < time.monotonic() - began < 4  # at five virtual seconds a second


class GoClient:
    """The client's side of SPDY/3.1, as far as Kubernetes' Go clients use it."""

    def __init__(self, url: str, path: str, versions: str) -> None:
        where = urlsplit(url)
        self.socket = socket.create_connection((where.hostname, where.port), timeout=5)
        head = [f"POST {path} HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: SPDY/3.1"]
        head += [f"X-Stream-Protocol-Version: {version}" for version in versions.split()]
        self.socket.sendall("\r\n".join(head).encode() + b"\r\n\r\n")
        self.reader = self.socket.makefile("rb")
        self.head = b"".join(iter(self.reader.readline, b"\r\n"))
        self._deflate = zlib.compressobj(zdict=spdy.DICTIONARY)
        self._last = -1

    def open(self, **headers: str) -> int:
        self._last += 2
        words = [word.encode() for pair in headers.items() for word in pair]
        block = struct.pack(">I", len(headers)) + b"".join(struct.pack(">I", len(word)) + word for word in words)
        packed = self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack(">IIH", self._last, 0, 0) + packed
        self.socket.sendall(struct.pack(">HHI", 0x8003, 1, len(body)) + body)
        return self._last

    def send(self, stream: int, data: bytes, last: bool = False) -> None:
        self.socket.sendall(spdy.data(stream, data, last))

    def heard(self) -> dict[int, bytes]:
        """Stream -> all that came on it, when the server has said goodbye; what it accepted is in it too."""
        found: dict[int, bytes] = {}
        while head := self.reader.read(8):
            first, second = struct.unpack(">II", head)
            body = self.reader.read(second & 0xFFFFFF)
            if not first >> 31:
                found[first] = found.get(first, b"") + body
            elif first & 0xFFFF == 2:
                found.setdefault(struct.unpack(">I", body[:4])[0], b"")
            elif first & 0xFFFF == 7:
                break
        return found


def test_a_go_client_runs_a_command_over_spdy(served: Served, sandbox: Sandbox) -> None:
    path = f"{PODS}/{pod_of(sandbox, 'cart')}/exec?command=cat&stdin=true&stdout=true&stderr=true"
    go = GoClient(served.url, path, "v4.channel.k8s.io v3.channel.k8s.io")
    assert b"101 Switching Protocols" in go.head and b"X-Stream-Protocol-Version: v4.channel.k8s.io" in go.head
    error, stdin, stdout, stderr = (go.open(streamtype=name) for name in ("error", "stdin", "stdout", "stderr"))
    go.send(stdin, b"hello", last=True)
    assert go.heard() == {error: b'{"metadata":{},"status":"Success"}', stdin: b"", stdout: b"hello", stderr: b""}


def test_a_go_client_forwards_several_connections_over_spdy(served: Served, sandbox: Sandbox) -> None:
    go = GoClient(served.url, f"{PODS}/{pod_of(sandbox, 'cart')}/portforward", "portforward.k8s.io")
    for number in "01":
        go.open(streamtype="error", port="8080", requestid=number)
        data = go.open(streamtype="data", port="8080", requestid=number)
        go.send(data, b"GET /healthz HTTP/1.0\r\n\r\n")
    said = b""
    while said.count(b"\r\n\r\nok\n") < 2:
        said += go.socket.recv(4096)
    assert said.count(b"HTTP/1.1 200 OK") == 2


def test_the_dictionary_is_that_of_the_protocol() -> None:
    assert zlib.adler32(spdy.DICTIONARY) == 0xE3C6A7C2
