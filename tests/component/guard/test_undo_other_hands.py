"""An undo takes back what the run changed, and leaves alone what somebody else changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.benchmark.hands import sandbox_hands
from ansible_collections.e2ereme.remediate.benchmark.writing import patch
from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import STRATEGIC_PATCH, Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Evidence, Inventory, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.hands import ControllerHands, Settings
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.policy import load_policy
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report import Report
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.wishes import Run, Save, Undo
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

CART = ObjectRef("Deployment", "shop", "cart")
FRESH = ObjectRef("ConfigMap", "shop", "fresh")


@dataclass
class Stage:
    """The shop, and the product's own hands on it."""

    cluster: Cluster
    hands: ControllerHands

    def container(self) -> dict[str, Any]:
        return dict(self.cluster.get(CART)["spec"]["template"]["spec"]["containers"][0])

    def run_and_undo(self, task: dict[str, Any], ref: ObjectRef, *meanwhile: dict[str, Any]) -> bool:
        """Whether the undo says that everything of the run is taken back."""
        playbook = Playbook((task,), "", (ref,))
        snapshot = self.hands.save(Save(playbook))
        assert self.hands.run(Run(playbook)).ok
        for change in meanwhile:
            self.cluster.patch(ref, change, STRATEGIC_PATCH)
        before = Evidence((), (), Inventory("shop", "", {}))
        return self.hands.undo(Undo(snapshot, playbook, before)).restored


@pytest.fixture
def stage() -> Iterator[Stage]:
    sandbox = Sandbox(shop(), seed=1)
    sandbox.advance(60)
    report = Report("cart", (), "shop", "", "", "")
    settings = Settings(undo_timeout=1.0)
    hands = sandbox_hands(sandbox, report, lambda *_: pytest.fail("nobody asks"), load_policy(), settings)
    yield Stage(Cluster(sandbox.transport()), hands)
    hands.close()


def in_container(stage: Stage, **fields: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": stage.container()["name"], **fields}]}}}}


def test_an_autoscaler_s_replicas_stay(stage: Stage) -> None:
    image = stage.container()["image"]
    change = patch(CART, in_container(stage, image=image + "-next"))
    assert stage.run_and_undo(change, CART, {"spec": {"replicas": 5}})
    assert (stage.container()["image"], stage.cluster.get(CART)["spec"]["replicas"]) == (image, 5)


def test_another_hand_s_variable_stays_where_the_run_s_goes(stage: Stage) -> None:
    known = stage.container()["env"]
    change = patch(CART, in_container(stage, env=[{"name": "OURS", "value": "1"}]))
    theirs = {"name": "THEIRS", "value": "2"}
    assert stage.run_and_undo(change, CART, in_container(stage, env=[theirs]))
    env = stage.container()["env"]
    assert theirs in env
    assert sorted(item["name"] for item in env) == sorted([*(item["name"] for item in known), "THEIRS"])


def test_what_the_run_changed_goes_back_even_where_another_hand_changed_it_again(stage: Stage) -> None:
    image = stage.container()["image"]
    change = patch(CART, in_container(stage, image=image + "-next"))
    assert stage.run_and_undo(change, CART, in_container(stage, image=image + "-other"))
    assert stage.container()["image"] == image


def test_what_the_run_created_is_taken_away(stage: Stage) -> None:
    args = {"state": "present", "api_version": "v1", "kind": "ConfigMap", "namespace": "shop", "name": "fresh"}
    task = {"name": "Create", "kubernetes.core.k8s": {**args, "definition": {"data": {"a": "1"}}}}
    assert stage.run_and_undo(task, FRESH)
    assert stage.cluster.find(FRESH) is None


def test_a_deleted_pod_is_left_to_its_controller(stage: Stage) -> None:
    pod = next(item["metadata"]["name"] for item in stage.cluster.list("Pod", "shop"))
    args = {"state": "absent", "api_version": "v1", "kind": "Pod", "namespace": "shop", "name": pod}
    assert stage.run_and_undo({"name": "Delete", "kubernetes.core.k8s": args}, ObjectRef("Pod", "shop", pod))
