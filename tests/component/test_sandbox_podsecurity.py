"""Namespaces that allow only some Pods: the refusals and warnings of a Kubernetes 1.34."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

PODS = "/api/v1/namespaces/shop/pods"
MERGE = "application/merge-patch+json"
ENFORCE = "pod-security.kubernetes.io/enforce"
SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
SAFE_POD = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
IMAGE = next(iter(shop().images))


def label(sandbox: Sandbox, **labels: str) -> Any:
    named = {f"pod-security.kubernetes.io/{key.replace('_', '-')}": value for key, value in labels.items()}
    return sandbox.handle("PATCH", "/api/v1/namespaces/shop", {}, {"metadata": {"labels": named}}, MERGE)


def create(sandbox: Sandbox, containers: list[Any], **spec: Any) -> Any:
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one"},
        "spec": {"containers": [{"name": name, "image": IMAGE, **more} for name, more in containers], **spec},
    }
    return sandbox.handle("POST", PODS, {}, body)


def test_without_labels_everything_is_allowed(sandbox: Sandbox) -> None:
    assert create(sandbox, [("a", {"securityContext": {"privileged": True}})], hostNetwork=True).status == 201


def test_baseline_forbids_what_reaches_the_node(sandbox: Sandbox) -> None:
    label(sandbox, enforce="baseline")
    ports = [{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 81}]
    first = {
        "privileged": True,
        "capabilities": {"add": ["SYS_TIME", "NET_ADMIN"]},
        "seccompProfile": {"type": "Unconfined"},
    }
    answer = create(
        sandbox,
        [("a", {"securityContext": first, "ports": ports}), ("b", {"securityContext": {"privileged": True}})],
        hostNetwork=True,
        hostPID=True,
        securityContext={
            "sysctls": [{"name": "kernel.msgmax", "value": "1"}],
            "seLinuxOptions": {"type": "t", "user": "u"},
        },
        volumes=[{"name": "hp", "hostPath": {"path": "/"}}],
    )
    assert answer.status == 403
    assert answer.json()["message"] == (
        'pods "one" is forbidden: violates PodSecurity "baseline:latest": non-default capabilities (container "a" must '
        'not include "NET_ADMIN", "SYS_TIME" in securityContext.capabilities.add), host namespaces (hostNetwork=true, '
        'hostPID=true), hostPath volumes (volume "hp"), hostPort (container "a" uses hostPorts 80, 81), privileged '
        '(containers "a", "b" must not set securityContext.privileged=true), seLinuxOptions (pod set forbidden '
        'securityContext.seLinuxOptions: type "t"; user may not be set), seccompProfile (container "a" must not set '
        'securityContext.seccompProfile.type to "Unconfined"), forbidden sysctls (kernel.msgmax)'
    )


def test_restricted_wants_every_safeguard(sandbox: Sandbox) -> None:
    label(sandbox, enforce="restricted")
    assert create(sandbox, [("a", {}), ("b", {})]).json()["message"] == (
        'pods "one" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false '
        '(containers "a", "b" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities '
        '(containers "a", "b" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or '
        'containers "a", "b" must set securityContext.runAsNonRoot=true), seccompProfile (pod or containers "a", "b" '
        'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    )
    assert create(sandbox, [("a", {"securityContext": SAFE})], securityContext=SAFE_POD).status == 201


def test_an_older_version_knows_fewer_checks(sandbox: Sandbox) -> None:
    label(sandbox, enforce="restricted", enforce_version="v1.20")
    message = create(sandbox, [("a", {})]).json()["message"]
    assert 'violates PodSecurity "restricted:v1.20"' in message
    assert "capabilities" not in message


def test_a_workloads_pods_are_refused_and_it_says_so(sandbox: Sandbox) -> None:
    label(sandbox, enforce="restricted")
    name = sandbox.handle("GET", PODS).json()["items"][0]["metadata"]["name"]
    sandbox.handle("DELETE", f"{PODS}/{name}")
    sandbox.advance(5)
    events = sandbox.handle("GET", "/api/v1/namespaces/shop/events").json()["items"]
    refused = [event["message"] for event in events if event["reason"] == "FailedCreate"]
    assert refused
    assert all('is forbidden: violates PodSecurity "restricted:latest"' in text for text in refused)


def test_who_writes_a_template_is_warned(sandbox: Sandbox) -> None:
    label(sandbox, warn="baseline")
    template = {
        "metadata": {"labels": {"app": "x"}},
        "spec": {"hostNetwork": True, "containers": [{"name": "a", "image": IMAGE}]},
    }
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "x"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "x"}}, "template": template},
    }
    answer = sandbox.handle("POST", "/apis/apps/v1/namespaces/shop/deployments", {}, body)
    assert answer.status == 201
    expected = 'would violate PodSecurity \\"baseline:latest\\": host namespaces (hostNetwork=true)'
    assert answer.headers["Warning"] == f'299 - "{expected}"'


def test_who_tightens_a_namespace_hears_of_the_pods_that_are_there(sandbox: Sandbox) -> None:
    warned = label(sandbox, enforce="restricted").headers["Warning"]
    assert 'existing pods in namespace \\"shop\\" violate the new PodSecurity enforce level' in warned
    violations = "allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile"
    assert violations in warned
    assert "other pods)" in warned


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("warn", "nonsense", 'Invalid value: "nonsense": must be one of privileged, baseline, restricted'),
        ("enforce_version", "1.20", 'Invalid value: "1.20": must be "latest" or "v1.x"'),
    ],
)
def test_labels_that_mean_nothing_are_refused(sandbox: Sandbox, key: str, value: str, words: str) -> None:
    answer = label(sandbox, **{key: value})
    assert answer.status == 422
    assert answer.json()["details"]["causes"][0]["message"] == words
