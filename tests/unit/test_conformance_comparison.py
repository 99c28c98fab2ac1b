"""What counts as a difference between two answers, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.benchmark.conformance.comparison import comparable, differences
from ansible_collections.e2ereme.remediate.benchmark.conformance.exchange import Exchange
from ansible_collections.e2ereme.remediate.benchmark.conformance.slimming import slim

UID = "0a1b2c3d-0000-4000-8000-0123456789ab"


def _misses(theirs: Any, ours: Any, path: str = "/api/v1/namespaces/conformance/pods", area: str = "get") -> list[str]:
    return list(differences(comparable(theirs, path, area), comparable(ours, path, area)))


def _pod(name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "conformance", "uid": UID, **more}}


def test_identities_and_times_may_differ() -> None:
    theirs = _pod("web-5d4f8c9b76-x2bcd", resourceVersion="17", creationTimestamp="2026-01-01T00:00:00Z")
    ours = _pod("web-7c6bd9f5f4-zz9qx", resourceVersion="1001", creationTimestamp="2026-03-02T09:00:00Z")
    assert _misses(theirs, ours) == []


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (_pod("web-5d4f8c9b76-x2bcd"), _pod("api-5d4f8c9b76-x2bcd")),
        (_pod("web", labels={"a": "1"}), _pod("web")),
        (_pod("web", generation=1), _pod("web", generation=True)),
        (_pod("web", resourceVersion="1"), _pod("web")),
    ],
)
def test_everything_else_counts(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    assert len(_misses(theirs, ours)) == 1


def test_the_order_of_a_list_and_foreign_objects_do_not_count() -> None:
    foreign = {"kind": "Pod", "metadata": {"name": "other", "namespace": "elsewhere"}}
    theirs = {"kind": "PodList", "items": [_pod("web-5d4f8c9b76-x2bcd"), _pod("api"), foreign]}
    ours = {"kind": "PodList", "items": [_pod("api"), _pod("web-7c6bd9f5f4-zz9qx")]}
    assert _misses(theirs, ours, area="list") == []


def test_an_object_too_few_counts() -> None:
    theirs = {"kind": "PodList", "items": [_pod("api"), _pod("web")]}
    assert _misses(theirs, {"kind": "PodList", "items": [_pod("api")]}, area="list") == [
        "items: 2 items, the sandbox has 1"
    ]


def test_what_controllers_own_does_not_count_but_what_clients_own_does() -> None:
    def owned(*managers: str) -> dict[str, Any]:
        return _pod("web", managedFields=[{"manager": manager, "operation": "Update"} for manager in managers])

    assert _misses(owned("kubectl", "kubelet"), owned("kubectl")) == []
    assert len(_misses(owned("helm"), owned("kubectl"))) == 1


def test_descriptions_of_types_do_not_count_but_types_do() -> None:
    def document(kind: str, about: str) -> dict[str, Any]:
        return {"components": {"schemas": {"X": {"properties": {"a": {"type": kind, "description": about}}}}}}

    path = "/openapi/v3/api/v1"
    assert _misses(document("string", "long"), document("string", ""), path, "openapi") == []
    assert len(_misses(document("string", ""), document("integer", ""), path, "openapi")) == 1


def test_a_recording_keeps_no_token_and_nobody_elses_objects() -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    foreign = {"metadata": {"name": "other", "namespace": "elsewhere", "uid": UID}}
    answer = {"kind": "PodList", "items": [_pod("web"), foreign], "token": token}
    kept = slim(Exchange("kubectl", "x", 0, 1, "GET", "/api/v1/pods", answer=answer)).answer
    assert token not in str(kept)
    assert [item["metadata"]["name"] for item in kept["items"]] == ["web"]


@pytest.mark.parametrize(
    ("method", "target", "area"),
    [
        ("GET", "/apis?timeout=32s", "discovery"),
        ("GET", "/apis/apps/v1", "discovery"),
        ("GET", "/openapi/v3/api/v1", "openapi"),
        ("GET", "/api/v1/namespaces/x/pods?watch=true", "watch"),
        ("GET", "/api/v1/namespaces/x/pods", "list"),
        ("GET", "/api/v1/namespaces/x/pods/web/log", "subresource log"),
        ("GET", "/apis/metrics.k8s.io/v1beta1/nodes", "metrics"),
        ("POST", "/api/v1/namespaces", "create"),
    ],
)
def test_a_request_belongs_to_one_area(method: str, target: str, area: str) -> None:
    assert Exchange("kubectl", "x", 0, 1, method, target, status=200).area == area


def test_owned_fields_that_name_a_uid_agree() -> None:
    def owned(uid: str) -> dict[str, Any]:
        fields: dict[str, Any] = {"f:ownerReferences": {f'k:{{"uid":"{uid}"}}': {}}}
        return {"metadata": {"managedFields": [{"manager": "kubectl", "fieldsV1": fields}]}}

    ours, theirs = "bca5f87b-447c-499d-a9de-2deda0e20045", "50059c3e-301a-49e3-b23b-8df8a04f3cf6"
    left, right = (comparable(owned(uid), "/api/v1/pods", "get") for uid in (theirs, ours))
    assert list(differences(left, right)) == []
