"""Requests under strain: what presses on one service shows in its callers, its probes and its metrics."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.nodes.strain import Strain
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import shop

Object = dict[str, Any]


@pytest.fixture
def cluster() -> Sandbox:
    sandbox = Sandbox(shop())
    sandbox.advance(120)
    return sandbox


def pods(sandbox: Sandbox, app: str) -> list[Object]:
    return [item for item in sandbox.store.list("Pod", "shop") if item["metadata"]["labels"]["app"] == app]


def press(sandbox: Sandbox, app: str, strain: Strain, container: str = "") -> None:
    for pod in pods(sandbox, app):
        key = pod["metadata"]["name"]
        sandbox.behaviour.world.strains.put(key, pod["metadata"]["uid"], container, strain)


def release(sandbox: Sandbox, app: str) -> None:
    for pod in pods(sandbox, app):
        sandbox.behaviour.world.strains.remove(pod["metadata"]["name"])


def visit(sandbox: Sandbox, service: str, port: int = 8080, path: str = "/") -> tuple[int, float, str]:
    answer: tuple[int, float, str] = sandbox.behaviour.proxy("services", "shop", service, str(port), path)
    return answer


def events(sandbox: Sandbox, reason: str) -> list[str]:
    return [item["message"] for item in sandbox.store.list("Event", "shop") if item["reason"] == reason]


def ready(sandbox: Sandbox, app: str) -> bool:
    return all(item["status"]["containerStatuses"][0]["ready"] for item in pods(sandbox, app))


def restarts(sandbox: Sandbox, app: str) -> int:
    return max(item["status"]["containerStatuses"][0]["restartCount"] for item in pods(sandbox, app))


def used(sandbox: Sandbox, app: str) -> tuple[float, float]:
    usage = sandbox.behaviour.usage("shop")
    mine = [amount for (pod, _), amount in usage.items() if pod.startswith(f"{app}-")]
    return max(cores for cores, _ in mine), max(size for _, size in mine)


def test_a_caller_pays_a_slow_network_once_for_the_connection_and_once_for_the_answer(cluster: Sandbox) -> None:
    press(cluster, "payment", Strain(delay=0.3))
    status, seconds, _ = visit(cluster, "checkout")
    assert status == 200
    assert seconds == pytest.approx(0.6, abs=0.05)


def test_delay_on_a_service_in_the_middle_is_paid_towards_both_sides(cluster: Sandbox) -> None:
    press(cluster, "checkout", Strain(delay=0.1))
    _, seconds, _ = visit(cluster, "checkout")
    # Two messages to whoever asks; for each of its three dependencies the name, a handshake and a question.
    assert seconds == pytest.approx(0.2 + 3 * 0.3, abs=0.05)


def test_a_delay_beyond_the_callers_patience_is_an_error_in_all_above(cluster: Sandbox) -> None:
    press(cluster, "payment", Strain(delay=3))
    status, seconds, text = visit(cluster, "web")
    assert (status, text.split("failed: ")[-1].strip()) == (502, "no answer within 2 s")
    assert 2 < seconds < 4.5


def test_probes_fail_when_a_round_trip_takes_longer_than_they_wait_and_pass_again_afterwards(cluster: Sandbox) -> None:
    press(cluster, "payment", Strain(delay=0.6))
    cluster.advance(25)
    assert not ready(cluster, "payment")
    assert any(
        text.startswith("Readiness probe failed: Get ")
        and text.endswith("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
        for text in events(cluster, "Unhealthy")
    )
    assert visit(cluster, "payment", 9090)[0] == 503
    release(cluster, "payment")
    cluster.advance(40)
    assert ready(cluster, "payment")
    assert visit(cluster, "web")[0] == 200


def test_a_liveness_probe_that_times_out_restarts_and_the_network_strain_stays(cluster: Sandbox) -> None:
    press(cluster, "payment", Strain(delay=0.6))
    cluster.advance(60)
    assert restarts(cluster, "payment") >= 1
    assert cluster.behaviour.world.strains.holds(pods(cluster, "payment")[0]["metadata"]["name"])


def test_a_short_delay_leaves_the_probes_content(cluster: Sandbox) -> None:
    press(cluster, "payment", Strain(delay=0.4))
    cluster.advance(120)
    assert ready(cluster, "payment")
    assert restarts(cluster, "payment") == 0


def test_loss_shows_as_retransmissions_some_of_them_beyond_a_callers_patience(cluster: Sandbox) -> None:
    press(cluster, "payment", Strain(loss=0.5))
    answers = [visit(cluster, "checkout") for _ in range(200)]
    slow = [seconds for status, seconds, _ in answers if status == 200 and seconds > 0.2]
    failed = [text for status, _, text in answers if status == 502]
    assert 60 < len(slow) < 180
    assert 5 < len(failed) < 80
    assert all("no answer within 2 s" in text for text in failed)


def test_nothing_passes_a_partition(cluster: Sandbox) -> None:
    press(cluster, "payment", Strain(cut=True))
    status, seconds, text = visit(cluster, "checkout")
    assert (status, "no answer within 2 s" in text) == (502, True)
    assert seconds == pytest.approx(2.0, abs=0.1)
    status, seconds, text = visit(cluster, "payment", 9090)
    assert (status, seconds) == (503, 30.0)
    assert text.startswith("error trying to reach service: dial tcp ")


def test_a_partition_between_two_services_leaves_others_alone(cluster: Sandbox) -> None:
    other = frozenset(pod["metadata"]["uid"] for pod in pods(cluster, "checkout"))
    press(cluster, "payment", Strain(cut=True, peers=other))
    assert visit(cluster, "payment", 9090)[0] == 200
    assert visit(cluster, "checkout")[0] == 502


def test_stress_workers_use_the_limit_up_and_make_answers_wait_for_the_next_period(cluster: Sandbox) -> None:
    before = visit(cluster, "payment", 9090)[1]
    press(cluster, "payment", Strain(cores=10), "payment")
    after = visit(cluster, "payment", 9090)[1]
    assert used(cluster, "payment")[0] == pytest.approx(0.5, rel=0.05)
    assert after > 4 * before
    assert after < 0.5
    cluster.advance(60)
    assert ready(cluster, "payment")


def test_memory_stress_beyond_the_limit_kills_its_own_worker_and_not_the_program(cluster: Sandbox) -> None:
    own = used(cluster, "payment")[1]
    press(cluster, "payment", Strain(memory=1280 * 2**20), "payment")
    seen = []
    for _ in range(12):
        cluster.advance(10)
        seen.append(used(cluster, "payment")[1])
    assert max(seen) > own * 1.2
    assert max(seen) < 96 * 2**20
    assert restarts(cluster, "payment") == 0


def test_memory_stress_that_the_kernel_spares_has_the_program_killed_and_is_gone_then(cluster: Sandbox) -> None:
    press(cluster, "payment", Strain(memory=1280 * 2**20, spared=True), "payment")
    cluster.advance(30)
    status = pods(cluster, "payment")[0]["status"]["containerStatuses"][0]
    assert (status["restartCount"], status["lastState"]["terminated"]["reason"]) == (1, "OOMKilled")
    assert status["ready"]
    assert not cluster.behaviour.world.strains.any_stress


def test_memory_stress_within_the_limit_shows_in_the_metrics(cluster: Sandbox) -> None:
    own = used(cluster, "payment")[1]
    press(cluster, "payment", Strain(memory=32 * 2**20), "payment")
    assert used(cluster, "payment")[1] == own + 32 * 2**20


def test_a_changed_image_restarts_the_container_in_place(cluster: Sandbox) -> None:
    pod = pods(cluster, "payment")[0]
    container = {**pod["spec"]["containers"][0], "image": "registry.example/shop/cart:1.4.2"}
    cluster.store.update({**pod, "metadata": dict(pod["metadata"]), "spec": {**pod["spec"], "containers": [container]}})
    cluster.advance(20)
    status = pods(cluster, "payment")[0]["status"]["containerStatuses"][0]
    assert (status["image"], status["restartCount"], status["ready"]) == ("registry.example/shop/cart:1.4.2", 1, True)
    assert "Container payment definition changed, will be restarted" in events(cluster, "Killing")


def test_an_image_without_the_program_crashes_until_the_right_one_is_back(cluster: Sandbox) -> None:
    cluster.behaviour.world.images |= {"gcr.io/google-containers/pause:latest"}
    pod = pods(cluster, "payment")[0]
    whole = pod["spec"]["containers"][0]
    for image in ("gcr.io/google-containers/pause:latest", whole["image"]):
        pod = pods(cluster, "payment")[0]
        spec = {**pod["spec"], "containers": [{**whole, "image": image}]}
        cluster.store.update({**pod, "metadata": dict(pod["metadata"]), "spec": spec})
        cluster.advance(60)
        status = pods(cluster, "payment")[0]["status"]["containerStatuses"][0]
        if image != whole["image"]:
            assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
            assert 'exec: "python3": executable file not found in $PATH' in status["lastState"]["terminated"]["message"]
    assert status["ready"]


def test_what_visitors_met_under_loss_stands_in_the_log_and_stays_there(cluster: Sandbox) -> None:
    press(cluster, "payment", Strain(loss=0.8))
    cluster.advance(60)
    name = pods(cluster, "checkout")[0]["metadata"]["name"]
    first = cluster.behaviour.logs("shop", name, "checkout").splitlines()
    failures = [line for line in first if "call to http://payment:9090/ failed: " in line]
    assert 2 < len(failures) < 24
    assert cluster.behaviour.logs("shop", name, "checkout").splitlines() == first
