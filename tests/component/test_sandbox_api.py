"""What the simulated API server does with requests, in process."""

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
CONFIGMAPS = "/api/v1/namespaces/shop/configmaps"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


@pytest.fixture
def sandbox():
    made = Sandbox(shop(), seed=3)
    made.advance(60)
    return made


def a_deployment(name="extra", **spec):
    container = {"name": "main", "image": "registry.example/extra:1", "env": [{"name": "A", "value": "1"}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, "replicas": 0, **spec},
    }


def a_configmap(name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_controllers_have_acted_when_a_write_returns(sandbox):
    sandbox.handle("PATCH", f"{DEPLOYMENTS}/cart/scale", {}, {"spec": {"replicas": 3}}, MERGE)
    pods = sandbox.handle("GET", "/api/v1/namespaces/shop/pods").json()["items"]
    assert sum(pod["metadata"]["name"].startswith("cart-") for pod in pods) == 3


def test_the_same_seed_repeats_bit_for_bit():
    def life(seed):
        sandbox = Sandbox(shop(), seed=seed)
        sandbox.advance(30)
        sandbox.handle("POST", DEPLOYMENTS, {}, a_deployment())
        sandbox.advance(30)
        return sandbox.handle("GET", "/api/v1/pods").body + sandbox.handle("GET", "/apis/apps/v1/deployments").body

    assert life(5) == life(5)
    assert life(5) != life(6)


def test_the_date_of_an_answer_is_the_virtual_time(sandbox):
    before = sandbox.handle("GET", "/version").headers["Date"]
    sandbox.advance(3600)
    assert (before, sandbox.handle("GET", "/version").headers["Date"]) == (
        "Mon, 02 Mar 2026 09:01:00 GMT",
        "Mon, 02 Mar 2026 10:01:00 GMT",
    )


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (lambda d: d["spec"].update(replicas=-1), 422, "spec.replicas: Invalid value: -1: must be greater than or"),
        (lambda d: d["spec"].pop("selector"), 422, "spec.selector: Required value"),
        (lambda d: d["metadata"].update(name="No_Name"), 422, "a lowercase RFC 1123 subdomain must consist of"),
        (lambda d: d["spec"].update(replicas="x"), 400, "as a Deployment: json: cannot unmarshal string"),
        (lambda d: d.update(kind="Service", apiVersion="v1"), 400, "cannot be handled as a Deployment"),
        (lambda d: d["metadata"].update(namespace="other"), 400, "does not match the namespace sent on the request"),
        (lambda d: d["metadata"].update(name="cart"), 409, 'deployments.apps "cart" already exists'),
    ],
)  # fmt: skip
def test_a_bad_object_is_refused_in_the_api_servers_words(sandbox, spoil, code, words):
    manifest = a_deployment()
    spoil(manifest)
    answer = sandbox.handle("POST", DEPLOYMENTS, {}, manifest)
    assert (answer.status, words in answer.json()["message"]) == (code, True)


def test_unknown_fields_warn_by_default_and_fail_when_strict(sandbox):
    manifest = a_deployment(surprise=1)
    warned = sandbox.handle("POST", DEPLOYMENTS, {"dryRun": "All"}, manifest)
    strict = sandbox.handle("POST", DEPLOYMENTS, {"fieldValidation": "Strict"}, manifest)
    assert warned.headers["Warning"] == '299 - "unknown field \\"spec.surprise\\""'
    assert (strict.status, 'strict decoding error: unknown field "spec.surprise"' in strict.text()) == (400, False)
    assert 'strict decoding error: unknown field "spec.surprise"' in strict.json()["message"]


def test_a_dry_run_changes_nothing(sandbox):
    before = sandbox.store.version
    answer = sandbox.handle("PATCH", f"{DEPLOYMENTS}/cart", {"dryRun": "All"}, {"spec": {"replicas": 9}}, MERGE)
    sandbox.handle("POST", DEPLOYMENTS, {"dryRun": "All"}, a_deployment())
    assert answer.json()["spec"]["replicas"] == 9
    assert sandbox.store.version == before


def test_a_dry_run_of_what_was_just_read_shows_what_would_be_stored(sandbox):
    sandbox.handle("GET", f"{DEPLOYMENTS}/cart")
    answer = sandbox.handle("PATCH", f"{DEPLOYMENTS}/cart", {"dryRun": "All"}, {"spec": {"replicas": 9}}, MERGE)
    assert answer.json()["spec"]["replicas"] == 9
    assert sandbox.handle("GET", f"{DEPLOYMENTS}/cart").json()["spec"]["replicas"] != 9


