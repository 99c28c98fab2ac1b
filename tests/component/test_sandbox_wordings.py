"""What nodes and scheduler say, in the words and the order of a real cluster."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import program
from ansible_collections.e2ereme.remediate.sandbox.systems.parts import node

SPACE = "/api/v1/namespaces/default"
CLAIM = {
    "metadata": {"name": "there"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "none",
        "resources": {"requests": {"storage": "1Gi"}},
    },
}


def sandbox_with(pod: dict[str, Any]) -> Any:
    """The Pod ``web`` of this spec, some seconds after it was made."""
    made = Sandbox()
    for number in (1, 2):
        made.create(node(f"node-{number}", f"10.0.0.{number}", 2, 4096))
    made.handle("POST", f"{SPACE}/persistentvolumeclaims", {}, CLAIM)
    made.handle("POST", f"{SPACE}/pods", {}, {"metadata": {"name": "web"}, "spec": pod})
    made.advance(30)
    return made.handle("GET", f"{SPACE}/pods/web").json()


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("there", "pod has unbound immediate PersistentVolumeClaims"),
        ("gone", 'persistentvolumeclaim "gone" not found'),
    ],
)
def test_a_claim_that_cannot_be_used_is_told_of_as_the_scheduler_does(claim: str, reason: str) -> None:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    pod = sandbox_with({"containers": [{"name": "a", "image": "lab/base:1"}], "volumes": volumes})

    said = [item.get("message") for item in pod["status"]["conditions"] if item["type"] == "PodScheduled"]

    assert said == [f"0/2 nodes are available: {reason}. not found"]


def test_statuses_of_containers_are_in_the_order_of_their_names() -> None:
    containers = [{"name": name, "image": "lab/base:1", "command": ["sleep", "infinity"]} for name in ("web", "agent")]
    pod = sandbox_with({"containers": containers})

    assert [item["name"] for item in pod["spec"]["containers"]] == ["web", "agent"]
    assert [item["name"] for item in pod["status"]["containerStatuses"]] == ["agent", "web"]


def test_the_program_has_nothing_to_say_of_a_client_that_went_away() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PORT": str(port), "START_CPU_MS": "1", "REQUEST_CPU_MS": "100"}
    running = subprocess.Popen(
        [sys.executable, program.__file__, "serve"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        assert running.stdout is not None
        for _ in range(2):
            running.stdout.readline()  # starting, listening
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # it resets as it goes
                client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        time.sleep(1.0)
    finally:
        running.terminate()
        rest = running.communicate(timeout=10)[0].decode()

    assert json.dumps(rest) == '""'
