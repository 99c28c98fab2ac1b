"""Admission webhooks that do not answer: what a cluster refuses then, in the words of Kubernetes 1.34."""

from __future__ import annotations

from typing import Any

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
MAPS = "/api/v1/namespaces/shop/configmaps"
PODS = "/api/v1/namespaces/shop/pods"
MERGE = "application/merge-patch+json"
GUARD = {"service": {"namespace": "shop", "name": "guard", "path": "/check"}}


def hook(sandbox: Sandbox, resources: list[str], client: Any = None, **more: Any) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": resources}
    webhook = {
        "name": "guard.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": client or GUARD,
        "rules": [rule],
        **more,
    }
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "guard"},
        "webhooks": [webhook],
    }
    answer = sandbox.handle("POST", HOOKS, {}, body)
    assert answer.status == 201, answer.json()


def create(sandbox: Sandbox, space: str = "shop", **query: str) -> Any:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}
    return sandbox.handle("POST", f"/api/v1/namespaces/{space}/configmaps", query, body)


def test_a_webhook_without_its_service_refuses_everything_it_guards(sandbox: Sandbox) -> None:
    hook(sandbox, ["configmaps"])
    answer = create(sandbox)
    assert answer.status == 500
    words = (
        'failed calling webhook "guard.example.com": failed to call webhook: '
        'Post "https://guard.shop.svc:443/check?timeout=10s": service "guard" not found'
    )
    assert answer.json()["message"] == f"Internal error occurred: {words}"
    assert answer.json()["details"] == {"causes": [{"message": words}]}
    assert sandbox.handle("PATCH", f"{MAPS}/cart-config", {}, {"data": {"A": "1"}}, MERGE).status == 500
    assert sandbox.handle("DELETE", f"{MAPS}/cart-config").status == 200  # not among its operations


def test_a_service_without_pods_answers_nobody(sandbox: Sandbox) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "guard"}, "spec": {"ports": [{"port": 443}]}}
    sandbox.handle("POST", "/api/v1/namespaces/shop/services", {}, service)
    hook(sandbox, ["configmaps"])
    assert create(sandbox).json()["message"].endswith(': no endpoints available for service "guard"')


def test_a_failure_that_may_be_ignored_is(sandbox: Sandbox) -> None:
    hook(sandbox, ["configmaps"], failurePolicy="Ignore")
    assert create(sandbox).status == 201


def test_only_the_namespaces_it_selects_are_guarded(sandbox: Sandbox) -> None:
    hook(sandbox, ["configmaps"], namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "shop"}})
    assert create(sandbox, "default").status == 201
    assert create(sandbox).status == 500


def test_controllers_cannot_make_pods_past_it(sandbox: Sandbox) -> None:
    hook(sandbox, ["pods"])
    name = sandbox.handle("GET", PODS).json()["items"][0]["metadata"]["name"]
    sandbox.handle("DELETE", f"{PODS}/{name}")
    sandbox.advance(5)
    events = sandbox.handle("GET", "/api/v1/namespaces/shop/events").json()["items"]
    refused = [event["message"] for event in events if event["reason"] == "FailedCreate"]
    assert refused[0].startswith('Error creating: Internal error occurred: failed calling webhook "guard.example.com"')


def test_its_own_configuration_can_always_be_taken_away(sandbox: Sandbox) -> None:
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    hook(sandbox, [], rules=[rule])
    assert sandbox.handle("DELETE", f"{MAPS}/cart-config").status == 500
    assert sandbox.handle("DELETE", f"{HOOKS}/guard").status == 200
    assert sandbox.handle("DELETE", f"{MAPS}/cart-config").status == 200


def test_a_dry_run_is_refused_where_asking_has_side_effects(sandbox: Sandbox) -> None:
    hook(sandbox, ["configmaps"], sideEffects="Some", failurePolicy="Ignore")
    answer = create(sandbox, dryRun="All")
    assert (answer.status, answer.json()["message"]) == (
        400,
        'admission webhook "guard.example.com" does not support dry run',
    )


def test_an_admission_policy_is_kept(sandbox: Sandbox) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "few"},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "object.spec.replicas <= 5"}],
        },
    }
    assert sandbox.handle("POST", path, {}, body).status == 201
    kept = sandbox.handle("GET", f"{path}/few").json()
    assert kept["spec"]["failurePolicy"] == "Fail"
    assert kept["spec"]["validations"] == body["spec"]["validations"]  # type: ignore[index]
