"""A small namespace, and a playbook for it that passes, for tests that break one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Inventory
from ansible_collections.e2ereme.remediate.plugins.plugin_utils import gate as gate_module
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.gate import gate
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.lint import Linted
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Finding, Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.policy import Policy, load_policy

REVISION = "deployment.kubernetes.io/revision"
Gated = Playbook | tuple[Finding, ...]


def _pod_spec(**container: Any) -> dict[str, Any]:
    web = {
        "name": "web",
        "image": "registry.example/shop/web:1",
        "env": [
            {"name": "MODE", "value": "fast"},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "web-key", "key": "token"}}},
            {"name": "URL", "valueFrom": {"configMapKeyRef": {"name": "web-settings", "key": "url"}}},
        ],
        "ports": [{"containerPort": 8080}],
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
        **container,
    }
    return {"containers": [web, {"name": "log", "image": "registry.example/shop/log:3"}]}


def _object(kind: str, name: str, api_version: str, **rest: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop", "uid": f"uid-{kind}-{name}", **rest.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **rest}


def _owned(kind: str, name: str, **meta: Any) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": name, "uid": f"uid-{kind}-{name}", "controller": True}], **meta}


@pytest.fixture
def inventory() -> Inventory:
    web = {"replicas": 2, "template": {"metadata": {"labels": {"app": "web"}}, "spec": _pod_spec()}}
    old = {"replicas": 0, "template": {"spec": _pod_spec(image="registry.example/shop/web:0")}}
    objects = (
        _object("Deployment", "web", "apps/v1", spec=web, metadata={"annotations": {REVISION: "2"}}),
        _object("Deployment", "cart", "apps/v1", spec=web, metadata={"annotations": {REVISION: "1"}}),
        _object("StatefulSet", "store", "apps/v1", spec=web),
        _object(
            "ReplicaSet",
            "web-1",
            "apps/v1",
            spec=old,
            metadata=_owned("Deployment", "web", annotations={REVISION: "1"}),
        ),
        _object(
            "ReplicaSet",
            "web-2",
            "apps/v1",
            spec=web,
            metadata=_owned("Deployment", "web", annotations={REVISION: "2"}),
        ),
        _object("Pod", "web-2-x", "v1", spec=_pod_spec(), metadata=_owned("ReplicaSet", "web-2")),
        _object("Pod", "lonely", "v1", spec=_pod_spec()),
        _object("Service", "web", "v1", spec={"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}),
        _object("ConfigMap", "web-settings", "v1", data={"url": "http://cart"}),
        _object("Secret", "web-key", "v1", data={"token": ""}),
        _object("Secret", "admin", "v1", data={"password": ""}),
        _object("NetworkPolicy", "web", "networking.k8s.io/v1", spec={"podSelector": {}, "ingress": []}),
    )
    by_kind: dict[str, tuple[dict[str, Any], ...]] = {}
    for item in objects:
        by_kind[item["kind"]] = (*by_kind.get(item["kind"], ()), item)
    return Inventory("shop", "2026-05-04T12:00:00Z", by_kind)


@pytest.fixture
def policy() -> Policy:
    return load_policy()


@pytest.fixture
def gated(inventory: Inventory, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Gated]:
    """The gate on that namespace, without ansible-lint, which has tests of its own."""
    monkeypatch.setattr(gate_module, "lint", lambda text: Linted("passed"))
    return lambda text: gate(text, inventory, policy, "shop")


@pytest.fixture
def task_gated(gated: Callable[[str], Gated]) -> Callable[[str], Gated]:
    """The gate on a playbook of one task, given as the lines below its name."""

    def run(lines: str) -> Gated:
        body = "".join(f"      {line}\n" for line in lines.strip("\n").splitlines())
        return gated(f"- tasks:\n    - name: Repair\n{body}")

    return run


@pytest.fixture
def patch_gated(task_gated: Callable[[str], Gated]) -> Callable[..., Gated]:
    """The gate on a patch of one object, given as the lines of its definition."""

    def run(definition: str, kind: str = "Deployment", name: str = "web", **more: str) -> Gated:
        versions = {"Service": "v1", "ConfigMap": "v1", "NetworkPolicy": "networking.k8s.io/v1"}
        body = "".join(f"    {line}\n" for line in definition.strip("\n").splitlines())
        extra = "".join(f"  {key}: {value}\n" for key, value in {"state": "patched", **more}.items())
        return task_gated(
            f"kubernetes.core.k8s:\n{extra}  api_version: {versions.get(kind, 'apps/v1')}\n  kind: {kind}\n"
            f"  namespace: shop\n  name: {name}\n  definition:\n{body}"
        )

    return run
