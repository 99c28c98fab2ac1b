"""How Pods begin and end on the sandbox: init containers, sidecars, startup probes, lifecycle hooks."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import shop

Object = dict[str, Any]


@pytest.fixture
def cluster() -> Sandbox:
    return Sandbox(shop())


def run_pod(sandbox: Sandbox, command: list[str], **spec: Any) -> None:
    """A Pod "job" whose one container, "main", has this command."""
    lifecycle = spec.pop("lifecycle", None)
    main: Object = {"name": "main", "image": "registry.example/shop/cart:1.4.2", "command": command}
    if lifecycle:
        main["lifecycle"] = lifecycle
    sandbox.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "job", "namespace": "shop"},
            "spec": {"containers": [main], "terminationGracePeriodSeconds": 20, **spec},
        }
    )


def init(name: str, *command: str, **more: Any) -> Object:
    return {"name": name, "image": "registry.example/shop/cart:1.4.2", "command": list(command), **more}


def pod(sandbox: Sandbox) -> Object:
    found = sandbox.store.get("Pod", "shop", "job")
    assert found is not None
    return found


def init_states(sandbox: Sandbox) -> list[str]:
    """Of each init container, what it is doing or how it ended."""
    told = []
    for status in pod(sandbox)["status"]["initContainerStatuses"]:
        kind, state = next(iter(status["state"].items()))
        told.append(state.get("reason", kind))
    return told


def main_state(sandbox: Sandbox) -> str:
    kind, state = next(iter(pod(sandbox)["status"]["containerStatuses"][0]["state"].items()))
    return str(state.get("reason", kind))


def condition(sandbox: Sandbox, kind: str) -> Object:
    return next(item for item in pod(sandbox)["status"]["conditions"] if item["type"] == kind)


def events(sandbox: Sandbox, reason: str) -> list[Object]:
    return [
        item
        for item in sandbox.store.list("Event", "shop")
        if item["reason"] == reason and item["involvedObject"]["name"] == "job"
    ]


def test_init_containers_run_one_after_the_other_before_the_rest(cluster: Sandbox) -> None:
    run_pod(cluster, ["sleep", "infinity"], initContainers=[init("a", "sleep", "20"), init("b", "sleep", "20")])
    cluster.advance(10)
    assert (init_states(cluster), main_state(cluster)) == (["running", "PodInitializing"], "PodInitializing")
    assert pod(cluster)["status"]["phase"] == "Pending"
    assert condition(cluster, "Initialized")["message"] == "containers with incomplete status: [a b]"
    cluster.advance(20)
    assert init_states(cluster) == ["Completed", "running"]
    cluster.advance(30)
    assert (init_states(cluster), main_state(cluster)) == (["Completed", "Completed"], "running")
    assert (condition(cluster, "Initialized")["status"], condition(cluster, "Ready")["status"]) == ("True", "True")
    paths = [item["involvedObject"]["fieldPath"] for item in events(cluster, "Started")]
    assert sorted(paths) == ["spec.containers{main}", "spec.initContainers{a}", "spec.initContainers{b}"]


def test_an_init_container_that_fails_keeps_the_rest_waiting(cluster: Sandbox) -> None:
    run_pod(cluster, ["sleep", "infinity"], initContainers=[init("a", "false")])
    cluster.advance(60)
    assert (init_states(cluster), main_state(cluster)) == (["CrashLoopBackOff"], "PodInitializing")
    status = pod(cluster)["status"]["initContainerStatuses"][0]
    assert status["restartCount"] >= 2
    assert status["lastState"]["terminated"]["exitCode"] == 1


def test_a_pod_that_never_restarts_fails_with_its_init_container(cluster: Sandbox) -> None:
    run_pod(cluster, ["sleep", "infinity"], restartPolicy="Never", initContainers=[init("a", "false")])
    cluster.advance(30)
    assert (pod(cluster)["status"]["phase"], main_state(cluster)) == ("Failed", "PodInitializing")


def test_a_sidecar_goes_on_beside_the_rest(cluster: Sandbox) -> None:
    run_pod(cluster, ["sleep", "infinity"], initContainers=[init("a", "sleep", "infinity", restartPolicy="Always")])
    cluster.advance(30)
    assert (init_states(cluster), main_state(cluster)) == (["running"], "running")
    assert condition(cluster, "Ready")["status"] == "True"


def test_liveness_waits_until_the_startup_probe_has_passed(cluster: Sandbox) -> None:
    ask = {"httpGet": {"path": "/healthz", "port": 8080}}
    found = cluster.store.get("Deployment", "shop", "cart")
    assert found is not None
    container = dict(found["spec"]["template"]["spec"]["containers"][0])
    container["env"] = [*container["env"], {"name": "START_CPU_MS", "value": "20000"}]
    container["livenessProbe"] = {**ask, "periodSeconds": 1, "failureThreshold": 2}
    spec = {key: value for key, value in found["spec"]["template"]["spec"].items() if key != "containers"}
    slow = {**container, "name": "main", "startupProbe": {**ask, "periodSeconds": 2, "failureThreshold": 60}}
    meta = {"name": "job", "namespace": "shop"}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {**spec, "containers": [slow]}})
    cluster.advance(20)
    assert pod(cluster)["status"]["containerStatuses"][0]["started"] is False
    cluster.advance(60)
    status = pod(cluster)["status"]["containerStatuses"][0]
    assert (status["started"], status["ready"], status["restartCount"]) == (True, True, 0)
    assert events(cluster, "Unhealthy")[0]["message"].startswith("Startup probe failed: ")


def test_a_hook_before_the_stop_delays_the_end_but_not_beyond_the_grace_period(cluster: Sandbox) -> None:
    for slept, gone_after in (("8", 12), ("60", 21)):
        hook = {"preStop": {"exec": {"command": ["sh", "-c", f"sleep {slept}"]}}}
        run_pod(cluster, ["nginx"], lifecycle=hook)
        cluster.advance(30)
        cluster.handle("DELETE", "/api/v1/namespaces/shop/pods/job")
        cluster.advance(gone_after - 5)
        assert cluster.store.get("Pod", "shop", "job") is not None
        cluster.advance(5)
        assert cluster.store.get("Pod", "shop", "job") is None


def test_a_program_that_does_not_hear_the_signal_takes_the_whole_grace_period(cluster: Sandbox) -> None:
    run_pod(cluster, ["sleep", "infinity"])
    cluster.advance(30)
    cluster.handle("DELETE", "/api/v1/namespaces/shop/pods/job")
    cluster.advance(18)
    assert cluster.store.get("Pod", "shop", "job") is not None
    cluster.advance(3)
    assert cluster.store.get("Pod", "shop", "job") is None


def test_a_hook_after_the_start_that_fails_has_the_container_killed(cluster: Sandbox) -> None:
    run_pod(cluster, ["nginx"], lifecycle={"postStart": {"exec": {"command": ["no-such-program"]}}})
    cluster.advance(60)
    assert main_state(cluster) == "CrashLoopBackOff"
    assert events(cluster, "FailedPostStartHook")[0]["message"] == "PostStartHook failed"


def test_a_pod_with_a_finalizer_is_seen_to_have_ended_until_it_may_go(cluster: Sandbox) -> None:
    run_pod(cluster, ["nginx"])
    cluster.advance(30)
    path, merge = "/api/v1/namespaces/shop/pods/job", "application/merge-patch+json"
    cluster.handle("PATCH", path, {}, {"metadata": {"finalizers": ["example.com/held"]}}, merge)
    cluster.handle("DELETE", path)
    cluster.advance(60)
    assert (main_state(cluster), pod(cluster)["status"]["phase"]) == ("Completed", "Succeeded")
    assert condition(cluster, "Ready")["status"] == "False"
    cluster.handle("PATCH", path, {}, {"metadata": {"finalizers": None}}, merge)
    cluster.advance(1)
    assert cluster.store.get("Pod", "shop", "job") is None
