"""What a change puts at stake, judged by what is there and not by what it is meant to repair."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Inventory, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.policy import load_policy
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.risk import assess, weigh

CART = ObjectRef("Deployment", "shop", "cart")


def deployment(replicas: int = 2) -> dict[str, Any]:
    container = {"name": "cart", "image": "r/cart:2", "resources": {"limits": {"memory": "128Mi"}}}
    template = {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "cart"}}, "template": template}
    metadata = {"name": "cart", "namespace": "shop", "uid": "u-1"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def replica_set(image: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "cart", "image": image}]}}
    owner = {"kind": "Deployment", "name": "cart", "uid": "u-1", "controller": True}
    metadata = {
        "name": "cart-1",
        "namespace": "shop",
        "uid": "u-2",
        "annotations": {"deployment.kubernetes.io/revision": "1"},
        "ownerReferences": [owner],
    }
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "cart"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}


def pod(number: int, ready: bool) -> dict[str, Any]:
    owner = {"kind": "ReplicaSet", "name": "cart-1", "uid": "u-2", "controller": True}
    metadata = {
        "name": f"cart-1-{number}",
        "namespace": "shop",
        "labels": {"app": "cart"},
        "ownerReferences": [owner],
    }
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return {"kind": "Pod", "metadata": metadata, "spec": {}, "status": {"conditions": [condition]}}


def inventory(ready: int, pods: int = 2) -> Inventory:
    objects = {
        "Deployment": (deployment(pods),),
        "ReplicaSet": (replica_set("r/cart:1"),),
        "Pod": tuple(pod(number, number < ready) for number in range(pods)),
    }
    return Inventory("shop", "2026-01-01T00:00:00Z", objects)


def patch(definition: dict[str, Any], **more: Any) -> Playbook:
    identity = {"api_version": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "cart"}
    task = {"name": "x", "kubernetes.core.k8s": {"state": "patched", **identity, "definition": definition, **more}}
    return Playbook((task,), "x", (CART,))


def image(name: str) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "cart", "image": name}]}}}}


@pytest.mark.parametrize(
    ("definition", "level", "reason"),
    [
        (image("r/cart:1"), "low", "the image of an earlier revision"),
        (image("r/cart:3"), "medium", "another tag"),
        (image("elsewhere/miner:1"), "high", "an image that it never ran"),
        ({"spec": {"replicas": 0}}, "high", "no replicas are left"),
        ({"spec": {"replicas": 1}}, "medium", "loses replicas: 2 -> 1"),
        ({"spec": {"replicas": 3}}, "low", "gets replicas: 2 -> 3"),
        ({"spec": {"replicas": 19}}, "medium", "grows a lot"),
        ({"spec": {"selector": {"matchLabels": {"app": "web"}}}}, "high", "other Pods than now"),
        ({"spec": {"template": {"spec": {"serviceAccountName": "admin"}}}}, "high", "other rights"),
    ],
)
def test_what_is_changed_decides(definition: dict[str, Any], level: str, reason: str) -> None:
    risk = assess(patch(definition), inventory(ready=0))
    assert risk.level == level
    assert any(reason in one.text and one.level == level for one in risk.reasons), risk


@pytest.mark.parametrize(
    ("ready", "pods", "level"), [(0, 2, "low"), (1, 2, "medium"), (2, 2, "low"), (12, 12, "medium")]
)
def test_what_serves_now_and_would_be_replaced_decides(ready: int, pods: int, level: str) -> None:
    assert assess(patch(image("r/cart:1")), inventory(ready, pods)).level == level


def test_the_policy_says_what_a_level_asks_for() -> None:
    weighed = weigh(patch(image("elsewhere/miner:1")), inventory(ready=2), load_policy())
    assert (weighed.risk.level, weighed.approval) == ("high", "person")
    assert "never ran" in str(weighed.risk)
