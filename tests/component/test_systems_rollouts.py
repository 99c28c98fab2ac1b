"""Controllers and kubelets on the sandbox: rollouts, probes, crashes, requests, in the real ones' words."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import shop
from ansible_collections.e2ereme.remediate.sandbox.systems.edits import Edit, carry_out, container_path
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import Api

Object = dict[str, Any]


@pytest.fixture
def cluster() -> Sandbox:
    sandbox = Sandbox(shop())
    sandbox.advance(120)
    return sandbox


def change(sandbox: Sandbox, kind: str, name: str, path: tuple[Any, ...], value: Any) -> None:
    carry_out(Api(sandbox.transport()), "shop", [Edit(kind, name, path, None, value)], "kubectl-edit")


def pods(sandbox: Sandbox, app: str) -> list[Object]:
    return [item for item in sandbox.store.list("Pod", "shop") if item["metadata"]["labels"]["app"] == app]


def state_of(pod: Object) -> tuple[str, Object]:
    return next(iter(pod["status"]["containerStatuses"][0]["state"].items()))


def newest(sandbox: Sandbox, app: str) -> Object:
    return max(
        pods(sandbox, app),
        key=lambda pod: int(pod["metadata"]["resourceVersion"]) if state_of(pod)[0] != "running" else 0,
    )


def condition(sandbox: Sandbox, name: str, kind: str) -> Object:
    live = sandbox.store.get("Deployment", "shop", name)
    assert live is not None
    return next(item for item in live["status"]["conditions"] if item["type"] == kind)


def events(sandbox: Sandbox, reason: str) -> list[str]:
    return [item["message"] for item in sandbox.store.list("Event", "shop") if item["reason"] == reason]


def test_a_rolling_update_never_has_fewer_pods_available_than_allowed(cluster: Sandbox) -> None:
    lowest = []

    def watch(_type: str, _old: Object | None, new: Object | None) -> None:
        if new is not None and new["kind"] == "Deployment" and new["metadata"]["name"] == "web":
            lowest.append(new["status"].get("availableReplicas", 0))

    cluster.store.subscribe(watch)
    change(cluster, "Deployment", "web", container_path("web", "env", {"name": "CALL_TIMEOUT_MS"}, "value"), "900")
    cluster.advance(120)
    assert min(lowest) == 2
    assert condition(cluster, "web", "Progressing")["reason"] == "NewReplicaSetAvailable"


def test_an_image_that_is_not_there_ends_in_image_pull_back_off(cluster: Sandbox) -> None:
    change(cluster, "Deployment", "cart", container_path("cart", "image"), "registry.example/shop/cart:9.9.9")
    cluster.advance(60)
    kind, state = state_of(newest(cluster, "cart"))
    assert (kind, state["reason"]) == ("waiting", "ImagePullBackOff")
    assert "registry.example/shop/cart:9.9.9: not found" in state["message"]
    assert len([pod for pod in pods(cluster, "cart") if state_of(pod)[0] == "running"]) == 2


def test_a_rollout_that_does_not_get_on_exceeds_its_deadline(cluster: Sandbox) -> None:
    change(cluster, "Deployment", "cart", container_path("cart", "image"), "registry.example/shop/cart:9.9.9")
    cluster.advance(700)
    progressing = condition(cluster, "cart", "Progressing")
    assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert progressing["message"].endswith('" has timed out progressing.')


def test_a_missing_key_is_a_config_error_until_it_appears(cluster: Sandbox) -> None:
    data = cluster.store.get("ConfigMap", "shop", "cart-config")
    assert data is not None
    change(cluster, "ConfigMap", "cart-config", ("data", "LOG_LEVEL"), None)
    change(cluster, "Deployment", "cart", ("spec", "template", "metadata", "annotations", "a"), "b")
    cluster.advance(30)
    _, state = state_of(newest(cluster, "cart"))
    assert state == {
        "reason": "CreateContainerConfigError",
        "message": "couldn't find key LOG_LEVEL in ConfigMap shop/cart-config",
    }
    change(cluster, "ConfigMap", "cart-config", ("data", "LOG_LEVEL"), "info")
    cluster.advance(60)
    assert {state_of(pod)[0] for pod in pods(cluster, "cart")} == {"running"}


def test_a_crash_loop_backs_off_and_keeps_the_previous_log(cluster: Sandbox) -> None:
    change(cluster, "Deployment", "payment", container_path("payment", "env", {"name": "POOL_SIZE"}, "value"), "many")
    cluster.advance(200)
    pod = newest(cluster, "payment")
    status = pod["status"]["containerStatuses"][0]
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["lastState"]["terminated"]["exitCode"] == 78
    assert status["restartCount"] >= 3
    log = cluster.behaviour.logs("shop", pod["metadata"]["name"], "payment", True, None)
    assert log.endswith("FATAL POOL_SIZE: 'many' is not a positive whole number\n")


def test_a_probe_at_a_wrong_path_says_the_status_code(cluster: Sandbox) -> None:
    change(cluster, "Deployment", "cart", container_path("cart", "readinessProbe", "httpGet", "path"), "/nope")
    cluster.advance(60)
    assert "Readiness probe failed: HTTP probe failed with statuscode: 404" in events(cluster, "Unhealthy")


def test_a_liveness_probe_that_fails_restarts_the_container(cluster: Sandbox) -> None:
    change(cluster, "Deployment", "cart", container_path("cart", "livenessProbe", "httpGet", "path"), "/nope")
    cluster.advance(120)
    assert "Container cart failed liveness probe, will be restarted" in events(cluster, "Killing")
    assert max(pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods(cluster, "cart")) > 0


def test_a_pod_that_no_node_takes_says_why(cluster: Sandbox) -> None:
    change(cluster, "Deployment", "cart", ("spec", "template", "spec", "nodeSelector"), {"disktype": "ssd"})
    cluster.advance(5)
    wanted = (
        "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, "
        "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    )
    assert events(cluster, "FailedScheduling") == [wanted]


def test_pods_are_scheduled_when_a_cordoned_node_comes_back(cluster: Sandbox) -> None:
    for name in ("node-1", "node-2"):
        change(cluster, "Node", name, ("spec", "unschedulable"), True)
    change(cluster, "Deployment", "shipping", ("spec", "replicas"), 2)
    cluster.advance(10)
    assert len([pod for pod in pods(cluster, "shipping") if pod["spec"].get("nodeName")]) == 1
    change(cluster, "Node", "node-1", ("spec", "unschedulable"), None)
    cluster.advance(30)
    assert len([pod for pod in pods(cluster, "shipping") if pod["spec"].get("nodeName")]) == 2


def test_refused_pods_do_not_spin_the_controller(cluster: Sandbox) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "shop"}}
    cluster.create({**quota, "spec": {"hard": {"pods": "1"}}})
    change(cluster, "Deployment", "cart", ("spec", "replicas"), 3)
    cluster.advance(600)
    failed = condition(cluster, "cart", "ReplicaFailure")
    assert (
        failed["reason"] == "FailedCreate" and "exceeded quota: q, requested: pods=1, used: pods=" in failed["message"]
    )
    told = events(cluster, "FailedCreate")
    assert len(told) < 30
    assert any(said.startswith("(combined from similar events): Error creating: pods ") for said in told)


def test_room_under_a_quota_is_found_at_the_next_try_which_comes_late(cluster: Sandbox) -> None:
    """As on a real cluster: the work queue doubles its wait, and does not hear of the quota."""
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "shop"}}
    cluster.create({**quota, "spec": {"hard": {"pods": "1"}}})
    change(cluster, "Deployment", "cart", ("spec", "replicas"), 3)
    tries = []

    def watch(_type: str, _old: Object | None, new: Object | None) -> None:
        if new is not None and new["kind"] == "Event" and new["reason"] == "FailedCreate":
            tries.append(cluster.clock.elapsed)

    cluster.store.subscribe(watch)
    cluster.advance(100)
    change(cluster, "ResourceQuota", "q", ("spec", "hard", "pods"), "50")
    coming = tries[-1] + 2 * (tries[-1] - tries[-2]) - cluster.clock.elapsed
    assert coming > 2
    cluster.advance(coming - 1)
    assert len(pods(cluster, "cart")) == 2
    cluster.advance(2)
    assert len(pods(cluster, "cart")) == 3


@pytest.mark.parametrize(
    ("service", "port", "status", "words"),
    [
        ("web", "8080", 200, "ok\n"),
        ("web", "http", 200, "ok\n"),
        ("web", "99", 503, 'no service port 99 found for service "web"'),
        ("web", "zzz", 503, 'no endpoints available for service "web"'),
        ("nope", "80", 404, 'services "nope" not found'),
    ],
)
def test_the_service_proxy_answers_in_the_api_servers_words(
    cluster: Sandbox, service: str, port: str, status: int, words: str
) -> None:
    code, _, body = cluster.behaviour.proxy("services", "shop", service, port, "/")
    assert (code, body) == (status, words)


def test_a_target_port_where_nobody_listens_refuses_and_the_caller_fails(cluster: Sandbox) -> None:
    change(cluster, "Service", "payment", ("spec", "ports", 0, "targetPort"), 9099)
    code, _, body = cluster.behaviour.proxy("services", "shop", "payment", "9090", "/")
    assert code == 503 and body.endswith(":9099: connect: connection refused")
    assert cluster.behaviour.proxy("services", "shop", "checkout", "8080", "/")[0] == 502
    cluster.advance(60)
    log = cluster.behaviour.logs("shop", pods(cluster, "checkout")[0]["metadata"]["name"], "checkout", False, 1)
    assert "call to http://payment:9090/ failed: connection refused" in log


def test_a_name_that_is_no_service_does_not_resolve(cluster: Sandbox) -> None:
    change(
        cluster, "Deployment", "web", container_path("web", "env", {"name": "CART_URL"}, "value"), "http://crat:8080/"
    )
    cluster.advance(60)
    assert (
        cluster.behaviour.proxy("services", "shop", "web", "8080", "/")[2]
        == "call to http://crat:8080/ failed: name resolution\n"
    )


def test_deleting_a_deployment_takes_its_pods_with_it(cluster: Sandbox) -> None:
    Api(cluster.transport()).delete("Deployment", "shop", "cart")
    cluster.advance(10)
    assert pods(cluster, "cart") == []
    assert [
        item for item in cluster.store.list("ReplicaSet", "shop") if item["metadata"]["name"].startswith("cart-")
    ] == []
