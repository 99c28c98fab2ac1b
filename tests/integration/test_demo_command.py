"""``e2ereme demo`` from outside: what it shows, leaves behind and returns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.cli.demo import stage
from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport

Truthful = Callable[[Any, Callable[[], Cluster]], str]


@dataclass
class Demo:
    """The command, in a folder of its own, with a model that knows what was injected."""

    place: Path
    truthful: Truthful

    @property
    def out(self) -> Path:
        return self.place / "episode"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "ansible_collections.e2ereme.remediate.cli", "demo", *arguments]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.place,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "XDG_STATE_HOME": str(self.place / "state")},
        )

    def repair(self, fault: str, *arguments: str) -> subprocess.Popen[str]:
        """Started on a fault."""
        injected = stage(fault, 0).injected
        url = self.truthful(injected, self.cluster)
        return self.start("--fault", fault, "--speed", "20", "--out", "episode", "--model", url, *arguments)

    def cluster(self) -> Cluster:
        """The simulated cluster, while it runs."""
        return Cluster(KubernetesTransport({"kubeconfig": str(self.out / "kubeconfig")}))

    def episode(self) -> dict[str, Any]:
        found = json.loads((self.out / "episode.json").read_text("utf-8"))
        assert isinstance(found, dict)
        return found


@pytest.fixture
def demo(tmp_path: Path, truthful: Truthful) -> Demo:
    return Demo(tmp_path, truthful)


def test_a_fault_is_shown_repaired_and_told(demo: Demo) -> None:
    output, _ = (process := demo.repair("service_target_port")).communicate(timeout=120)

    assert process.returncode == 0, output
    assert demo.episode()["outcome"] == "resolved"
    before, _, after = output.partition("── Repair")
    assert "HTTP 503" in before
    assert "HTTP 503" not in after.partition("── Afterwards")[2]
    assert "targetPort: " in after
    assert "ansible-playbook episode/attempt-1/undo.yml" in after
    assert (demo.out / "report.txt").read_text() in before.replace("\n  ", "\n") + "\n"


def test_where_handing_over_is_right_it_says_why_and_fails(demo: Demo) -> None:
    output, _ = (process := demo.repair("missing_service_account")).communicate(timeout=120)

    assert process.returncode == 2, output
    assert "\nescalated: " in output
    assert "Handing this fault over to a person is right: " in output


def test_an_unknown_fault_is_refused_with_the_known_ones(demo: Demo) -> None:
    output, _ = (process := demo.start("--fault", "gremlins")).communicate(timeout=60)

    assert process.returncode == 1
    assert "There is no fault 'gremlins'" in output
    assert "bad_image_tag, configuration_error" in output
    assert "Traceback" not in output


def test_an_interrupt_undoes_and_leaves_nothing_running(demo: Demo) -> None:
    process = demo.repair("bad_image_tag", "--speed", "1")
    assert process.stdout is not None
    for line in process.stdout:
        if line.split()[:1] == ["verify"]:
            break

    process.send_signal(signal.SIGINT)
    process.wait(60)

    assert process.returncode == 130
    assert demo.episode()["outcome"] == "cancelled"
    assert demo.episode()["attempts"][0]["undone"]["complete"] is True
    wait_for(lambda: processes(str(demo.out)) == [])


def processes(marker: str) -> list[str]:
    """Command lines that contain ``marker``."""
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if marker in line]


def wait_for(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Waits for what other processes do."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
