"""Commands in containers, over a WebSocket as the Python client opens one and in process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client
from kubernetes.stream import stream

from ansible_collections.e2ereme.remediate.sandbox.api.exchange import Request
from ansible_collections.e2ereme.remediate.sandbox.api.sessions import Session
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import Served, serve

PODS = "/api/v1/namespaces/shop/pods"


@pytest.fixture
def served(sandbox: Sandbox) -> Iterator[Served]:
    with serve(sandbox) as running:
        yield running


def pod_of(sandbox: Sandbox, app: str) -> str:
    pods = sandbox.store.list("Pod", "shop")
    return next(str(pod["metadata"]["name"]) for pod in pods if pod["metadata"]["labels"].get("app") == app)


def ran(sandbox: Sandbox, pod: str, *words: str) -> tuple[str, str, Any]:
    """(printed, complained of, the Status of its end), in process."""
    query = {"stdout": "true", "stderr": "true"}
    answer = sandbox.answer(Request("GET", f"{PODS}/{pod}/exec", query, upgrade="websocket", command=words))
    assert isinstance(answer, Session)
    said = dict(answer.chunks)
    return said.get(1, b"").decode(), said.get(2, b"").decode(), json.loads(said[3])


def test_the_python_client_runs_a_command(served: Served, sandbox: Sandbox) -> None:
    api = client.CoreV1Api(client.ApiClient(client.Configuration(host=served.url)))
    session = stream(
        api.connect_get_namespaced_pod_exec,
        pod_of(sandbox, "cart"),
        "shop",
        command=["echo", "two", "words"],
        stdout=True,
        stderr=True,
        _preload_content=False,
    )
    session.run_forever(timeout=10)
    assert session.read_stdout() == "two words\n"
    assert session.returncode == 0


def test_a_command_sees_the_containers_variables_and_files(sandbox: Sandbox) -> None:
    pod = pod_of(sandbox, "cart")
    assert "PORT=8080\n" in ran(sandbox, pod, "env")[0]
    assert "stand-in program" in ran(sandbox, pod, "cat", "/srv/program.py")[0]
    assert "program.py\n" in ran(sandbox, pod, "ls", "/srv")[0]
    assert ran(sandbox, pod, "sh", "-c", "hostname")[0] == f"{pod}\n"


def test_a_command_asks_other_services(sandbox: Sandbox) -> None:
    pod = pod_of(sandbox, "web")
    assert ran(sandbox, pod, "curl", "-s", "http://cart:8080/")[0] == "ok\n"
    _, complaint, end = ran(sandbox, pod, "curl", "http://nobody:8080/")
    assert complaint == "curl: (6) Could not resolve host: nobody\n"
    assert end["details"]["causes"] == [{"reason": "ExitCode", "message": "6"}]


def test_a_failed_command_tells_its_exit_code(sandbox: Sandbox) -> None:
    _, complaint, end = ran(sandbox, pod_of(sandbox, "cart"), "ls", "/nope")
    assert complaint == "ls: cannot access '/nope': No such file or directory\n"
    assert end == {
        "metadata": {},
        "status": "Failure",
        "message": "command terminated with non-zero exit code: command terminated with exit code 2",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": "2"}]},
    }


def test_a_program_that_is_not_there_cannot_start(sandbox: Sandbox) -> None:
    _, _, end = ran(sandbox, pod_of(sandbox, "cart"), "nosuch")
    assert end["reason"] == "InternalError"
    assert end["message"].endswith(
        'unable to start container process: exec: "nosuch": executable file not found in $PATH: unknown'
    )


def test_what_is_not_imitated_says_so(sandbox: Sandbox) -> None:
    _, complaint, end = ran(sandbox, pod_of(sandbox, "cart"), "dd", "if=/dev/zero")
    assert complaint == "the sandbox does not imitate dd in a container\n"
    assert end["details"]["causes"][0]["message"] == "126"


def test_a_container_that_does_not_run_is_not_found(sandbox: Sandbox) -> None:
    pod = {"name": "bad", "namespace": "shop"}
    spec = {"containers": [{"name": "bad", "image": "registry.example/none:1"}]}
    sandbox.handle("POST", PODS, {}, {"apiVersion": "v1", "kind": "Pod", "metadata": pod, "spec": spec})
    sandbox.advance(5)
    assert ran(sandbox, "bad", "ls")[2]["message"] == (
        'Internal error occurred: unable to upgrade connection: container not found ("bad")'
    )


@pytest.mark.parametrize("subresource", ["exec", "attach", "portforward"])
def test_without_an_upgrade_the_server_refuses(sandbox: Sandbox, subresource: str) -> None:
    answer = sandbox.handle("GET", f"{PODS}/{pod_of(sandbox, 'cart')}/{subresource}")
    assert (answer.status, answer.json()["message"]) == (400, "Upgrade request required")


def test_attach_and_port_forward_are_not_carried_and_say_so(sandbox: Sandbox) -> None:
    for subresource in ("attach", "portforward"):
        path = f"{PODS}/{pod_of(sandbox, 'cart')}/{subresource}"
        answer: Any = sandbox.answer(Request("GET", path, upgrade="websocket"))
        assert answer.status == 501
