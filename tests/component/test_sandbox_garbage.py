"""What becomes of objects whose owner goes, as the garbage collector of Kubernetes 1.34 does it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"


@pytest.fixture
def sandbox() -> Sandbox:
    made = Sandbox(seed=1)
    made.advance(1)
    return made


def make(sandbox: Sandbox, name: str, *owners: dict[str, Any], finalizers: tuple[str, ...] = ()) -> Any:
    meta = {"name": name, "ownerReferences": list(owners), "finalizers": list(finalizers)}
    answer = sandbox.handle("POST", MAPS, {}, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    assert answer.status == 201
    return answer.json()


def ref(owner: Any, **more: Any) -> dict[str, Any]:
    meta = owner["metadata"]
    return {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"], **more}


def there(sandbox: Sandbox) -> list[str]:
    names = [item["metadata"]["name"] for item in sandbox.handle("GET", MAPS).json()["items"]]
    return [name for name in names if name != "kube-root-ca.crt"]


def release(sandbox: Sandbox, name: str) -> None:
    sandbox.handle("PATCH", f"{MAPS}/{name}", {}, {"metadata": {"finalizers": None}}, MERGE)


def test_dependents_go_after_their_owner(sandbox: Sandbox) -> None:
    owner = make(sandbox, "owner")
    middle = make(sandbox, "middle", ref(owner))
    make(sandbox, "leaf", ref(middle))
    sandbox.handle("DELETE", f"{MAPS}/owner")
    sandbox.advance(1)
    assert there(sandbox) == []


def test_a_dependent_stays_while_another_owner_lives(sandbox: Sandbox) -> None:
    owner, other = make(sandbox, "owner"), make(sandbox, "other")
    make(sandbox, "shared", ref(owner), ref(other))
    sandbox.handle("DELETE", f"{MAPS}/owner")
    sandbox.advance(1)
    left = sandbox.handle("GET", f"{MAPS}/shared").json()["metadata"]["ownerReferences"]
    assert [item["name"] for item in left] == ["other"]


def test_in_the_foreground_an_owner_waits_for_those_that_block_it(sandbox: Sandbox) -> None:
    owner = make(sandbox, "owner")
    make(sandbox, "blocking", ref(owner, blockOwnerDeletion=True), finalizers=("example.com/hold",))
    make(sandbox, "free", ref(owner, blockOwnerDeletion=False), finalizers=("example.com/hold",))
    sandbox.handle("DELETE", f"{MAPS}/owner", {"propagationPolicy": "Foreground"})
    sandbox.advance(1)
    assert there(sandbox) == ["blocking", "free", "owner"]
    release(sandbox, "blocking")
    sandbox.advance(1)
    assert there(sandbox) == ["free"]
    release(sandbox, "free")
    sandbox.advance(1)
    assert there(sandbox) == []


def test_in_the_foreground_leaves_go_before_branches(sandbox: Sandbox) -> None:
    owner = make(sandbox, "owner")
    middle = make(sandbox, "middle", ref(owner, blockOwnerDeletion=True))
    make(sandbox, "leaf", ref(middle, blockOwnerDeletion=True), finalizers=("example.com/hold",))
    sandbox.handle("DELETE", f"{MAPS}/owner", {"propagationPolicy": "Foreground"})
    sandbox.advance(1)
    assert there(sandbox) == ["leaf", "middle", "owner"]
    assert sandbox.handle("GET", f"{MAPS}/middle").json()["metadata"]["finalizers"] == ["foregroundDeletion"]
    release(sandbox, "leaf")
    sandbox.advance(1)
    assert there(sandbox) == []


def test_orphans_stay_and_have_no_owner(sandbox: Sandbox) -> None:
    owner = make(sandbox, "owner")
    make(sandbox, "child", ref(owner))
    sandbox.handle("DELETE", f"{MAPS}/owner", {"propagationPolicy": "Orphan"})
    sandbox.advance(1)
    assert there(sandbox) == ["child"]
    assert "ownerReferences" not in sandbox.handle("GET", f"{MAPS}/child").json()["metadata"]


def test_who_names_an_owner_that_never_was_is_collected(sandbox: Sandbox) -> None:
    ghost = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ghost", "uid": "0-0"}}
    make(sandbox, "child", ref(ghost))
    sandbox.advance(1)
    assert there(sandbox) == []
    assert sandbox.handle("GET", "/api/v1/namespaces/default/events").json()["items"] == []


def test_an_owner_in_another_namespace_is_none_and_it_is_said(sandbox: Sandbox) -> None:
    path = "/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt"
    make(sandbox, "child", ref(sandbox.handle("GET", path).json()))
    sandbox.advance(1)
    assert there(sandbox) == []
    event = sandbox.handle("GET", "/api/v1/namespaces/default/events").json()["items"][0]
    assert event["reason"] == "OwnerRefInvalidNamespace"
    assert event["message"].endswith('does not exist in namespace "default"')


def test_an_owner_of_a_kind_that_is_not_served_counts_as_there(sandbox: Sandbox) -> None:
    make(sandbox, "child", {"apiVersion": "example.com/v1", "kind": "Widget", "name": "one", "uid": "1-1"})
    sandbox.advance(60)
    assert there(sandbox) == ["child"]
