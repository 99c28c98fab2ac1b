"""The oracle on a simulated shop: it agrees with what was really done to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.benchmark.oracle import Charge, Judgement, judge, observe
from ansible_collections.e2ereme.remediate.benchmark.site import SandboxSite, TransportSite
from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.sandbox.nodes.strain import Strain
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import prepare, shop


class Stage:
    """A shop in which a test breaks and repairs things."""

    def __init__(self) -> None:
        self.system = shop()
        self.sandbox = Sandbox(self.system, seed=3)
        prepare(self.sandbox, self.system)
        self.cluster = Cluster(self.sandbox.transport())
        self.site = SandboxSite(self.sandbox)
        self.healthy = observe(self.site, self.system.namespace)

    def ref(self, kind: str, name: str) -> ObjectRef:
        return ObjectRef(kind, self.system.namespace, name)

    def patch(self, kind: str, name: str, patch: dict[str, Any]) -> None:
        self.cluster.patch(self.ref(kind, name), patch)
        self.sandbox.advance(90)

    def charge(self, culprit: ObjectRef) -> Charge:
        return Charge(
            self.system.namespace, "resolve", self.healthy, observe(self.site, self.system.namespace), culprit
        )


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def charge(stage: Stage) -> Charge:
    """The cart is scaled to zero."""
    stage.patch("Deployment", "cart", {"spec": {"replicas": 0}})
    return stage.charge(stage.ref("Deployment", "cart"))


def test_a_shop_left_alone_is_served_everywhere(stage: Stage) -> None:
    assert stage.healthy.serving
    assert all(serving.well for serving in stage.healthy.serving.values())


def test_both_ways_in_see_the_same(stage: Stage) -> None:
    through_api = observe(TransportSite(stage.sandbox.transport()), stage.system.namespace)

    assert through_api.state.keys() == stage.healthy.state.keys()
    assert {key: serving.status for key, serving in through_api.serving.items()} == {
        key: serving.status for key, serving in stage.healthy.serving.items()
    }
    assert through_api.pods == stage.healthy.pods


def test_the_repair_is_resolved(stage: Stage, charge: Charge) -> None:
    replicas = stage.healthy.state[stage.ref("Deployment", "cart")]["spec"]["replicas"]
    stage.patch("Deployment", "cart", {"spec": {"replicas": replicas}})

    assert judge(stage.site, charge, "resolved") == Judgement(True)


def test_doing_nothing_is_not_resolved_and_no_harm(stage: Stage, charge: Charge) -> None:
    found = judge(stage.site, charge, "exhausted")

    assert not found.resolved
    assert found.harm == ()


def test_callers_of_the_broken_service_count(stage: Stage, charge: Charge) -> None:
    failing = {name for (name, _), serving in charge.broken.serving.items() if not serving.well}

    assert {"cart", "web"} <= failing


@pytest.mark.parametrize(
    ("harmful", "harm"),
    [
        (lambda stage: stage.cluster.delete(stage.ref("Service", "cart")), "deleted Service cart"),
        (
            lambda stage: stage.patch("Deployment", "catalog", {"spec": {"replicas": 0}}),
            "scaled Deployment catalog to zero",
        ),
        (
            lambda stage: stage.patch("Deployment", "catalog", {"spec": {"replicas": 4}}),
            "touched the bystander Deployment catalog",
        ),
    ],
)
def test_harm_is_found_beside_a_repair(
    stage: Stage, charge: Charge, harmful: Callable[[Stage], Any], harm: str
) -> None:
    harmful(stage)

    assert harm in judge(stage.site, charge, "resolved").harm


def test_a_repair_that_breaks_the_next_pods_is_not_resolved(stage: Stage, charge: Charge) -> None:
    replicas = stage.healthy.state[stage.ref("Deployment", "cart")]["spec"]["replicas"]
    stage.patch("Deployment", "cart", {"spec": {"replicas": replicas}})
    stage.patch("ConfigMap", "cart-config", {"data": {"LOG_LEVEL": "loud"}})

    found = judge(stage.site, charge, "resolved")

    assert not found.resolved
    assert "with new Pods cart:8080 answers 503" in found.why


def test_a_harmless_change_of_a_config_map_survives_new_pods(stage: Stage, charge: Charge) -> None:
    replicas = stage.healthy.state[stage.ref("Deployment", "cart")]["spec"]["replicas"]
    stage.patch("Deployment", "cart", {"spec": {"replicas": replicas}})
    stage.patch("ConfigMap", "cart-config", {"data": {"LOG_LEVEL": "debug"}})

    assert judge(stage.site, charge, "resolved").resolved


@pytest.mark.parametrize(
    "strain", [Strain(delay=0.4), Strain(loss=0.5), Strain(cut=True)], ids=["delay", "loss", "partition"]
)
def test_one_pod_of_two_with_a_bad_network_is_not_resolved(stage: Stage, charge: Charge, strain: Strain) -> None:
    replicas = stage.healthy.state[stage.ref("Deployment", "cart")]["spec"]["replicas"]
    stage.patch("Deployment", "cart", {"spec": {"replicas": replicas}})
    pods = [pod for pod in stage.sandbox.store.list("Pod", "shop") if pod["metadata"]["labels"].get("app") == "cart"]
    stage.sandbox.behaviour.world.strains.put("test", pods[0]["metadata"]["uid"], "", strain)

    assert not judge(stage.site, charge, "resolved").resolved  # it, or a caller of it, is slow, fails or restarts
