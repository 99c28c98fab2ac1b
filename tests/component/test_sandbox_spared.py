"""Work that is spared because nothing can come of it: the cluster becomes the same as if it were done."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.api.fields import from_tree, to_tree
from ansible_collections.e2ereme.remediate.sandbox.controllers import deployment
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

CART = "/apis/apps/v1/namespaces/shop/deployments/cart"
MERGE = "application/merge-patch+json"


def story() -> list[Any]:
    """All objects, and what is planned, after rollouts that end well, get stuck, are paused, scaled and taken back."""
    sandbox = Sandbox(shop(), seed=11)
    sandbox.advance(90)
    container = sandbox.handle("GET", CART).json()["spec"]["template"]["spec"]["containers"][0]
    image, wrong = {**container, "env": []}, {**container, "image": "registry.example/none:0"}
    homeless = {"template": {"spec": {"serviceAccountName": "nobody"}}}
    for spec, seconds in (
        ({"replicas": 4}, 30),
        ({"template": {"spec": {"containers": [image]}}}, 60),
        ({"template": {"spec": {"containers": [wrong]}}, "progressDeadlineSeconds": 90}, 200),
        (homeless, 400),
        ({"replicas": 5}, 100),
        ({"template": {"spec": {"serviceAccountName": None, "serviceAccount": None}}}, 60),
        ({"paused": True}, 20),
        ({"paused": False, "strategy": {"type": "Recreate", "rollingUpdate": None}}, 40),
        ({"template": {"spec": {"containers": [container]}}, "minReadySeconds": 15}, 700),
    ):
        assert sandbox.handle("PATCH", CART, {}, {"spec": spec}, MERGE).status == 200
        sandbox.advance(seconds)
    kinds = sandbox.store.registry.stored
    return [*(sandbox.store.list(kind) for kind in kinds), sandbox.clock.planned()]


def test_a_deployment_at_which_nothing_moved_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = {True: 0, False: 0}
    step, spares = deployment._step, True

    def counted(*given: Any) -> None:
        looks[spares] += 1
        step(*given)

    monkeypatch.setattr(deployment, "_step", counted)
    spared = story()
    spares = False
    monkeypatch.setattr(deployment, "_is_settled", lambda *_: False)
    assert story() == spared
    assert looks[True] < looks[False] * 0.8


def test_the_paths_of_fields_are_those_of_the_tree_that_is_asked_for() -> None:
    trees = [to_tree({("f:spec", f"f:part{number}")}) for number in range(3000)]  # more than are kept
    for _ in range(2):
        assert [from_tree(tree) for tree in trees] == [{("f:spec", f"f:part{number}")} for number in range(3000)]
