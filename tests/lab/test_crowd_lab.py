"""Many objects on a real cluster are read in pages, all of them; Pods by the thousand on simulated nodes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import look

pytestmark = pytest.mark.lab
PODS = 600  # more than a page


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(KubernetesTransport())


@pytest.fixture
def space(cluster: Cluster) -> Iterator[str]:
    name = f"crowd-{uuid.uuid4().hex[:6]}"
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    cluster.delete(ObjectRef("Namespace", "", name))


def test_pages_of_a_list_are_put_together(cluster: Cluster, space: str) -> None:
    wanted = {f"map-{number}" for number in range(7)}
    for name in wanted:
        cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": space}})
    found = [item["metadata"]["name"] for item in cluster.list("ConfigMap", space, page=3)]
    assert sorted(name for name in found if name in wanted) == sorted(wanted)


def test_a_crowd_is_looked_at(cluster: Cluster, space: str) -> None:
    crowd = cluster.list("Node", query={"labelSelector": "lab/crowd=true"})
    if len(crowd) * 110 < PODS:
        pytest.skip(f"{len(crowd)} simulated nodes (label lab/crowd=true): too few for {PODS} Pods")
    labels = {"app": "crowd"}
    pod = {
        "containers": [{"name": "web", "image": "lab/python:1"}],
        "nodeSelector": {"lab/crowd": "true"},
        "tolerations": [{"key": "lab/crowd", "operator": "Exists"}],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": PODS, "selector": {"matchLabels": labels}, "template": template}
    meta = {"name": "crowd", "namespace": space}
    cluster.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
    ref = ObjectRef("Deployment", space, "crowd")
    for _ in range(180):
        if cluster.get(ref).get("status", {}).get("readyReplicas") == PODS:
            break
        cluster.sleep(1.0)

    found = look(cluster, space)

    assert len(found.inventory.of("Pod")) == PODS
    assert found.anomalies == ()
