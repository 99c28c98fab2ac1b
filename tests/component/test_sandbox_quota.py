"""ResourceQuotas: what they count, what they refuse and in which words (Kubernetes 1.34)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

ROOM = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "room"}}
CORE = "/api/v1/namespaces/room"
IMAGE = next(iter(shop().images))
SMALL = {"requests": {"cpu": "100m"}, "limits": {"memory": "10Mi"}}


@pytest.fixture
def sandbox() -> Sandbox:
    made = Sandbox(shop(), seed=3)
    made.handle("POST", "/api/v1/namespaces", {}, ROOM)
    made.advance(1)
    return made


def limit(sandbox: Sandbox, name: str, hard: dict[str, str], **spec: Any) -> None:
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": {"hard": hard, **spec}}
    assert sandbox.handle("POST", f"{CORE}/resourcequotas", {}, body).status == 201


def pod(sandbox: Sandbox, name: str, resources: Any, **spec: Any) -> Any:
    container = {"name": "c", "image": IMAGE, "command": ["sleep", "infinity"], "resources": resources}
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], **spec},
    }
    answer = sandbox.handle("POST", f"{CORE}/pods", {}, body)
    sandbox.advance(1)
    return answer


def claim(sandbox: Sandbox, name: str, storage_class: str, size: str) -> Any:
    spec = {
        "storageClassName": storage_class,
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
    }
    body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}
    return sandbox.handle("POST", f"{CORE}/persistentvolumeclaims", {}, body)


def used(sandbox: Sandbox, name: str) -> Any:
    return sandbox.handle("GET", f"{CORE}/resourcequotas/{name}").json()["status"]["used"]


def test_who_does_not_say_what_it_takes_is_refused(sandbox: Sandbox) -> None:
    limit(sandbox, "all", {"cpu": "1", "limits.memory": "1Gi", "requests.ephemeral-storage": "1Gi"})
    assert pod(sandbox, "a", {}).json()["message"] == (
        'pods "a" is forbidden: failed quota: all: must specify cpu for: c; limits.memory for: c'
    )


def test_an_init_container_counts_as_much_as_it_takes_more_than_the_others(sandbox: Sandbox) -> None:
    limit(sandbox, "all", {"cpu": "1", "limits.memory": "1Gi"})
    big = {"requests": {"cpu": "700m"}, "limits": {"memory": "100Mi"}}
    pod(sandbox, "a", SMALL)
    pod(sandbox, "b", SMALL, initContainers=[{"name": "i", "image": IMAGE, "command": ["true"], "resources": big}])
    assert used(sandbox, "all") == {"cpu": "800m", "limits.memory": "110Mi"}
    refused = pod(sandbox, "c", {"requests": {"cpu": "300m"}, "limits": {"memory": "10Mi"}})
    assert refused.json()["message"] == (
        'pods "c" is forbidden: exceeded quota: all, requested: cpu=300m, used: cpu=800m, limited: cpu=1'
    )


def test_a_scoped_quota_is_about_some_pods_only(sandbox: Sandbox) -> None:
    limit(sandbox, "best-effort", {"pods": "1"}, scopes=["BestEffort"])
    limit(sandbox, "ending", {"pods": "1"}, scopes=["Terminating"])
    assert pod(sandbox, "a", SMALL).status == 201
    assert pod(sandbox, "b", {}).status == 201
    assert pod(sandbox, "c", {}).status == 403
    assert pod(sandbox, "d", SMALL, activeDeadlineSeconds=600).status == 201
    assert (used(sandbox, "best-effort"), used(sandbox, "ending")) == ({"pods": "1"}, {"pods": "1"})


def test_storage_is_counted_in_all_and_by_class(sandbox: Sandbox) -> None:
    fast = "fast.storageclass.storage.k8s.io/requests.storage"
    limit(sandbox, "all", {"requests.storage": "5Gi", "persistentvolumeclaims": "2", fast: "1Gi"})
    assert claim(sandbox, "one", "fast", "2Gi").json()["message"] == (
        f'persistentvolumeclaims "one" is forbidden: exceeded quota: all, requested: {fast}=2Gi, used: {fast}=0, '
        f"limited: {fast}=1Gi"
    )
    assert claim(sandbox, "two", "slow", "1Gi").status == 201
    assert claim(sandbox, "three", "fast", "500Mi").status == 201
    sandbox.advance(1)
    assert used(sandbox, "all") == {fast: "500Mi", "persistentvolumeclaims": "2", "requests.storage": "1524Mi"}
    assert "persistentvolumeclaims=1" in claim(sandbox, "four", "slow", "1Mi").json()["message"]


def test_a_pod_that_has_ended_takes_nothing(sandbox: Sandbox) -> None:
    limit(sandbox, "all", {"pods": "1", "count/pods": "5"})
    container = {"name": "c", "image": IMAGE, "command": ["true"]}
    spec = {"restartPolicy": "Never", "containers": [container]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "short"}, "spec": spec}
    sandbox.handle("POST", f"{CORE}/pods", {}, body)
    assert used(sandbox, "all")["pods"] == "1"
    sandbox.advance(30)
    assert used(sandbox, "all") == {"pods": "0", "count/pods": "1"}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=14))
def test_what_is_used_is_always_what_is_there(moves: list[tuple[bool, int]]) -> None:
    sandbox = Sandbox(seed=1)
    sandbox.handle("POST", "/api/v1/namespaces", {}, ROOM)
    sandbox.advance(1)
    limit(sandbox, "all", {"configmaps": "4", "count/configmaps": "6"})
    for make, number in moves:
        path = f"{CORE}/configmaps"
        if make:
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"m{number}"}}
            sandbox.handle("POST", path, {}, body)
        else:
            sandbox.handle("DELETE", f"{path}/m{number}")
        there = len(sandbox.store.list("ConfigMap", "room"))
        assert used(sandbox, "all") == {"configmaps": str(there), "count/configmaps": str(there)}
        assert there <= 4
