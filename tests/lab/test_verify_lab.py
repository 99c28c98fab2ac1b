"""Verdicts on a real Kubernetes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import STRATEGIC_PATCH, Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Evidence, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import look
from ansible_collections.e2ereme.remediate.plugins.module_utils.verify import verify

pytestmark = pytest.mark.lab
SPACE = "verify-lab"
CART = ObjectRef("Deployment", SPACE, "cart")
SERVICE = ObjectRef("Service", SPACE, "cart")
SERVE = ["python3", "-m", "http.server", "8080"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    here = Cluster(KubernetesTransport())
    space = ObjectRef("Namespace", "", SPACE)
    if here.find(space) is not None:
        pytest.skip(f"namespace {SPACE} is in use")
    here.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    try:
        container = {
            "name": "app",
            "image": "lab/python:1",
            "command": SERVE,
            "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
        }
        pod = {"terminationGracePeriodSeconds": 1, "containers": [container]}
        template = {"metadata": {"labels": {"app": "cart"}}, "spec": pod}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": "cart"}}, "template": template}
        meta = {"name": "cart", "namespace": SPACE}
        here.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
        ports = [{"name": "http", "port": 80, "targetPort": "http"}]
        here.create(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": meta,
                "spec": {"selector": {"app": "cart"}, "ports": ports},
            }
        )
        yield here
    finally:
        here.delete(space)


def set_container(cluster: Cluster, **fields: object) -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "app", **fields}]}}}}
    cluster.patch(CART, patch, STRATEGIC_PATCH)


def look_until(cluster: Cluster, text: str) -> Evidence:
    deadline = time.monotonic() + 60
    while True:
        found = look(cluster, SPACE, (("cart", ""),))
        if any(text in fact.text for fact in found.anomalies) or time.monotonic() > deadline:
            return found
        cluster.sleep(1.0)


def test_a_repaired_image_is_healthy(cluster: Cluster) -> None:
    set_container(cluster, image="lab/python:none")
    before = look_until(cluster, "ImagePullBackOff")
    set_container(cluster, image="lab/python:1")
    verdict = verify(cluster, before, (CART,), settle=3.0)
    assert verdict.healthy, verdict
    assert verdict.held_seconds >= 3.0


def test_another_image_that_does_not_exist_is_given_up_early(cluster: Cluster) -> None:
    before = look(cluster, SPACE, (("cart", ""),))
    set_container(cluster, image="lab/python:neither")
    started = time.monotonic()
    verdict = verify(cluster, before, (CART,), settle=3.0)
    set_container(cluster, image="lab/python:1")
    assert not verdict.healthy
    assert time.monotonic() - started < 60


def test_a_repaired_target_port_is_healthy(cluster: Cluster) -> None:
    cluster.patch(SERVICE, {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 9999}]}})
    before = look_until(cluster, "targetPort 9999")
    cluster.patch(SERVICE, {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": "http"}]}})
    verdict = verify(cluster, before, (SERVICE,), settle=3.0)
    assert verdict.healthy, verdict


def test_a_container_that_crashes_after_the_change_is_not_healthy(cluster: Cluster) -> None:
    before = look(cluster, SPACE, (("cart", ""),))
    set_container(cluster, command=["python3", "-m", "no.such.module"])
    verdict = verify(cluster, before, (CART,), settle=3.0)
    set_container(cluster, command=SERVE)
    assert not verdict.healthy
