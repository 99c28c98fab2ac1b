"""A namespace on the sandbox with one Deployment, one Service and one ConfigMap."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

MANIFESTS: tuple[dict[str, Any], ...] = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "annotations": {"team": "blue"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [
                        {"name": "web", "image": "lab/python:1", "env": [{"name": "MODE", "value": "fast"}]},
                        {"name": "log", "image": "lab/base:1"},
                    ]
                },
            },
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    },
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "shop"},
        "data": {"url": "http://cart", "level": "info"},
    },
)


@pytest.fixture
def sandbox() -> Sandbox:
    sandbox = Sandbox(seed=7)
    for manifest in MANIFESTS:
        sandbox.create(manifest)
    sandbox.advance(5)
    return sandbox


@pytest.fixture
def cluster(sandbox: Sandbox) -> Cluster:
    return Cluster(sandbox.transport())
