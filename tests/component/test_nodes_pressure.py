"""A node that runs out of memory: it says so, evicts who uses most beyond what it asked for, and recovers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.nodes.strain import Strain
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import shop

Object = dict[str, Any]


@pytest.fixture
def pressed() -> tuple[Sandbox, Object]:
    """A shop whose payment has no memory limit any more and is made to hold more than its node has."""
    sandbox = Sandbox(shop())
    deployment = sandbox.store.get("Deployment", "shop", "payment")
    assert deployment is not None
    unbound = {
        "spec": {"template": {"spec": {"containers": [{"name": "payment", "resources": {"$patch": "replace"}}]}}}
    }
    path = "/apis/apps/v1/namespaces/shop/deployments/payment"
    sandbox.handle("PATCH", path, {}, unbound, "application/strategic-merge-patch+json")
    sandbox.advance(120)
    pod = payment(sandbox)[0]
    assert not pod["spec"]["containers"][0].get("resources")
    sandbox.behaviour.world.strains.put("m", pod["metadata"]["uid"], "payment", Strain(memory=8 * 2**30))
    return sandbox, pod


def payment(sandbox: Sandbox) -> list[Object]:
    return [item for item in sandbox.store.list("Pod", "shop") if item["metadata"]["labels"]["app"] == "payment"]


def pressure_of(sandbox: Sandbox, node: str) -> str:
    found = sandbox.store.get("Node", "", node)
    assert found is not None
    return str(next(item for item in found["status"]["conditions"] if item["type"] == "MemoryPressure")["status"])


def test_the_pod_that_takes_the_memory_is_evicted_and_replaced_elsewhere(pressed: tuple[Sandbox, Object]) -> None:
    sandbox, victim = pressed
    sandbox.advance(60)
    gone = sandbox.store.get("Pod", "shop", victim["metadata"]["name"])
    assert gone is not None
    assert (gone["status"]["phase"], gone["status"]["reason"]) == ("Failed", "Evicted")
    assert gone["status"]["message"].startswith("The node was low on resource: memory. Threshold quantity: 100Mi")
    fresh = [pod for pod in payment(sandbox) if pod["status"]["phase"] == "Running"]
    assert [pod["spec"]["nodeName"] != victim["spec"]["nodeName"] for pod in fresh] == [True]
    assert sandbox.behaviour.proxy("services", "shop", "payment", "9090", "/")[0] == 200


def test_others_on_the_node_stay(pressed: tuple[Sandbox, Object]) -> None:
    sandbox, victim = pressed
    sandbox.advance(60)
    evicted = [pod["metadata"]["name"] for pod in sandbox.store.list("Pod") if pod["status"].get("reason") == "Evicted"]
    assert evicted == [victim["metadata"]["name"]]


def test_the_node_tells_of_the_pressure_and_takes_nothing_until_it_is_over(pressed: tuple[Sandbox, Object]) -> None:
    sandbox, victim = pressed
    node = victim["spec"]["nodeName"]
    sandbox.advance(30)
    found = sandbox.store.get("Node", "", node)
    assert found is not None
    assert pressure_of(sandbox, node) == "True"
    assert "node.kubernetes.io/memory-pressure" in [taint["key"] for taint in found["spec"].get("taints") or ()]
    sandbox.advance(330)
    found = sandbox.store.get("Node", "", node)
    assert found is not None
    assert (pressure_of(sandbox, node), found["spec"].get("taints") or []) == ("False", [])


def test_memory_that_fits_evicts_nobody(pressed: tuple[Sandbox, Object]) -> None:
    sandbox, victim = pressed
    sandbox.behaviour.world.strains.put("m", victim["metadata"]["uid"], "payment", Strain(memory=2**30))
    sandbox.advance(120)
    assert pressure_of(sandbox, victim["spec"]["nodeName"]) == "False"
    assert payment(sandbox)[0]["status"]["phase"] == "Running"
