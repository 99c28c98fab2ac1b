"""Who waits for an answer waits only so long, on the sandbox as on a cluster."""

from __future__ import annotations

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils import measure
from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.sandbox.nodes.strain import Strain
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import prepare, shop
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import Api

WEB = "/api/v1/namespaces/shop/services/web:8080/proxy/"


@pytest.fixture
def sandbox() -> Sandbox:
    """The shop, whose web answers after more than two seconds: it calls the cart at a port that is gone."""
    system = shop()
    made = Sandbox(system, seed=1)
    prepare(made, system)
    Cluster(made.transport()).patch(ObjectRef("Service", "shop", "cart"), {"spec": {"ports": [{"port": 8079}]}})
    made.advance(5)
    return made


def test_an_answer_in_time_is_what_it_is(sandbox: Sandbox) -> None:
    assert sandbox.transport().request("GET", WEB, timeout=3.0).status == 502


def test_one_that_gives_up_has_waited_for_nothing(sandbox: Sandbox) -> None:
    before = sandbox.clock.elapsed

    with pytest.raises(TimeoutError):
        sandbox.transport().request("GET", WEB, timeout=1.5)

    assert sandbox.clock.elapsed - before == pytest.approx(1.5)


def test_the_probe_says_who_did_not_answer_its_caller(sandbox: Sandbox) -> None:
    found = measured(sandbox)

    assert (found.status, found.samples) == (502, 3)
    assert "cart" in found.error and "no answer within 2 s" in found.error


def test_the_probe_does_not_wait_again_for_what_hangs(sandbox: Sandbox) -> None:
    pod = next(item for item in sandbox.store.list("Pod", "shop") if item["metadata"]["name"].startswith("web"))
    for item in sandbox.store.list("Pod", "shop"):
        if item["metadata"]["labels"] == pod["metadata"]["labels"]:
            strains = sandbox.behaviour.world.strains
            strains.put(item["metadata"]["name"], item["metadata"]["uid"], "", Strain(delay=30.0))

    found = measured(sandbox)

    assert (found.status, found.samples, found.error) == (0, 1, f"no answer within {measure.WAIT:g} s")
    assert found.seconds == measure.WAIT


def test_a_fault_that_makes_requests_hang_can_be_looked_for(sandbox: Sandbox) -> None:
    for item in sandbox.store.list("Pod", "shop"):
        strains = sandbox.behaviour.world.strains
        strains.put(item["metadata"]["name"], item["metadata"]["uid"], "", Strain(delay=30.0))

    assert Api(sandbox.transport()).visit("shop", "web", 8080) == 0


def measured(sandbox: Sandbox) -> measure.Measurement:
    door = measure.Door(ObjectRef("Service", "shop", "web"), 8080, "/")
    (found,) = measure.ask(Cluster(sandbox.transport()), [door])
    return found
