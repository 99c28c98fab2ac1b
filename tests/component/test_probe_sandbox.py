"""Evidence from simulated clusters: nothing in sound ones, the cause in broken ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import STRATEGIC_PATCH, Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import NotFound
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Evidence, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import look
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.generate import generate
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

CART = ObjectRef("Deployment", "shop", "cart")


class Shop:
    """The shop, settled, with an API of its own."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(shop(), seed=1)
        self.sandbox.advance(60)
        self.cluster = Cluster(self.sandbox.transport())

    def look(self, *names: str) -> Evidence:
        return look(self.cluster, "shop", tuple((name, "") for name in names))

    def change(self, ref: ObjectRef, patch: object) -> None:
        self.cluster.patch(ref, patch, STRATEGIC_PATCH)
        self.sandbox.advance(60)

    def change_container(self, name: str, **fields: Any) -> None:
        container = self.cluster.get(ObjectRef("Deployment", "shop", name))["spec"]["template"]["spec"]["containers"][0]
        patch = {"containers": [{"name": container["name"], **fields}]}
        self.change(ObjectRef("Deployment", "shop", name), {"spec": {"template": {"spec": patch}}})


def said(found: Evidence) -> str:
    return "\n".join(fact.text for fact in found.facts)


@pytest.mark.parametrize("seed", range(6))
def test_a_sound_system_has_no_anomalies(seed: int) -> None:
    system = generate(seed)
    sandbox = Sandbox(system, seed=seed)
    sandbox.advance(system.age)
    names = tuple((item.name, "") for item in system.services[:1])
    assert look(Cluster(sandbox.transport()), system.namespace, names).anomalies == ()


def test_a_bad_image_is_seen_with_its_change() -> None:
    here = Shop()
    here.change_container("cart", image="registry.example/shop/cart:9.9")
    found = here.look("cart")
    assert found.near[0] == CART
    assert "ImagePullBackOff registry.example/shop/cart:9.9" in said(found)
    assert "-> 9.9" in said(found)


def test_a_wrong_command_is_seen_in_the_log() -> None:
    here = Shop()
    here.change_container("cart", command=["python3", "/srv/program.py", "sevre"])
    assert "unknown command 'sevre'" in said(here.look("cart"))


def test_limits_far_too_small_are_seen() -> None:
    here = Shop()
    small = {"cpu": "5m", "memory": "8Mi"}
    here.change_container("cart", resources={"limits": small, "requests": small})
    assert "limits.memory: 64Mi -> 8Mi" in said(here.look("cart"))
    assert any("OOMKilled" in fact.text for fact in here.look("cart").anomalies)


def test_a_wrong_address_is_seen_by_what_users_get() -> None:
    here = Shop()
    here.change_container("checkout", env=[{"name": "CART_URL", "value": "http://crat:8080/"}])
    found = here.look("checkout")
    assert "CART_URL points at crat:8080, but no such Service exists; there is cart" in said(found)
    assert any(fact.kind == "request" and "502" in fact.text for fact in found.anomalies)


def test_a_service_that_leads_to_the_wrong_port_is_seen() -> None:
    here = Shop()
    here.change(ObjectRef("Service", "shop", "cart"), {"spec": {"ports": [{"port": 8080, "targetPort": 9999}]}})
    assert "leads to targetPort 9999, but Deployment cart listens on 8080" in said(here.look("cart"))


def test_a_workload_scaled_to_zero_is_seen_with_its_callers_and_size() -> None:
    here = Shop()
    here.change(CART, {"spec": {"replicas": 0}})
    assert "scaled to 0 replicas while checkout, web call it (was 2" in said(here.look("cart"))


def test_without_suspects_the_anomaly_is_found_all_the_same() -> None:
    here = Shop()
    here.change_container("payment", image="registry.example/shop/payment:none")
    assert here.look().near[0] == ObjectRef("Deployment", "shop", "payment")


def test_values_of_secrets_are_nowhere_in_evidence() -> None:
    here = Shop()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}}
    here.cluster.create({**secret, "stringData": {"password": "swordfish-9"}})
    found = here.look("cart")
    assert [list(item["data"]) for item in found.inventory.of("Secret")] == [["password"]]
    assert "swordfish-9" not in json.dumps(dict(found.inventory.objects), default=str) + said(found)


def test_a_namespace_that_does_not_exist_is_said_so() -> None:
    with pytest.raises(NotFound, match="nowhere does not exist"):
        look(Shop().cluster, "nowhere")
