"""StatefulSets, DaemonSets and Services in what rollouts of them wait for and who is told of whom."""

from __future__ import annotations

from typing import Any

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

APPS = "/apis/apps/v1/namespaces/shop"
PODS = "/api/v1/namespaces/shop/pods"
MERGE = "application/merge-patch+json"
IMAGE = next(iter(shop().images))


def make(sandbox: Sandbox, kind: str, name: str, **spec: Any) -> str:
    """The path of a new workload whose Pods sleep."""
    container = {"name": "main", "image": IMAGE, "command": ["sleep", "infinity"]}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    body = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **spec},
    }
    path = f"{APPS}/{kind.lower()}s"
    assert sandbox.handle("POST", path, {}, body).status == 201
    return f"{path}/{name}"


def pods(sandbox: Sandbox, app: str) -> list[Any]:
    return list(sandbox.handle("GET", PODS, {"labelSelector": f"app={app}"}).json()["items"])


def status(sandbox: Sandbox, path: str) -> Any:
    return sandbox.handle("GET", path).json()["status"]


def test_a_stateful_set_waits_until_each_pod_is_available(sandbox: Sandbox) -> None:
    path = make(sandbox, "StatefulSet", "db", serviceName="db", replicas=2, minReadySeconds=30)
    sandbox.advance(20)
    assert [pod["metadata"]["name"] for pod in pods(sandbox, "db")] == ["db-0"]
    assert (status(sandbox, path)["readyReplicas"], status(sandbox, path)["availableReplicas"]) == (1, 0)
    sandbox.advance(80)
    assert len(pods(sandbox, "db")) == 2
    assert status(sandbox, path)["availableReplicas"] == 2


def test_a_stateful_set_counts_from_where_it_is_told(sandbox: Sandbox) -> None:
    path = make(sandbox, "StatefulSet", "db", serviceName="db", replicas=2, ordinals={"start": 5})
    sandbox.advance(60)
    assert [pod["metadata"]["name"] for pod in pods(sandbox, "db")] == ["db-5", "db-6"]
    sandbox.handle("PATCH", path, {}, {"spec": {"replicas": 1}}, MERGE)
    sandbox.advance(60)
    assert [pod["metadata"]["name"] for pod in pods(sandbox, "db")] == ["db-5"]


def test_a_daemon_set_replaces_as_many_at_once_as_may_be_missing(sandbox: Sandbox) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
    path = make(sandbox, "DaemonSet", "agent", updateStrategy=rolling, minReadySeconds=10)
    sandbox.advance(30)
    before = {pod["metadata"]["uid"] for pod in pods(sandbox, "agent")}
    note = {"spec": {"template": {"metadata": {"annotations": {"touched": "yes"}}}}}
    sandbox.handle("PATCH", path, {}, note, MERGE)
    sandbox.advance(0.01)
    leaving = [pod for pod in pods(sandbox, "agent") if "deletionTimestamp" in pod["metadata"]]
    assert {pod["metadata"]["uid"] for pod in leaving} == before
    sandbox.advance(60)
    found = pods(sandbox, "agent")
    assert {pod["metadata"]["labels"]["pod-template-generation"] for pod in found} == {"2"}
    assert status(sandbox, path)["numberAvailable"] == len(found) == 2


def test_a_slice_of_endpoints_holds_a_hundred(sandbox: Sandbox) -> None:
    make(sandbox, "Deployment", "many", replicas=130)
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "many"}}
    spec = {"selector": {"app": "many"}, "ports": [{"port": 80}]}
    sandbox.handle("POST", "/api/v1/namespaces/shop/services", {}, {**service, "spec": spec})
    sandbox.advance(120)
    path = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
    slices = sandbox.handle("GET", path, {"labelSelector": "kubernetes.io/service-name=many"}).json()["items"]
    assert sorted(len(item["endpoints"]) for item in slices) == [30, 100]


def test_pods_of_a_stateful_set_are_named_in_its_service(sandbox: Sandbox) -> None:
    make(sandbox, "StatefulSet", "db", serviceName="db", replicas=1)
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"}}
    spec = {"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 80}]}
    sandbox.handle("POST", "/api/v1/namespaces/shop/services", {}, {**service, "spec": spec})
    sandbox.advance(30)
    endpoints = sandbox.handle("GET", "/api/v1/namespaces/shop/endpoints/db").json()
    assert endpoints["subsets"][0]["addresses"][0]["hostname"] == "db-0"
