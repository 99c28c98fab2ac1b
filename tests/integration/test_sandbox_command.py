"""``e2ereme sandbox``: start, break, write to a file, stop, go on from the file, ask the recording again."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Command]:
    """Calls the command on a folder of its own; whatever still runs there in the end is stopped."""

    def call(action: str, *more: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("e2ereme")), "sandbox", action, "--dir", str(tmp_path), *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)

    yield call
    call("stop")


def _pods(tmp_path: Path) -> str:
    command = [str(Path(sys.executable).with_name("kubectl")), "--kubeconfig", str(tmp_path / "kubeconfig")]
    done = subprocess.run(
        [*command, "get", "pods", "-o", "name"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_sandbox_goes_on_from_its_file_and_its_recording_is_asked_again(sandbox: Command, tmp_path: Path) -> None:
    started = sandbox("start", "--system", "simple-micro", "--record", "recording")
    assert started.stdout.startswith(f"export KUBECONFIG={tmp_path}/kubeconfig"), started.stderr
    assert sandbox("inject", "bad_image_tag", "--seed", "4").returncode == 0
    before = _pods(tmp_path)
    assert sandbox("dump", "all.json").returncode == 0
    assert sandbox("stop").stdout == "stopped\n"
    assert json.loads((tmp_path / "all.json").read_text())["system"] == "simple-micro"

    again = sandbox("replay", "recording")
    assert (again.returncode, "0 not" in again.stdout) == (0, True), again.stdout + again.stderr

    assert sandbox("start", "--load", "all.json").returncode == 0
    assert _pods(tmp_path) == before
    assert "system simple-micro" in sandbox("status").stdout
    assert sandbox("inject", "scaled_to_zero").returncode == 0


def test_its_clock_can_say_what_ours_does(sandbox: Command, tmp_path: Path) -> None:
    assert sandbox("start", "--today").returncode == 0
    url = json.loads((tmp_path / "state.json").read_text())["url"]
    with urllib.request.urlopen(f"{url}/version", timeout=10) as answer:
        theirs = parsedate_to_datetime(answer.headers["Date"])
    assert abs((datetime.now(UTC) - theirs).total_seconds()) < 30


def test_what_cannot_be_loaded_or_replayed_is_said_in_one_line(sandbox: Command, tmp_path: Path) -> None:
    (tmp_path / "odd").write_text("{}")
    for action, *more in (("start", "--load", "odd"), ("replay", "odd"), ("start", "--load", "none"), ("dump", "odd")):
        done = sandbox(action, *more)
        assert (done.returncode != 0, done.stderr.count("\n"), done.stderr[:9]) == (True, 1, "e2ereme: "), done.stderr


def test_it_starts_with_chaos_mesh_and_heals_what_it_broke(sandbox: Command, tmp_path: Path) -> None:
    assert sandbox("start", "--chaos-mesh", "--fault", "scaled_to_zero", "--speed", "50").returncode == 0
    kubectl = [str(Path(sys.executable).with_name("kubectl")), "--kubeconfig", str(tmp_path / "kubeconfig")]

    def names(*words: str) -> str:
        return subprocess.run([*kubectl, *words], capture_output=True, text=True, timeout=60, check=True).stdout

    kinds = names("api-resources", "--api-group=chaos-mesh.org", "-o", "name").split()
    assert [kind.partition(".")[0] for kind in kinds] == [
        "iochaos",
        "networkchaos",
        "podchaos",
        "schedules",
        "stresschaos",
    ]
    assert "broken: scaled_to_zero/live" in sandbox("status").stdout
    assert sandbox("heal").stdout.startswith("healed: scaled_to_zero on Deployment ")
    names("wait", "deployment", "--all", "--for=condition=Available", "--timeout=30s")
    assert "0" not in names("get", "deployments", "-o", "jsonpath={.items[*].spec.replicas}").split()


def test_why_it_does_not_start_is_said_in_one_line(sandbox: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        tries = [
            (sandbox("start", "--port", port), "Address already in use"),
            (sandbox("start", "--speed", "-1"), "Time cannot go at -1"),
            (sandbox("start", "--dir", "file"), "file cannot be made a folder"),
        ]
    for done, part in tries:
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert done.stderr.startswith("e2ereme: ") and part in done.stderr
    assert sandbox("status").returncode == 1
