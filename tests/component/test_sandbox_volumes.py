"""Claims and volumes, as the controllers of Kubernetes 1.34 bind, keep and release them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

VOLUMES = "/api/v1/persistentvolumes"
CLAIMS = "/api/v1/namespaces/shop/persistentvolumeclaims"
PODS = "/api/v1/namespaces/shop/pods"
IMAGE = next(iter(shop().images))


def volume(sandbox: Sandbox, name: str, size: str, policy: str = "Retain") -> None:
    spec = {
        "capacity": {"storage": size},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "manual",
        "persistentVolumeReclaimPolicy": policy,
        "hostPath": {"path": f"/data/{name}"},
    }
    body = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
    assert sandbox.handle("POST", VOLUMES, {}, body).status == 201


def claim(sandbox: Sandbox, name: str, size: str) -> None:
    spec = {
        "storageClassName": "manual",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
    }
    body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}
    assert sandbox.handle("POST", CLAIMS, {}, body).status == 201
    sandbox.advance(1)


def user_of(sandbox: Sandbox, name: str) -> None:
    container = {"name": "c", "image": IMAGE, "command": ["sleep", "infinity"]}
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": name}}]
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "user"},
        "spec": {"containers": [container], "volumes": volumes},
    }
    sandbox.handle("POST", PODS, {}, body)
    sandbox.advance(10)


def get(sandbox: Sandbox, path: str) -> Any:
    return sandbox.handle("GET", path).json()


def phase(sandbox: Sandbox, path: str) -> str:
    answer = sandbox.handle("GET", path)
    return "gone" if answer.status == 404 else str(answer.json().get("status", {}).get("phase"))


def test_a_claim_gets_the_smallest_volume_that_fits(sandbox: Sandbox) -> None:
    volume(sandbox, "big", "2Gi")
    volume(sandbox, "small", "1Gi")
    assert phase(sandbox, f"{VOLUMES}/small") == "Available"
    claim(sandbox, "one", "500Mi")
    found = get(sandbox, f"{CLAIMS}/one")
    assert found["spec"]["volumeName"] == "small"
    assert found["status"] == {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
    assert found["metadata"]["annotations"] == {
        "pv.kubernetes.io/bind-completed": "yes",
        "pv.kubernetes.io/bound-by-controller": "yes",
    }
    ref = get(sandbox, f"{VOLUMES}/small")["spec"]["claimRef"]
    assert (ref["namespace"], ref["name"], ref["uid"]) == ("shop", "one", found["metadata"]["uid"])


def test_a_claim_waits_until_a_volume_fits(sandbox: Sandbox) -> None:
    volume(sandbox, "small", "1Gi")
    claim(sandbox, "one", "2Gi")
    assert phase(sandbox, f"{CLAIMS}/one") == "Pending"
    volume(sandbox, "big", "3Gi")
    sandbox.advance(1)
    assert phase(sandbox, f"{CLAIMS}/one") == "Bound"


def test_a_claim_that_is_used_goes_with_its_last_pod(sandbox: Sandbox) -> None:
    volume(sandbox, "small", "1Gi")
    claim(sandbox, "one", "1Gi")
    user_of(sandbox, "one")
    sandbox.handle("DELETE", f"{CLAIMS}/one")
    sandbox.advance(60)
    assert "deletionTimestamp" in get(sandbox, f"{CLAIMS}/one")["metadata"]
    sandbox.handle("DELETE", f"{PODS}/user", {"gracePeriodSeconds": "1"})
    sandbox.advance(40)
    assert phase(sandbox, f"{CLAIMS}/one") == "gone"


@pytest.mark.parametrize(("policy", "left"), [("Retain", "Released"), ("Delete", "gone")])
def test_a_volume_whose_claim_is_gone_is_kept_or_deleted(sandbox: Sandbox, policy: str, left: str) -> None:
    volume(sandbox, "small", "1Gi", policy)
    claim(sandbox, "one", "1Gi")
    sandbox.handle("DELETE", f"{CLAIMS}/one")
    sandbox.advance(1)
    assert phase(sandbox, f"{VOLUMES}/small") == left


def test_a_released_volume_is_nobody_elses(sandbox: Sandbox) -> None:
    volume(sandbox, "small", "1Gi")
    claim(sandbox, "one", "1Gi")
    sandbox.handle("DELETE", f"{CLAIMS}/one")
    claim(sandbox, "one", "1Gi")
    assert phase(sandbox, f"{CLAIMS}/one") == "Pending"


def test_a_bound_volume_stays_until_its_claim_is_gone(sandbox: Sandbox) -> None:
    volume(sandbox, "small", "1Gi")
    claim(sandbox, "one", "1Gi")
    sandbox.handle("DELETE", f"{VOLUMES}/small")
    sandbox.advance(1)
    assert "deletionTimestamp" in get(sandbox, f"{VOLUMES}/small")["metadata"]
    sandbox.handle("DELETE", f"{CLAIMS}/one")
    sandbox.advance(1)
    assert sandbox.handle("GET", f"{VOLUMES}/small").status == 404


def test_a_namespace_ends_with_its_claims(sandbox: Sandbox) -> None:
    volume(sandbox, "small", "1Gi")
    claim(sandbox, "one", "1Gi")
    user_of(sandbox, "one")
    sandbox.handle("DELETE", "/api/v1/namespaces/shop")
    sandbox.advance(120)
    assert sandbox.handle("GET", "/api/v1/namespaces/shop").status == 404
    assert phase(sandbox, f"{VOLUMES}/small") == "Released"


def late_class(sandbox: Sandbox, provisioner: str) -> None:
    body = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "manual"},
        "provisioner": provisioner,
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    assert sandbox.handle("POST", "/apis/storage.k8s.io/v1/storageclasses", {}, body).status == 201


def local_volume(sandbox: Sandbox, name: str, node: str) -> None:
    rule = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "manual",
        "local": {"path": "/data"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}},
    }
    body = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
    assert sandbox.handle("POST", VOLUMES, {}, body).status == 201


def said_of(sandbox: Sandbox, name: str) -> list[str]:
    query = {"fieldSelector": f"involvedObject.name={name}"}
    events = sandbox.handle("GET", "/api/v1/namespaces/shop/events", query).json()["items"]
    return [item.get("message") or item.get("note") for item in events]


def test_a_claim_of_a_patient_class_waits_for_its_first_pod(sandbox: Sandbox) -> None:
    late_class(sandbox, "example.com/disks")
    claim(sandbox, "late", "1Gi")
    sandbox.advance(60)
    assert phase(sandbox, f"{CLAIMS}/late") == "Pending"
    assert said_of(sandbox, "late") == ["waiting for first consumer to be created before binding"]
    user_of(sandbox, "late")
    bound, pod = get(sandbox, f"{CLAIMS}/late"), get(sandbox, f"{PODS}/user")
    assert (bound["status"]["phase"], pod["status"]["phase"]) == ("Bound", "Running")
    assert bound["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] == pod["spec"]["nodeName"]


def test_a_pod_goes_where_its_volume_is(sandbox: Sandbox) -> None:
    late_class(sandbox, "kubernetes.io/no-provisioner")
    local_volume(sandbox, "far", "node-2")
    claim(sandbox, "late", "1Gi")
    user_of(sandbox, "late")
    assert get(sandbox, f"{PODS}/user")["spec"]["nodeName"] == "node-2"
    assert get(sandbox, f"{CLAIMS}/late")["spec"]["volumeName"] == "far"


def test_a_pod_whose_volume_is_nowhere_is_not_placed(sandbox: Sandbox) -> None:
    late_class(sandbox, "kubernetes.io/no-provisioner")
    local_volume(sandbox, "lost", "node-9")
    claim(sandbox, "late", "1Gi")
    user_of(sandbox, "late")
    (condition,) = get(sandbox, f"{PODS}/user")["status"]["conditions"]
    assert "2 node(s) didn't find available persistent volumes to bind" in condition["message"]
