"""A served sandbox with the largest system stays small, with all that clients read of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.sandbox.over_http import HttpTransport

MEGABYTES = 150
KINDS = (
    "/api/v1/namespaces/train-ticket/pods",
    "/api/v1/namespaces/train-ticket/services",
    "/api/v1/namespaces/train-ticket/secrets",
    "/api/v1/namespaces/train-ticket/configmaps",
    "/api/v1/namespaces/train-ticket/events",
    "/apis/apps/v1/namespaces/train-ticket/deployments",
    "/apis/apps/v1/namespaces/train-ticket/replicasets",
    "/apis/discovery.k8s.io/v1/namespaces/train-ticket/endpointslices",
    "/apis/metrics.k8s.io/v1beta1/namespaces/train-ticket/pods",
    "/openapi/v3/apis/apps/v1",
)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, object]]:
    """What the command says about the sandbox that it started."""
    command = [sys.executable, "-m", "ansible_collections.e2ereme.remediate.cli", "sandbox"]
    where = ["--dir", str(tmp_path)]
    subprocess.run([*command, "start", "--system", "train-ticket", "--speed", "20", *where], check=True, timeout=60)
    try:
        yield json.loads((tmp_path / "state.json").read_text())
    finally:
        subprocess.run([*command, "stop", *where], check=True, timeout=60)


def test_a_served_train_ticket_needs_less_than_150_mb(served: dict[str, object]) -> None:
    transport = HttpTransport(str(served["url"]))
    for path in KINDS * 3:
        assert transport.request("GET", path).status == 200
    pods = json.loads(transport.request("GET", KINDS[0]).body)["items"]
    assert len(pods) > 50
    for pod in pods:  # every workload anew, as after a change of everything
        transport.request("DELETE", f"{KINDS[0]}/{pod['metadata']['name']}")
    transport.sleep(90.0)
    for path in KINDS:
        assert transport.request("GET", path).status == 200
    told = Path(f"/proc/{served['pid']}/status").read_text()
    peak = next(int(line.split()[1]) for line in told.splitlines() if line.startswith("VmHWM"))
    print(f"peak {peak / 1024:.0f} MB")
    assert peak / 1024 < MEGABYTES
