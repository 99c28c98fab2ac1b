"""managedFields of controllers and kubelets, as a Kubernetes 1.34 writes them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.benchmark.conformance import comparison
from ansible_collections.e2ereme.remediate.benchmark.conformance.exchange import load
from ansible_collections.e2ereme.remediate.benchmark.conformance.replay import replay
from ansible_collections.e2ereme.remediate.benchmark.conformance.report import agreement
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

PODS = "/api/v1/namespaces/shop/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
MERGE = "application/merge-patch+json"


def owners(obj: Any) -> dict[tuple[str, str], Any]:
    """(manager, subresource) -> fields."""
    entries = obj["metadata"].get("managedFields", [])
    return {(entry["manager"], entry.get("subresource", "")): entry["fieldsV1"] for entry in entries}


def first(sandbox: Sandbox, path: str) -> Any:
    return sandbox.handle("GET", path).json()["items"][0]


def test_a_pod_is_made_by_the_controller_manager_and_told_of_by_its_kubelet(sandbox: Sandbox) -> None:
    pod = first(sandbox, PODS)
    owned = owners(pod)
    assert list(owned) == [("kube-controller-manager", ""), ("kubelet", "status")]
    uid = pod["metadata"]["ownerReferences"][0]["uid"]
    made, told = owned.values()
    assert made["f:metadata"]["f:ownerReferences"] == {".": {}, f'k:{{"uid":"{uid}"}}': {}}
    assert "f:nodeName" not in made["f:spec"]  # the scheduler's, which is not noted
    assert "f:tolerations" not in made["f:spec"]  # admission's
    assert told["f:status"]["f:conditions"]['k:{"type":"PodScheduled"}'] == {"f:observedGeneration": {}}
    assert told["f:status"]["f:podIPs"] == {".": {}, f'k:{{"ip":"{pod["status"]["podIP"]}"}}': {".": {}, "f:ip": {}}}


def test_a_deployments_status_and_revision_are_its_controllers(sandbox: Sandbox) -> None:
    owned = owners(first(sandbox, DEPLOYMENTS))[("kube-controller-manager", "status")]
    assert owned["f:metadata"] == {"f:annotations": {".": {}, "f:deployment.kubernetes.io/revision": {}}}
    assert {"f:availableReplicas", "f:conditions", "f:observedGeneration"} <= owned["f:status"].keys()


def test_the_time_of_an_entry_is_that_of_the_last_change(sandbox: Sandbox) -> None:
    name = first(sandbox, PODS)["metadata"]["name"]
    sandbox.advance(100)
    sandbox.behaviour.end_container("shop", name, "cart", 1)
    sandbox.advance(30)
    pod = sandbox.handle("GET", f"{PODS}/{name}").json()
    times = {entry["manager"]: entry["time"] for entry in pod["metadata"]["managedFields"]}
    assert times["kube-controller-manager"] == pod["metadata"]["creationTimestamp"]
    assert times["kubelet"] > "2026-03-02T09:02:00Z"


def test_a_field_that_somebody_else_set_is_theirs(sandbox: Sandbox) -> None:
    name = first(sandbox, PODS)["metadata"]["name"]
    patch = {"metadata": {"labels": {"app": "cart", "mine": "yes"}}}
    sandbox.handle("PATCH", f"{PODS}/{name}", {"fieldManager": "me"}, patch, MERGE)
    owned = owners(sandbox.handle("GET", f"{PODS}/{name}").json())
    assert owned[("me", "")] == {"f:metadata": {"f:labels": {"f:mine": {}}}}
    assert "f:mine" not in owned[("kube-controller-manager", "")]["f:metadata"]["f:labels"]


def test_what_nobody_asks_for_in_process_is_not_worked_out(sandbox: Sandbox) -> None:
    answer = sandbox.transport().request("GET", PODS).json()["items"][0]
    assert owners(answer) == {}


def test_controllers_own_what_they_owned_on_the_recorded_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "_CONTROLLERS", ())  # compares their entries too
    assert agreement(list(replay(load()))) >= 0.93
