"""The stand-in program's settings, and what the kubelet model makes of a command line."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from ansible_collections.e2ereme.remediate.sandbox.nodes.imitation import live
from ansible_collections.e2ereme.remediate.sandbox.systems import program

FILES = frozenset({"/srv/program.py"})
SERVE = ["python3", "/srv/program.py", "serve"]
PORT = {"PORT": "8080"}


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"LOG_LEVEL": "inof"}, "LOG_LEVEL: unknown log level 'inof', use one of debug, info, warning, error"),
        ({"POOL_SIZE": "1O"}, "POOL_SIZE: '1O' is not a positive whole number"),
        ({"TRACING_ENABLED": "yes"}, "TRACING_ENABLED: unknown switch 'yes', use one of true, false"),
        ({"CART_URL": "cart:8080"}, "CART_URL: 'cart:8080' is not an http URL"),
        ({"REQUIRED_SETTINGS": "REGION"}, "REGION: required setting is missing"),
        ({"PORT": "80a"}, "PORT: '80a' is not a port number"),
    ],
)
def test_a_bad_setting_is_named_with_its_value(environment: dict[str, str], words: str) -> None:
    with pytest.raises(program.BadSetting) as caught:
        program.read_settings({**PORT, **environment})
    assert str(caught.value) == words


def test_variables_that_kubernetes_injects_for_services_are_no_settings() -> None:
    injected = {
        "CACHE_SIZE_PORT": "tcp://10.96.0.7:80",
        "CART_PORT_8080_TCP_ADDR": "10.96.0.7",
        "CART_SERVICE_HOST": "x",
    }
    assert program.read_settings({**PORT, **injected}).calls == ()


def test_the_real_program_exits_and_logs_as_the_imitation_says() -> None:
    environment = {**PORT, "LOG_LEVEL": "loud"}
    ran = subprocess.run(
        [sys.executable, program.__file__, "serve"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    life = live(SERVE, environment, FILES, {})
    assert ran.returncode == life.exit_code
    assert ran.stdout.split(" ", 1)[1].strip() == " ".join(life.log[-1])


def test_the_real_program_serves_health_and_reports_a_failed_call() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    environment = {"PORT": str(port), "GONE_URL": "http://127.0.0.1:1/", "WORKING_SET_MB": "1", "START_CPU_MS": "1"}
    process = subprocess.Popen(
        [sys.executable, program.__file__, "serve"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        said = [process.stdout.readline().split(" ", 1)[1].strip() for _ in range(2)]
        assert said == ["INFO starting", f"INFO listening on :{port}"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10)
        assert caught.value.code == 502
        assert "call to http://127.0.0.1:1/ failed: connection refused" in process.stdout.readline()
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_a_program_that_is_not_there_is_refused_in_runcs_words() -> None:
    life = live(["pyhton3", "/srv/program.py"], PORT, FILES, {})
    assert life.refusal.endswith('exec: "pyhton3": executable file not found in $PATH: unknown')


def test_a_shell_that_cannot_find_its_program_exits_127() -> None:
    life = live(["/bin/sh", "-c", "exec pyhton3 /srv/program.py serve"], PORT, FILES, {})
    assert (life.exit_code, life.log[0][1]) == (127, "/bin/sh: 1: exec: pyhton3: not found".removeprefix("/bin/"))


def test_a_script_that_is_not_mounted_exits_2() -> None:
    assert live(["python3", "/srv/main.py", "serve"], PORT, FILES, {}).exit_code == 2


def test_a_limit_below_the_working_set_is_an_oom_kill() -> None:
    life = live(SERVE, {**PORT, "WORKING_SET_MB": "64"}, FILES, {"memory": "70Mi"})
    assert (life.exit_code, life.reason) == (137, "OOMKilled")


def test_a_limit_above_the_working_set_lets_it_serve() -> None:
    life = live(SERVE, {**PORT, "WORKING_SET_MB": "64"}, FILES, {"memory": "96Mi"})
    assert life.exit_code is None and life.settings is not None and life.settings.port == 8080


def test_a_tiny_cpu_limit_makes_the_start_slow() -> None:
    quick, slow = live(SERVE, PORT, FILES, {"cpu": "1"}), live(SERVE, PORT, FILES, {"cpu": "2m"})
    assert quick.seconds < 1 < 20 < slow.seconds
