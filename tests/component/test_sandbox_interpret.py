"""Playbook tasks carried out in process."""

import pytest

from ansible_collections.e2ereme.remediate.sandbox.interpret import run_tasks
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

CART = {"kind": "Deployment", "api_version": "apps/v1", "name": "cart", "namespace": "shop"}


@pytest.fixture
def sandbox():
    made = Sandbox(shop(), seed=3)
    made.advance(60)
    return made


def patched(spec, **more):
    return {"name": "patch", "kubernetes.core.k8s": {**CART, "state": "patched", "definition": {"spec": spec}, **more}}


def scaled(replicas, **more):
    return {"name": "scale", "kubernetes.core.k8s_scale": {**CART, "replicas": replicas, **more}}


def statuses(results):
    return [result["status"] for result in results]


def cart(sandbox):
    return sandbox.store.get("Deployment", "shop", "cart")


def test_a_patch_changes_once_and_is_ok_when_repeated(sandbox):
    task = patched({"revisionHistoryLimit": 3})
    assert statuses(run_tasks(sandbox.handle, [task, task])) == ["changed", "ok"]
    assert cart(sandbox)["spec"]["revisionHistoryLimit"] == 3


def test_waiting_passes_virtual_time_until_the_rollout_is_done(sandbox):
    annotations = {"metadata": {"annotations": {"restarted": "now"}}}
    results = run_tasks(sandbox.handle, [patched({"template": annotations}, wait=True)])
    assert statuses(results) == ["changed"]
    assert results[0]["seconds"] == sandbox.clock.elapsed - 60 > 0
    assert cart(sandbox)["status"]["updatedReplicas"] == 2


def test_waiting_in_vain_fails_after_its_timeout_and_ends_the_run(sandbox):
    name = cart(sandbox)["spec"]["template"]["spec"]["containers"][0]["name"]
    pods = {"spec": {"containers": [{"name": name, "image": "registry.example/none:0"}]}}
    results = run_tasks(sandbox.handle, [patched({"template": pods}, wait=True, wait_timeout=20), scaled(5)])
    assert (statuses(results), results[0]["seconds"]) == (["failed"], 20.0)
    assert results[0]["message"] == '"Deployment" "cart": Timed out waiting on resource'
    assert cart(sandbox)["spec"]["replicas"] == 2


def test_a_rollback_goes_to_the_revision_before(sandbox):
    before = cart(sandbox)["spec"]["template"]
    name = before["spec"]["containers"][0]["name"]
    wrong = patched({"template": {"spec": {"containers": [{"name": name, "image": "registry.example/none:0"}]}}})
    back = {"name": "back", "kubernetes.core.k8s_rollback": CART}
    assert statuses(run_tasks(sandbox.handle, [wrong, back])) == ["changed", "changed"]
    assert cart(sandbox)["spec"]["template"] == before
    sets = sandbox.store.list("ReplicaSet", "shop")
    assert all("pod-template-hash" in item["spec"]["template"]["metadata"]["labels"] for item in sets)


def test_a_rollback_takes_another_deployments_revision_where_the_module_does(sandbox):
    """kubernetes.core 6.2 looks for ReplicaSets with the same label keys, whatever their values: here catalog's
    comes first."""
    path = "/apis/apps/v1/namespaces/shop/deployments/"
    for number, name in enumerate(("catalog", "web", "web")):
        template = {"metadata": {"annotations": {"again": str(number)}}}
        body = {"spec": {"template": template}}
        sandbox.handle("PATCH", path + name, body=body, content_type="application/merge-patch+json")
    results = run_tasks(sandbox.handle, [{"kubernetes.core.k8s_rollback": {**CART, "name": "web"}}])
    assert statuses(results) == ["failed"]
    assert "does not match template `labels`" in results[0]["message"]


def test_a_rollback_without_history_changes_nothing(sandbox):
    assert statuses(run_tasks(sandbox.handle, [{"kubernetes.core.k8s_rollback": CART}])) == ["ok"]


