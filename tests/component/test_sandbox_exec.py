"""Commands in containers, over a WebSocket as the Python client opens one and in process: what they print and do."""

from __future__ import annotations

import io
import json
import tarfile
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


def session_of(sandbox: Sandbox, pod: str, *words: str, **flags: str) -> Session:
    query = {"stdout": "true", "stderr": "true", **flags}
    answer = sandbox.answer(Request("GET", f"{PODS}/{pod}/exec", query, upgrade="websocket", command=words))
    assert isinstance(answer, Session)
    return answer


def ran(sandbox: Sandbox, pod: str, *words: str, given: bytes | None = None) -> tuple[str, str, Any]:
    """(printed, complained of, the Status of its end), in process. ``given``: its standard input."""
    session = session_of(sandbox, pod, *words, **({} if given is None else {"stdin": "true"}))
    if given is not None:
        session.hear("stdin", given)
        session.finish("stdin")
    said = dict(session.say())
    return (said.get("stdout") or b"").decode(), (said.get("stderr") or b"").decode(), json.loads(said["error"] or b"")


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


def test_a_shell_joins_pipes_and_redirects_commands(sandbox: Sandbox) -> None:
    pod = pod_of(sandbox, "cart")
    script = "cd /tmp && echo one > list; echo two >> list; cat list | wc -l; ls nope 2>/dev/null || echo none"
    assert ran(sandbox, pod, "sh", "-c", script)[0] == "2\nnone\n"
    assert ran(sandbox, pod, "cat", "/tmp/list")[0] == "one\ntwo\n"


def test_a_shell_fills_variables_in(sandbox: Sandbox) -> None:
    script = """x=4; echo "$x ${PORT} ${NONE:-rest} $(hostname)" '$x'; false; echo $?"""
    pod = pod_of(sandbox, "cart")
    assert ran(sandbox, pod, "sh", "-c", script)[0] == f"4 8080 rest {pod} $x\n1\n"


def test_a_shell_says_which_of_its_words_are_not_imitated(sandbox: Sandbox) -> None:
    _, complaint, end = ran(sandbox, pod_of(sandbox, "cart"), "sh", "-c", "for x in 1 2; do echo $x; done")
    assert complaint.startswith("the sandbox does not imitate 'for'")
    assert end["details"]["causes"][0]["message"] != "0"


def test_what_is_mounted_cannot_be_written_to(sandbox: Sandbox) -> None:
    _, complaint, _ = ran(sandbox, pod_of(sandbox, "cart"), "sh", "-c", "echo x > /srv/program.py")
    assert complaint == "sh: 1: cannot create /srv/program.py: Read-only file system\n"


def test_what_was_written_is_gone_when_the_container_starts_again(sandbox: Sandbox) -> None:
    pod = pod_of(sandbox, "cart")
    ran(sandbox, pod, "touch", "/tmp/here")
    assert ran(sandbox, pod, "ls", "/tmp")[0] == "here\n"
    container = sandbox.store.get("Pod", "shop", pod)["spec"]["containers"][0]["name"]  # type: ignore[index]
    sandbox.behaviour.end_container("shop", pod, container, 1)
    sandbox.advance(30)
    assert ran(sandbox, pod, "ls", "/tmp")[0] == ""


def test_a_program_reads_what_the_client_sends(sandbox: Sandbox) -> None:
    assert ran(sandbox, pod_of(sandbox, "cart"), "grep", "-c", "o", given=b"one\nsix\ntwo\n")[0] == "2\n"


def test_tar_is_done_with_the_end_of_the_archive(sandbox: Sandbox) -> None:
    pod, sink = pod_of(sandbox, "cart"), io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        entry = tarfile.TarInfo("note")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"hi\n"))
    session = session_of(sandbox, pod, "tar", "-xmf", "-", "-C", "/tmp", stdin="true")
    session.hear("stdin", sink.getvalue()[:700])
    assert session.say() == []
    session.hear("stdin", sink.getvalue()[700:])
    assert dict(session.say()).keys() == {"error"}
    assert ran(sandbox, pod, "cat", "/tmp/note")[0] == "hi\n"


def test_a_shell_on_a_terminal_shows_what_is_typed(sandbox: Sandbox) -> None:
    session = session_of(sandbox, pod_of(sandbox, "cart"), "sh", stdin="true", tty="true")
    session.hear("stdin", b"echo hi\rexit 3\r")
    said = session.say()
    printed = b"".join(data or b"" for name, data in said if name == "stdout")
    assert printed == b"# echo hi\r\nhi\r\n# exit 3\r\n"
    assert json.loads(said[-1][1] or b"")["details"]["causes"][0]["message"] == "3"
