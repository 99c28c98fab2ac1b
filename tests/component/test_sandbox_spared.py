"""Work that is spared because nothing can come of it: the cluster becomes the same as if it were done."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.benchmark.oracle import observe
from ansible_collections.e2ereme.remediate.benchmark.site import SandboxSite
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.sandbox.api.fields import from_tree, to_tree
from ansible_collections.e2ereme.remediate.sandbox.controllers import deployment
from ansible_collections.e2ereme.remediate.sandbox.nodes.network import Network
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


def test_a_patch_leaves_a_status_and_managers_as_they_were_and_in_their_place() -> None:
    sandbox = Sandbox(shop(), seed=11)
    sandbox.advance(90)
    before = sandbox.handle("GET", CART).json()
    for body, kind in (
        ({"spec": {"replicas": 3}}, MERGE),
        ({"spec": {"replicas": 4}}, "application/strategic-merge-patch+json"),
        ([{"op": "replace", "path": "/spec/replicas", "value": 5}], "application/json-patch+json"),
    ):
        query = {"fieldManager": "kubectl-edit", "dryRun": "All"}
        after = sandbox.handle("PATCH", CART, query, body, kind).json()
        assert list(after["metadata"]) == list(before["metadata"])
        assert after["status"] == before["status"]
        told = {entry["manager"]: entry for entry in after["metadata"]["managedFields"]}
        known = {entry["manager"]: entry for entry in before["metadata"]["managedFields"]}
        assert told.pop("kubectl-edit")["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
        assert known.keys() == told.keys()
    body = {"status": {"replicas": 99}, "metadata": {"managedFields": [{"manager": "me"}]}}
    refused = sandbox.handle("PATCH", CART, {}, {**body, "status": {"replicas": "many"}}, MERGE)
    assert (refused.status, "of type int32" in refused.text()) == (422, True)


def test_the_judge_sees_each_change_though_it_looks_once_where_there_is_none() -> None:
    sandbox = Sandbox(shop(), seed=11)
    sandbox.advance(90)
    site = SandboxSite(sandbox)
    first, second = observe(site, "shop"), observe(site, "shop")
    assert second.state is first.state
    sandbox.handle("PATCH", CART, {}, {"spec": {"replicas": 3}}, MERGE)
    sandbox.advance(30)
    ref = ObjectRef("Deployment", "shop", "cart")
    assert [seen.state[ref]["spec"]["replicas"] for seen in (first, observe(site, "shop"))] == [2, 3]
    assert [seen.pods[ref][0] for seen in (first, observe(site, "shop"))] == [2, 3]


def test_a_visit_that_is_like_the_last_leaves_the_same_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def visits() -> list[Any]:
        """What clients got at some moments, and how often whoever serves them was asked."""
        sandbox = Sandbox(shop(), seed=11)
        found: list[Any] = []
        for moment in range(12):
            sandbox.advance(10)
            if moment == 8:
                sandbox.handle("DELETE", "/api/v1/namespaces/shop/services/catalog")
            asked = ("checkout", "web", "cart", "checkout")
            found += [sandbox.behaviour.proxy("services", "shop", name, "8080", "/") for name in asked]
        runs = sandbox.behaviour.kubelet.runs.values()
        return [
            found,
            sandbox.behaviour.kubelet.network._routes.turn,
            [item.requests for run in runs for item in run.every],
        ]

    spared = visits()
    monkeypatch.setattr(Network, "_remembered", lambda self, run, item, *how: self._found(run, item, "/", *how))
    assert visits() == spared
    assert sum(spared[2]) > 50
    assert {status for status, _, _ in spared[0]} >= {200, 502}
