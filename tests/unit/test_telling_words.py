"""What an attempt changes and what was measured, in words."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Evidence, Fact, Inventory, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.verdict import Check, Verdict
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.telling import anomalies, changes_in_words, measured

CART = ObjectRef("Deployment", "shop", "cart")
NAMED = {"api_version": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "cart"}


def inventory(*sidecars: str) -> Inventory:
    container = {"name": "app", "image": "shop/cart:1.4", "env": [{"name": "PORT", "value": "80x"}]}
    containers = [container, *({"name": name, "image": "envoy:1"} for name in sidecars)]
    spec = {"replicas": 0, "template": {"spec": {"containers": containers}}}
    live = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"}}
    return Inventory("shop", "", {"Deployment": ({**live, "spec": spec},)})


def playbook(module: str, **arguments: Any) -> Playbook:
    return Playbook(({"name": "Patch", f"kubernetes.core.{module}": {**NAMED, **arguments}},), "", (CART,))


def patched(**container: Any) -> Playbook:
    spec = {"template": {"spec": {"containers": [{"name": "app", **container}]}}}
    return playbook("k8s", state="patched", definition={"spec": spec})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (patched(image="shop/cart:1.3"), "Deployment cart image: shop/cart:1.4 -> shop/cart:1.3"),
        (patched(env=[{"name": "PORT", "value": "8080"}]), "Deployment cart env[PORT]: 80x -> '8080'"),
        (patched(env=[{"name": "NEW", "value": "a"}]), "Deployment cart env[NEW]: nothing -> a"),
        (playbook("k8s_scale", replicas=2), "Deployment cart replicas: 0 -> 2"),
        (patched(image="shop/cart:1.4"), "Deployment cart: nothing that is not so already"),
        (playbook("k8s_rollback"), "Deployment cart goes back to the revision before"),
        (
            playbook("k8s_json_patch", patch=[{"op": "replace", "path": "/spec/replicas", "value": 3}]),
            "Deployment cart replicas: 0 -> 3",
        ),
    ],
)
def test_a_change_is_told_with_its_old_and_new_value(change: Playbook, words: str) -> None:
    assert changes_in_words(change, inventory()) == words


def test_among_several_containers_the_one_is_named() -> None:
    words = changes_in_words(patched(image="shop/cart:1.3"), inventory("proxy"))
    assert words == "Deployment cart containers[app].image: shop/cart:1.4 -> shop/cart:1.3"


def test_a_long_value_is_cut() -> None:
    assert changes_in_words(patched(image="x" * 100), inventory()).endswith("x…")


def test_what_failed_is_told_with_its_bound_and_what_got_worse() -> None:
    failed = Check("ready Pods", "Deployment cart", False, "0", "2")
    passed = Check("restarts", "Deployment cart", True, "0", "0")
    said = measured(Verdict(False, (passed, failed), 0.0, worse=("Service web answers 502",)))
    assert said == "Deployment cart ready Pods: 0, wanted 2; worse than before: Service web answers 502"


def test_of_a_healthy_verdict_requests_come_first() -> None:
    ready = Check("ready Pods", "Deployment cart", True, "2", "2")
    asked = Check("GET :80/", "Service cart", True, "0% of 4 failed", "0% failed")
    assert measured(Verdict(True, (ready, asked), 15.0), most=1) == "Service cart GET :80/: 0% of 4 failed"


def test_an_anomaly_is_told_once_and_the_rest_is_counted() -> None:
    facts = [Fact(f"e{n}", "state", CART, f"fact {n}", 1.0, "Pods") for n in range(1, 5)]
    first, second = (Evidence(tuple(some), (), inventory()) for some in (facts[:1], facts))
    assert anomalies(second, [first], most=2) == ["e2 fact 2", "e3 fact 3", "and 1 more"]
