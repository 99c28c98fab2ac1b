"""A machine that is lost, what Kubernetes makes of it, and that it is the sandbox's to lose."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.benchmark.cases import BENCHMARK_SEEDS, Case
from ansible_collections.e2ereme.remediate.benchmark.methods import method
from ansible_collections.e2ereme.remediate.benchmark.run import measure
from ansible_collections.e2ereme.remediate.sandbox import faults
from ansible_collections.e2ereme.remediate.sandbox.api.exchange import Response
from ansible_collections.e2ereme.remediate.sandbox.over_http import HttpTransport
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox, SandboxTransport
from ansible_collections.e2ereme.remediate.sandbox.server import serve
from ansible_collections.e2ereme.remediate.sandbox.switches import MACHINES
from ansible_collections.e2ereme.remediate.sandbox.systems import System, prepare
from ansible_collections.e2ereme.remediate.sandbox.systems.choose import choose

Lost = tuple[Sandbox, System, faults.Injected]


def lost(variant: str = "gone", name: str = "shop") -> Lost:
    system = choose(name)
    sandbox = Sandbox(system, 1)
    prepare(sandbox, system)
    return sandbox, system, faults.inject("node_lost", sandbox.transport(), system, random.Random(2), variant)


def node_of(sandbox: Sandbox, injected: faults.Injected) -> Any:
    return sandbox.handle("GET", f"/api/v1/nodes/{injected.culprit['name']}").json()


def pods(sandbox: Sandbox, injected: faults.Injected) -> list[Any]:
    """The workload's Pods."""
    items = sandbox.handle("GET", f"/api/v1/namespaces/{injected.namespace}/pods").json()["items"]
    return [pod for pod in items if pod["metadata"]["name"].startswith(injected.workload["name"])]


def ready(node: Any) -> str:
    return next(str(item["status"]) for item in node["status"]["conditions"] if item["type"] == "Ready")


def test_a_lost_machine_is_unknown_and_tainted_and_its_pods_are_not_ready() -> None:
    sandbox, _, injected = lost()

    assert faults.confirm(sandbox.transport(), injected)
    node = node_of(sandbox, injected)
    assert ready(node) == "Unknown"
    assert {taint["key"] for taint in node["spec"]["taints"]} == {"node.kubernetes.io/unreachable"}
    assert (injected.right, injected.edits) == ("escalate", ())


def test_what_ran_there_is_started_elsewhere_after_five_minutes() -> None:
    sandbox, system, injected = lost()

    sandbox.advance(400)

    assert faults.healthy(sandbox.transport(), system) == ()
    running = [pod for pod in pods(sandbox, injected) if "deletionTimestamp" not in pod["metadata"]]
    assert running and all(pod["spec"]["nodeName"] != injected.culprit["name"] for pod in running)
    assert ready(node_of(sandbox, injected)) == "Unknown"


@pytest.mark.parametrize(("variant", "restarts"), [("gone", 1), ("hung", 0)])
def test_a_machine_that_is_back_in_time_has_its_pods_still(variant: str, restarts: int) -> None:
    sandbox, system, injected = lost(variant)
    before = {pod["metadata"]["uid"] for pod in pods(sandbox, injected)}

    faults.heal(sandbox.transport(), injected, system)
    sandbox.advance(60)

    found = pods(sandbox, injected)
    node = node_of(sandbox, injected)
    assert {pod["metadata"]["uid"] for pod in found} == before
    there = [pod for pod in found if pod["spec"]["nodeName"] == injected.culprit["name"]]
    assert {item["restartCount"] for pod in there for item in pod["status"]["containerStatuses"]} == {restarts}
    assert (ready(node), node["spec"].get("taints")) == ("True", None)
    assert faults.healthy(sandbox.transport(), system) == ()


def test_pods_of_a_statefulset_wait_for_their_machine() -> None:
    system = choose("train-ticket")
    sandbox = Sandbox(system, 1)
    prepare(sandbox, system)
    held = next(
        pod
        for pod in sandbox.store.list("Pod", system.namespace)
        if pod["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet"
    )
    name = held["metadata"]["name"]
    sandbox.handle("POST", MACHINES, {"node": held["spec"]["nodeName"], "state": "off"})

    sandbox.advance(900)
    waiting = sandbox.store.get("Pod", system.namespace, name)
    sandbox.handle("POST", MACHINES, {"node": held["spec"]["nodeName"], "state": "on"})
    sandbox.advance(120)
    after = sandbox.store.get("Pod", system.namespace, name)

    assert waiting is not None and waiting["metadata"]["uid"] == held["metadata"]["uid"]
    assert "deletionTimestamp" in waiting["metadata"]
    assert after is not None and after["metadata"]["uid"] != held["metadata"]["uid"]


class RealCluster(SandboxTransport):
    """One that has no switches."""

    def request(self, method: str, path: str, *args: Any, **more: Any) -> Response:
        if path.startswith("/sandbox/"):
            return Response(404, body=b"404 page not found\n", content_type="text/plain; charset=utf-8")
        return super().request(method, path, *args, **more)


def test_a_real_clusters_machines_cannot_be_switched_off() -> None:
    system = choose("shop")
    sandbox = Sandbox(system, 1)
    prepare(sandbox, system)

    with pytest.raises(faults.CannotInject, match="the sandbox's alone"):
        faults.inject("node_lost", RealCluster(sandbox), system, random.Random(2), "gone")

    assert set(sandbox.handle("GET", MACHINES).json().values()) == {"on"}


def test_machines_are_switched_at_an_address_too() -> None:
    system = choose("shop")
    with serve(Sandbox(system, 1)) as served:
        transport = HttpTransport(served.url)
        switched = transport.request("POST", MACHINES, {"node": "node-1", "state": "hung"})
        unknown = transport.request("POST", MACHINES, {"node": "node-9", "state": "off"})
        wrong = transport.request("POST", MACHINES, {"node": "node-1", "state": "upside down"})
        states = transport.request("GET", MACHINES).json()

    assert switched.json() == states == {"node-1": "hung", "node-2": "on"}
    assert (unknown.status, unknown.json()["message"]) == (404, 'nodes "node-9" not found')
    assert (wrong.status, wrong.json()["reason"]) == (400, "BadRequest")


def test_handing_over_is_right_and_who_starts_its_pods_elsewhere_by_himself_is_not() -> None:
    case = Case("node_lost", "gone", BENCHMARK_SEEDS[0], "simple-micro")

    told, restarted = measure(case, method("expert")), measure(case, method("restart"))

    assert (told.outcome, told.resolved, told.harm) == ("escalated", True, ())
    assert (restarted.outcome, restarted.resolved, restarted.harm) == ("resolved", False, ())
    assert "ended resolved, not escalated" in restarted.why


@pytest.mark.parametrize("name", ["nothing", "restart"])
def test_while_a_machine_reboots_nothing_is_needed_and_to_start_its_pods_elsewhere_harms_nobody(name: str) -> None:
    result = measure(Case("passing", "rebooting", BENCHMARK_SEEDS[8], "simple-micro"), method(name))

    assert (result.right, result.resolved, result.harm) == ("wait", True, ())
