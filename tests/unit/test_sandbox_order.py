"""Keys come back in the order in which a real API server sends them."""

from __future__ import annotations

from typing import Any

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

CONFIG = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
MERGE = "application/merge-patch+json"


def test_keys_of_a_map_are_sorted_also_after_a_patch() -> None:
    sandbox = Sandbox()
    body = {"metadata": {"name": "settings", "labels": {"tier": "a", "app": "b"}}, "data": {"SIZE": "1", "LEVEL": "x"}}
    sandbox.handle("POST", CONFIG, {}, body)
    sandbox.handle("PATCH", f"{CONFIG}/settings", {}, {"data": {"MODE": "strict"}}, MERGE)

    found: Any = sandbox.handle("GET", f"{CONFIG}/settings").json()

    assert list(found["data"]) == ["LEVEL", "MODE", "SIZE"]
    assert list(found["metadata"]["labels"]) == ["app", "tier"]


def test_a_containers_fields_are_in_the_order_of_its_type() -> None:
    sandbox = Sandbox()
    container = {
        "env": [{"name": "B", "value": "1"}, {"name": "A", "value": "2"}],
        "image": "lab/python:1",
        "ports": [{"containerPort": 80}],
        "name": "web",
        "command": ["serve"],
    }
    sandbox.handle("POST", PODS, {}, {"metadata": {"name": "web"}, "spec": {"containers": [container]}})

    found: Any = sandbox.handle("GET", f"{PODS}/web").json()["spec"]["containers"][0]

    assert list(found)[:5] == ["name", "image", "command", "ports", "env"]
    assert [each["name"] for each in found["env"]] == ["B", "A"]


def test_limits_come_before_requests_as_in_their_type() -> None:
    sandbox = Sandbox()
    resources = {"requests": {"memory": "8Mi", "cpu": "10m"}, "limits": {"memory": "16Mi", "cpu": "20m"}}
    container = {"name": "web", "image": "lab/python:1", "resources": resources}
    sandbox.handle("POST", PODS, {}, {"metadata": {"name": "web"}, "spec": {"containers": [container]}})

    found: Any = sandbox.handle("GET", f"{PODS}/web").json()["spec"]["containers"][0]["resources"]

    assert list(found) == ["limits", "requests"]
    assert list(found["limits"]) == ["cpu", "memory"]