def test_what_is_not_there_is_not_created_by_patching(sandbox):
    task = {"kubernetes.core.k8s": {**CART, "name": "nobody", "state": "patched", "definition": {"spec": {}}}}
    results = run_tasks(sandbox.handle, [task])
    assert (statuses(results), "was not found but will not be created" in results[0]["message"]) == (["ok"], True)


def test_a_json_patch_and_a_forced_replacement_take_keys_away(sandbox):
    meta = {"name": "settings", "namespace": "shop"}
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1", "b": "2", "c": "3"}}
    remove = [{"op": "remove", "path": "/data/a"}]
    run_tasks(
        sandbox.handle,
        [
            {"kubernetes.core.k8s": {"definition": made}},
            {"kubernetes.core.k8s_json_patch": {"kind": "ConfigMap", **meta, "patch": remove}},
            {"kubernetes.core.k8s": {"force": True, "definition": {**made, "data": {"b": "2"}}}},
        ],
    )
    assert sandbox.store.get("ConfigMap", "shop", "settings")["data"] == {"b": "2"}


def test_a_refusal_fails_with_the_api_servers_words_and_is_rescued(sandbox):
    bad = patched({"replicas": "many"})
    results = run_tasks(sandbox.handle, [{"block": [bad], "rescue": [scaled(3, wait=False)]}])
    assert statuses(results) == ["ok", "changed"]
    assert "Failed to patch object" in results[0]["message"]
    assert cart(sandbox)["spec"]["replicas"] == 3


def test_registered_results_decide_what_runs(sandbox):
    look = {"kubernetes.core.k8s_info": CART, "register": "found"}
    small = {**scaled(3, wait=False), "when": "found.resources[0].spec.replicas < 3"}
    results = run_tasks(sandbox.handle, [look, small, look, small])
    assert statuses(results) == ["ok", "changed", "ok", "skipped"]


def test_a_condition_may_ask_what_controllers_own(sandbox):
    look = {"kubernetes.core.k8s_info": CART, "register": "found"}
    owners = "found.resources[0].metadata.managedFields"
    small = {**scaled(3, wait=False), "when": f"{owners}[1].manager == 'kube-controller-manager'"}
    assert statuses(run_tasks(sandbox.handle, [look, small])) == ["ok", "changed"]


def test_until_looks_again_while_time_passes(sandbox):
    look = {
        "kubernetes.core.k8s_info": CART,
        "register": "found",
        "until": "found.resources[0].status.readyReplicas | default(0) == 4",
        "retries": 10,
        "delay": 3,
    }
    results = run_tasks(sandbox.handle, [scaled(4, wait=False), look])
    assert statuses(results) == ["changed", "ok"]
    assert 3 <= results[1]["seconds"] <= 30


def test_an_unknown_module_and_a_missing_namespace_fail(sandbox):
    shell = run_tasks(sandbox.handle, [{"ansible.builtin.shell": "true"}])
    nowhere = run_tasks(
        sandbox.handle, [{"kubernetes.core.k8s": {"kind": "Deployment", "name": "cart", "state": "absent"}}]
    )
    assert (statuses(shell), statuses(nowhere)) == (["failed"], ["failed"])
    assert "Namespace is required" in nowhere[0]["message"]


def test_in_process_an_answer_is_encoded_only_for_who_wants_bytes(sandbox):
    path = "/apis/apps/v1/namespaces/shop/deployments/cart"
    answer = sandbox.handle("GET", path, lean=True)
    assert answer.seen()["spec"] is cart(sandbox)["spec"]
    assert answer.json() == answer.seen()
    many = sandbox.handle("GET", path.removesuffix("/cart"), lean=True)
    assert many.json() == many.seen()
    assert sandbox.handle("GET", path).seen()["spec"] is not cart(sandbox)["spec"]
