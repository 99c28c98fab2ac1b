"""The stand-in program's settings, and what the kubelet model makes of a command line."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

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


def test_requests_take_turns_with_the_dependencies_when_they_call_only_some() -> None:
    calls = {f"{name}_URL": f"http://{name.lower()}:80/" for name in "ABC"}
    settings = program.read_settings({**PORT, **calls, "FANOUT_LIMIT": "2"})
    assert [[name for name, _ in settings.callees(turn)] for turn in range(3)] == [
        ["A_URL", "B_URL"],
        ["C_URL", "A_URL"],
        ["B_URL", "C_URL"],
    ]


def test_without_a_limit_each_request_calls_every_dependency() -> None:
    calls = {f"{name}_URL": f"http://{name.lower()}:80/" for name in "ABC"}
    assert len(program.read_settings({**PORT, **calls}).callees(7)) == 3


def test_a_datastore_refuses_another_password_and_only_that() -> None:
    store = program.read_settings({**PORT, "DATA_DIR": "/data", "STORE_PASSWORD": "right"})
    client = program.read_settings({**PORT, "CART_URL": "http://cart/", "CART_PASSWORD": "wrong"})
    assert store.refuses(client.shown_to("CART_URL"))
    assert not store.refuses("right")
    assert not store.refuses(client.shown_to("OTHER_URL"))


def test_a_program_that_is_no_datastore_asks_for_no_password() -> None:
    assert not program.read_settings({**PORT, "STORE_PASSWORD": "right"}).refuses("wrong")


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


@contextlib.contextmanager
def running(environment: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The real program: (its URL, its process once it listens)."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    usual = {"PORT": str(port), "WORKING_SET_MB": "1", "START_CPU_MS": "1"}
    command = [sys.executable, program.__file__, "serve"]
    process = subprocess.Popen(command, env={**usual, **environment}, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("INFO starting\n")
        assert process.stdout.readline().endswith(f"listening on :{port}\n")
        yield f"http://127.0.0.1:{port}/", process
    finally:
        process.terminate()
        process.wait(10)


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_the_real_program_logs_requests_but_not_looks_at_its_health(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with running({"LOG_FILE": str(log)}) as (url, _):
        assert [status_of(url), status_of(url + "healthz"), status_of(url)] == [200, 200, 200]
    assert [line.split(" ", 2)[2] for line in log.read_text().splitlines()] == ["GET /", "GET /"]


def test_a_disk_that_is_full_fails_the_request_and_says_so() -> None:
    with running({"LOG_FILE": "/dev/full"}) as (url, process):
        assert status_of(url) == 500
        assert process.stdout is not None
        assert process.stdout.readline().endswith("ERROR cannot write to /dev/full: No space left on device\n")


def test_a_wrong_password_is_told_on_both_sides(tmp_path: Path) -> None:
    with running({"DATA_DIR": str(tmp_path), "STORE_PASSWORD": "right \n"}) as (store, told):
        for shown, status in (("right \n", 200), ("wrong", 502)):
            with running({"STORE_URL": store, "STORE_PASSWORD": shown}) as (url, process):
                assert status_of(url) == status
        assert process.stdout is not None and told.stdout is not None
        assert process.stdout.readline().endswith(f"ERROR call to {store} failed: status 401\n")
        assert told.stdout.readline().endswith("ERROR refused a caller: wrong password\n")
    assert len((tmp_path / program.RECORDS).read_text().splitlines()) == 1


def test_a_folder_that_is_not_there_ends_the_program() -> None:
    environment = {**PORT, "DATA_DIR": "/nowhere/data", "START_CPU_MS": "1", "WORKING_SET_MB": "1"}
    command = [sys.executable, program.__file__, "serve"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == program.EXIT_SETTING
    assert ran.stdout.endswith("FATAL DATA_DIR: cannot write to '/nowhere/data': No such file or directory\n")


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
