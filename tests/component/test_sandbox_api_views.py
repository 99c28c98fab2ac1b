"""Documents, pages, views and streams of the simulated API server; what Go clients send as protobuf."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from ansible_collections.e2ereme.remediate.benchmark.conformance.exchange import load
from ansible_collections.e2ereme.remediate.sandbox.api.exchange import Request
from ansible_collections.e2ereme.remediate.sandbox.api.protobuf import Unreadable, decode_protobuf
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import serve
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

CORE = "/api/v1/namespaces/shop"
SCALERS = "/apis/autoscaling/{version}/namespaces/shop/horizontalpodautoscalers"


@pytest.fixture
def sandbox() -> Sandbox:
    made = Sandbox(shop(), seed=3)
    made.advance(30)
    return made


@pytest.mark.parametrize("path", ["/api", "/apis", "/apis/apps/v1", "/openapi/v3", "/openapi/v3/apis/apps/v1"])
def test_a_document_that_the_client_has_is_not_sent_again(sandbox: Sandbox, path: str) -> None:
    first = sandbox.handle("GET", path)
    again = sandbox.answer(Request("GET", path, etag=first.headers["Etag"]))
    assert (first.status, again.status, again.body) == (200, 304, b"")  # type: ignore[union-attr]


def test_a_page_leads_to_the_next_even_where_selectors_leave_nothing(sandbox: Sandbox) -> None:
    query = {"limit": "1", "labelSelector": "nobody=has-this"}
    assert "continue" not in sandbox.handle("GET", f"{CORE}/configmaps", query).json()["metadata"]
    names: list[str] = []
    token = ""
    while True:
        page = sandbox.handle("GET", f"{CORE}/configmaps", {"limit": "1", "continue": token}).json()
        names += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert names == [item["metadata"]["name"] for item in sandbox.handle("GET", f"{CORE}/configmaps").json()["items"]]


def test_an_autoscaler_is_one_object_in_both_versions(sandbox: Sandbox) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"}
    spec = {"scaleTargetRef": target, "maxReplicas": 4, "targetCPUUtilizationPercentage": 60}
    sandbox.handle("POST", SCALERS.format(version="v1"), {}, {"metadata": {"name": "cart"}, "spec": spec})
    new = sandbox.handle("GET", SCALERS.format(version="v2") + "/cart").json()
    assert new["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 60
    old = sandbox.handle("GET", SCALERS.format(version="v1") + "/cart").json()
    assert (old["apiVersion"], old["spec"]["targetCPUUtilizationPercentage"]) == ("autoscaling/v1", 60)


def test_orphans_stay_when_their_owner_goes(sandbox: Sandbox) -> None:
    path = "/apis/apps/v1/namespaces/shop/deployments/cart"
    gone = sandbox.handle("DELETE", path, {}, {"propagationPolicy": "Orphan"}).json()
    assert gone["metadata"]["finalizers"] == ["orphan"]
    sandbox.advance(5)
    assert sandbox.handle("GET", path).status == 404
    sets = sandbox.handle("GET", "/apis/apps/v1/namespaces/shop/replicasets").json()["items"]
    left = [item for item in sets if item["metadata"]["name"].startswith("cart-")]
    assert left
    assert all("ownerReferences" not in item["metadata"] for item in left)


def test_a_pod_is_bound_once(sandbox: Sandbox) -> None:
    container = {"name": "main", "image": "x:1"}
    body = {"metadata": {"name": "mine"}, "spec": {"schedulerName": "mine", "containers": [container]}}
    sandbox.handle("POST", f"{CORE}/pods", {}, body)
    node = sandbox.handle("GET", "/api/v1/nodes").json()["items"][0]["metadata"]["name"]
    binding = {"metadata": {"name": "mine"}, "target": {"kind": "Node", "name": node}}
    bound = [sandbox.handle("POST", f"{CORE}/pods/mine/binding", {}, binding).status for _ in range(2)]
    assert bound == [201, 409]
    assert sandbox.handle("GET", f"{CORE}/pods/mine").json()["spec"]["nodeName"] == node


def test_a_followed_log_ends_with_its_pod(sandbox: Sandbox) -> None:
    pods = sandbox.handle("GET", f"{CORE}/pods").json()["items"]
    name = next(pod["metadata"]["name"] for pod in pods if pod["metadata"]["name"].startswith("cart-"))
    with serve(sandbox, speed=20) as served:
        where = urlsplit(served.url).netloc
        follower, other = http.client.HTTPConnection(where, timeout=20), http.client.HTTPConnection(where, timeout=20)
        follower.request("GET", f"{CORE}/pods/{name}/log?follow=true&tailLines=1")
        log = follower.getresponse()
        begun = log.readline()
        other.request("DELETE", f"{CORE}/pods/{name}")
        assert other.getresponse().read()
        log.read()  # returns: the server ended the stream
        assert begun.strip()


def _recorded(kind: str) -> Any:
    """A body that kubectl sent as protobuf, decoded."""
    for exchange in load():
        if isinstance(exchange.body, dict) and "base64" in exchange.body:
            found = decode_protobuf(base64.b64decode(exchange.body["base64"]))
            if found["kind"] == kind:
                return found
    raise AssertionError(f"no {kind} was recorded")


def test_protobuf_is_read_as_the_json_that_go_would_write() -> None:
    made = _recorded("Deployment")
    pod = made["spec"]["template"]["spec"]
    assert made["spec"]["replicas"] == 0
    assert pod["containers"] == [{"name": "base", "image": "lab/base:1"}]
    assert "minReadySeconds" not in made["spec"]


def test_embedded_messages_and_rules_are_read_too() -> None:
    assert _recorded("Role")["rules"] == [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]
    rule = _recorded("Ingress")["spec"]["rules"][0]
    assert rule["http"]["paths"][0]["backend"] == {"service": {"name": "web", "port": {"number": 80}}}


def test_what_is_not_protobuf_is_refused() -> None:
    with pytest.raises(Unreadable):
        decode_protobuf(json.dumps({"kind": "Pod"}).encode())