def test_a_selector_cannot_be_changed(sandbox):
    labels = {"matchLabels": {"app": "other"}}
    patch = {"spec": {"selector": labels, "template": {"metadata": {"labels": {"app": "other"}}}}}
    answer = sandbox.handle("PATCH", f"{DEPLOYMENTS}/cart", {}, patch, MERGE)
    assert (answer.status, "field is immutable" in answer.json()["message"]) == (422, True)


def test_managed_fields_tell_who_changed_what_and_when(sandbox):
    path = f"{CONFIGMAPS}/settings"
    sandbox.handle("POST", CONFIGMAPS, {"fieldManager": "helm"}, a_configmap("settings", a="1", b="2"))
    sandbox.advance(90)
    sandbox.handle("PATCH", path, {}, {"data": {"b": "3"}}, MERGE, user_agent="kubectl/v1.34 (linux)")
    entries = sandbox.handle("GET", path).json()["metadata"]["managedFields"]
    owned = {entry["manager"]: (entry["time"], entry["fieldsV1"]) for entry in entries}
    assert owned == {
        "helm": ("2026-03-02T09:01:00Z", {"f:data": {".": {}, "f:a": {}}}),
        "kubectl": ("2026-03-02T09:02:30Z", {"f:data": {"f:b": {}}}),
    }


def test_an_apply_removes_what_its_manager_no_longer_wants_and_nobody_else_owns(sandbox):
    path = f"{CONFIGMAPS}/applied"
    sandbox.handle("PATCH", path, {"fieldManager": "me"}, a_configmap("applied", a="1", b="2"), APPLY)
    sandbox.handle("PATCH", path, {}, {"data": {"c": "3"}}, MERGE)
    sandbox.handle("PATCH", path, {"fieldManager": "me"}, a_configmap("applied", a="1"), APPLY)
    assert sandbox.handle("GET", path).json()["data"] == {"a": "1", "c": "3"}


def test_an_apply_on_anothers_field_is_a_conflict_until_it_is_forced(sandbox):
    path = f"{CONFIGMAPS}/applied"
    sandbox.handle("PATCH", path, {"fieldManager": "me"}, a_configmap("applied", a="1"), APPLY)
    refused = sandbox.handle("PATCH", path, {"fieldManager": "you"}, a_configmap("applied", a="2"), APPLY)
    forced = sandbox.handle(
        "PATCH", path, {"fieldManager": "you", "force": "true"}, a_configmap("applied", a="2"), APPLY
    )
    assert (refused.status, refused.json()["message"]) == (
        409,
        'Apply failed with 1 conflict: conflict with "me": .data.a',
    )
    assert [entry["manager"] for entry in forced.json()["metadata"]["managedFields"]] == ["you"]


def test_lists_come_in_pages_that_together_are_the_whole(sandbox):
    whole = [item["metadata"]["name"] for item in sandbox.handle("GET", "/api/v1/pods").json()["items"]]
    found, query = [], {"limit": "4"}
    while True:
        page = sandbox.handle("GET", "/api/v1/pods", query).json()
        found += [item["metadata"]["name"] for item in page["items"]]
        if not page["metadata"].get("continue"):
            break
        query["continue"] = page["metadata"]["continue"]
    assert found == whole
    assert len(whole) > 4


def test_label_and_field_selectors_narrow_a_list(sandbox):
    node = sandbox.handle("GET", "/api/v1/pods").json()["items"][0]["spec"]["nodeName"]
    pods = sandbox.handle("GET", "/api/v1/pods", {"fieldSelector": f"spec.nodeName={node}"}).json()["items"]
    assert {pod["spec"]["nodeName"] for pod in pods} == {node}
    assert sandbox.handle("GET", "/api/v1/pods", {"labelSelector": "nobody=has"}).json()["items"] == []


