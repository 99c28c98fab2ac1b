"""An unmodified kubectl that talks with containers of the sandbox: exec, cp, attach, run, debug, port-forward."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import serve
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

KUBECTL = shutil.which("kubectl") or ""
pytestmark = pytest.mark.skipif(not KUBECTL, reason="kubectl is not on PATH")

Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]
SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
"""What makes kubectl speak as its versions before 1.31 do."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    home = tmp_path_factory.mktemp("kubectl")
    sandbox = Sandbox(shop(), seed=2)
    sandbox.advance(60)
    with serve(sandbox, speed=5.0) as served:
        (home / "config").write_text(json.dumps(served.kubeconfig), "utf-8")
        yield {**os.environ, "KUBECONFIG": str(home / "config"), "HOME": str(home)}


@pytest.fixture(params=[{}, SPDY], ids=["websocket", "spdy"])
def wire(request: pytest.FixtureRequest, environment: dict[str, str]) -> dict[str, str]:
    return {**environment, **request.param}


@pytest.fixture
def kubectl(wire: dict[str, str]) -> Kubectl:
    def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [KUBECTL, *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, env=wire, timeout=30, check=False)

    return run


@pytest.fixture
def pod(kubectl: Kubectl) -> str:
    return kubectl("get", "pod", "-l", "app=cart", "-o", "jsonpath={.items[0].metadata.name}").stdout


def test_exec_gives_output_and_exit_code(kubectl: Kubectl, pod: str) -> None:
    done = kubectl("exec", pod, "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.stdout, done.returncode) == ("out\n", 3)
    assert done.stderr == "err\ncommand terminated with exit code 3\n"


def test_exec_reads_what_is_piped_in(kubectl: Kubectl, pod: str) -> None:
    assert kubectl("exec", "-i", pod, "--", "sh", given="x=1\necho $x\n").stdout == "1\n"


def test_cp_brings_a_folder_there_and_back(kubectl: Kubectl, pod: str, tmp_path: Path) -> None:
    (tmp_path / "there" / "in").mkdir(parents=True)
    (tmp_path / "there" / "in" / "bytes").write_bytes(bytes(range(256)) * 40)
    assert kubectl("cp", str(tmp_path / "there"), f"{pod}:/tmp/").returncode == 0
    assert kubectl("cp", f"{pod}:/tmp/there", str(tmp_path / "back")).returncode == 0
    assert (tmp_path / "back" / "in" / "bytes").read_bytes() == bytes(range(256)) * 40


def test_run_attaches_to_a_pod_and_takes_it_away_again(kubectl: Kubectl) -> None:
    done = kubectl("run", "-i", "--rm", "brief", "--image=busybox", "--restart=Never", "--", "sh", given="exit\n")
    assert done.returncode == 0 and 'pod "brief" deleted' in done.stdout


def test_port_forward_reaches_the_program(wire: dict[str, str], pod: str) -> None:
    command = [KUBECTL, "port-forward", pod, ":8080"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=wire) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[2]  # Forwarding from 127.0.0.1:40000 -> 8080
        try:
            for _ in range(2):
                with urllib.request.urlopen(f"http://{address}/healthz", timeout=10) as answer:
                    assert answer.read() == b"ok\n"
        finally:
            process.terminate()


def test_debug_puts_a_container_beside_a_running_one(kubectl: Kubectl, pod: str) -> None:
    done = kubectl("debug", pod, "-i", "--image=busybox", "--target=cart", "--", "sh", given="hostname\nexit\n")
    assert (done.returncode, pod in done.stdout.splitlines()) == (0, True), done.stderr


def test_a_pods_resources_are_patched_while_it_runs(kubectl: Kubectl, pod: str) -> None:
    limits = '{"spec":{"containers":[{"name":"cart","resources":{"limits":{"cpu":"900m"}}}]}}'
    done = kubectl("patch", "pod", pod, "--subresource", "resize", "-p", limits)
    assert done.stdout.startswith(f"pod/{pod} patched"), done.stderr
