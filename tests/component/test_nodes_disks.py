"""Slow and failing disks on the sandbox: the services of Simple-Micro write a line to a volume for each request."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.nodes.imitation import live
from ansible_collections.e2ereme.remediate.sandbox.nodes.strain import Strain
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import System, choose

SYSTEM: System = choose("simple-micro")
FRONT, BACK = SYSTEM.service("hello-service"), SYSTEM.service("time-service")


@pytest.fixture
def cluster() -> Sandbox:
    sandbox = Sandbox(SYSTEM)
    sandbox.advance(120)
    return sandbox


def press(sandbox: Sandbox, strain: Strain) -> None:
    for pod in sandbox.store.list("Pod", SYSTEM.namespace):
        if pod["metadata"]["name"].startswith(BACK.name):
            key = pod["metadata"]["name"]
            sandbox.behaviour.world.strains.put(key, pod["metadata"]["uid"], BACK.container, strain)


def visit(sandbox: Sandbox, spec: Any, path: str = "/") -> tuple[int, float, str]:
    answer: tuple[int, float, str] = sandbox.behaviour.proxy(
        "services", SYSTEM.namespace, spec.service, str(spec.service_port), path
    )
    return answer


def test_a_slow_disk_delays_some_requests_and_lets_callers_time_out(cluster: Sandbox) -> None:
    press(cluster, Strain(disk_delay=5, disk_share=0.1, volume=BACK.volume))
    answers = []
    for _ in range(60):
        answers.append((visit(cluster, BACK)[1], visit(cluster, FRONT)))
        cluster.advance(60)
    own = [seconds for seconds, _ in answers]
    assert sum(seconds < 0.1 for seconds in own) > 20
    assert sum(5 <= seconds < 16 for seconds in own) > 5
    failed = [text for _, (status, _, text) in answers if status == 502]
    assert failed
    assert all("no answer within" in text for text in failed)


def test_requests_queue_when_they_come_faster_than_the_disk_takes_them(cluster: Sandbox) -> None:
    press(cluster, Strain(disk_delay=5, disk_share=0.5, volume=BACK.volume))
    first = visit(cluster, BACK)[1]
    cluster.advance(300)
    assert visit(cluster, BACK)[1] > first + 20


def test_probes_and_health_do_not_touch_the_disk(cluster: Sandbox) -> None:
    press(cluster, Strain(disk_delay=5, volume=BACK.volume))
    cluster.advance(120)
    assert visit(cluster, BACK, BACK.health_path)[1] < 0.1
    for pod in cluster.store.list("Pod", SYSTEM.namespace):
        assert pod["status"]["containerStatuses"][0]["ready"]


def test_a_failing_disk_is_said_in_the_log_and_felt_by_the_caller(cluster: Sandbox) -> None:
    press(cluster, Strain(disk_error=True, volume=BACK.volume))
    status, _, text = visit(cluster, BACK)
    assert (status, "Input/output error" in text) == (500, True)
    assert "status 500" in visit(cluster, FRONT)[2]
    name = next(
        pod["metadata"]["name"]
        for pod in cluster.store.list("Pod", SYSTEM.namespace)
        if pod["metadata"]["name"].startswith(BACK.name)
    )
    assert "Input/output error" in cluster.behaviour.logs(SYSTEM.namespace, name, BACK.container)


def test_a_strain_on_another_volume_is_not_felt(cluster: Sandbox) -> None:
    press(cluster, Strain(disk_delay=5, volume="/somewhere/else"))
    assert visit(cluster, BACK)[1] < 0.1


def test_a_program_whose_folder_is_not_mounted_ends_with_its_reason() -> None:
    environment = {"PORT": "8080", "LOG_FILE": "/logs/app.log"}
    argv, files = ["python3", "/srv/program.py", "serve"], frozenset({"/srv/program.py"})
    life = live(argv, environment, files, {})
    assert (life.exit_code, life.log[-1][1].rsplit(": ", 1)[-1]) == (78, "No such file or directory")
    assert live(argv, environment, files, {}, folders=frozenset({"/logs"})).exit_code is None