def test_a_table_has_the_columns_that_kubectl_shows(sandbox):
    answer = sandbox.handle("GET", DEPLOYMENTS, accept="application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
    shown = answer.json()
    cart = next(row["cells"] for row in shown["rows"] if row["cells"][0] == "cart")
    names = [column["name"] for column in shown["columnDefinitions"] if column["priority"] == 0]
    assert names == ["Name", "Ready", "Up-to-date", "Available", "Age"]
    assert cart[:5] == ["cart", "2/2", 2, 2, "60s"]


def test_deleting_an_owner_deletes_what_it_owns_unless_they_are_orphaned(sandbox):
    sandbox.handle("DELETE", f"{DEPLOYMENTS}/cart")
    sandbox.handle("DELETE", f"{DEPLOYMENTS}/payment", {"propagationPolicy": "Orphan"})
    sandbox.advance(120)
    sets = sandbox.handle("GET", "/apis/apps/v1/namespaces/shop/replicasets").json()["items"]
    prefixes = {item["metadata"]["name"].rpartition("-")[0] for item in sets}
    assert ("cart" in prefixes, "payment" in prefixes) == (False, True)


def test_a_deletion_with_the_wrong_uid_is_refused(sandbox):
    options = {"preconditions": {"uid": "other"}}
    answer = sandbox.handle("DELETE", f"{DEPLOYMENTS}/cart", {}, options)
    assert (answer.status, answer.json()["reason"]) == (409, "Conflict")
    assert sandbox.handle("GET", f"{DEPLOYMENTS}/cart").status == 200


def test_a_namespace_goes_with_all_that_is_in_it(sandbox):
    sandbox.handle("DELETE", "/api/v1/namespaces/shop")
    refused = sandbox.handle("POST", CONFIGMAPS, {}, a_configmap("late"))
    sandbox.advance(120)
    assert refused.status == 403
    assert sandbox.handle("GET", "/api/v1/namespaces/shop").status == 404
    assert sandbox.handle("GET", "/api/v1/namespaces/shop/pods").json()["items"] == []


def test_a_new_namespace_has_its_service_account(sandbox):
    sandbox.handle("POST", "/api/v1/namespaces", {}, {"metadata": {"name": "fresh"}})
    assert sandbox.handle("GET", "/api/v1/namespaces/fresh/serviceaccounts/default").status == 200


@pytest.mark.parametrize(
    "path",
    ["/api/v1/namespaces/shop/nothing", "/apis/apps/v2/deployments", "/apis/nope/v1/things", f"{DEPLOYMENTS}/no"],
)
def test_what_is_not_there_is_404(sandbox, path):
    assert sandbox.handle("GET", path).status == 404


def test_a_log_that_is_not_there_says_why(sandbox):
    sandbox.handle("POST", DEPLOYMENTS, {}, a_deployment(replicas=1))
    sandbox.advance(60)
    pods = sandbox.handle("GET", "/api/v1/namespaces/shop/pods", {"labelSelector": "app=extra"}).json()["items"]
    answer = sandbox.handle("GET", f"/api/v1/namespaces/shop/pods/{pods[0]['metadata']['name']}/log")
    assert (answer.status, "is waiting to start" in answer.json()["message"]) == (400, True)


def test_requests_through_the_proxy_take_virtual_time_and_reach_the_program(sandbox):
    service = sandbox.handle("GET", "/api/v1/namespaces/shop/services/web").json()
    port = service["spec"]["ports"][0]["port"]
    before = sandbox.clock.elapsed
    answer = sandbox.handle("GET", f"/api/v1/namespaces/shop/services/web:{port}/proxy/")
    assert answer.status == 200
    assert 0 < answer.seconds == pytest.approx(sandbox.clock.elapsed - before, abs=1e-5)


def test_a_port_that_the_service_lacks_is_the_api_servers_own_503(sandbox):
    answer = sandbox.handle("GET", "/api/v1/namespaces/shop/services/web:1/proxy/")
    assert (answer.status, answer.json()["message"]) == (503, 'no service port 1 found for service "web"')


def test_metrics_are_there_for_every_running_pod(sandbox):
    sandbox.advance(60)
    pods = sandbox.handle("GET", "/api/v1/namespaces/shop/pods").json()["items"]
    measured = sandbox.handle("GET", "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods").json()["items"]
    assert {item["metadata"]["name"] for item in measured} == {pod["metadata"]["name"] for pod in pods}
    assert all(container["usage"]["memory"].endswith("Ki") for item in measured for container in item["containers"])


def test_events_show_the_same_in_both_groups(sandbox):
    old = sandbox.handle("GET", "/api/v1/namespaces/shop/events").json()["items"][0]
    new = sandbox.handle("GET", "/apis/events.k8s.io/v1/namespaces/shop/events").json()["items"][0]
    assert (new["note"], new["regarding"]) == (old["message"], old["involvedObject"])


def test_a_watch_in_process_tells_what_happened_since(sandbox):
    version = str(sandbox.store.version)
    sandbox.handle("POST", CONFIGMAPS, {}, a_configmap("seen", a="1"))
    answer = sandbox.handle("GET", CONFIGMAPS, {"watch": "true", "resourceVersion": version})
    assert '"type":"ADDED"' in answer.text()
    assert '"name":"seen"' in answer.text()
