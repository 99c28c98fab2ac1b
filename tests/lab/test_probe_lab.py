"""Evidence from real failures on a real Kubernetes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Evidence, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import look

pytestmark = pytest.mark.lab
SPACE = "probe-lab"
PROGRAM = """
import http.server, os
level = os.environ.get("LOG_LEVEL")
assert level in ("info", "debug"), f"LOG_LEVEL: unknown level {level}"
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ok")
http.server.ThreadingHTTPServer(("", 8080), Answer).serve_forever()
"""


def service_of(name: str, app: str = "", target: object = "http") -> dict[str, object]:
    spec = {"selector": {"app": app or name}, "ports": [{"name": "http", "port": 80, "targetPort": target}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": SPACE}, "spec": spec}


def deployment_of(
    name: str, image: str = "lab/python:1", key: str = "LOG_LEVEL", calls: str = "", replicas: int = 1, level: str = ""
) -> dict[str, object]:
    source = {"valueFrom": {"configMapKeyRef": {"name": "settings", "key": key}}}
    env: list[dict[str, object]] = [{"name": "LOG_LEVEL", **({"value": level} if level else source)}]
    env += [{"name": "CALLED_URL", "value": f"http://{calls}:80/"}] if calls else []
    container = {
        "name": "app",
        "image": image,
        "command": ["python3", "-c", PROGRAM],
        "env": env,
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
    }
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": SPACE}, "spec": spec}


BROKEN = (
    deployment_of("image", image="lab/python:none"),
    deployment_of("keyless", key="LOG_LEVL"),
    deployment_of("crash", level="loud"),
    deployment_of("off", replicas=0),
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    here = Cluster(KubernetesTransport())
    space = ObjectRef("Namespace", "", SPACE)
    if here.find(space) is not None:
        pytest.skip(f"namespace {SPACE} is in use")
    here.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    try:
        data = {"LOG_LEVEL": "info"}
        here.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "settings", "namespace": SPACE},
                "data": data,
            }
        )
        for name, calls in (("web", "off"), ("cart", ""), ("stray", "")):
            here.create(deployment_of(name, calls=calls))
        here.create(service_of("web"))
        here.create(service_of("cart"))
        here.create(service_of("off"))
        here.create(service_of("stray", target=8081))
        for manifest in BROKEN:
            here.create(manifest)
        yield here
    finally:
        here.delete(space)


def wait_for(cluster: Cluster, name: str, text: str) -> Evidence:
    """Looks until the Evidence says it: a kubelet needs some seconds to find out that an image does not exist."""
    deadline = time.monotonic() + 60
    while True:
        found = look(cluster, SPACE, ((name, ""),))
        if any(text in fact.text for fact in found.anomalies) or time.monotonic() > deadline:
            return found
        cluster.sleep(1.0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("image", "Deployment image: 0/1 Pods ready; ImagePullBackOff lab/python:none"),
        ("keyless", "env LOG_LEVEL refers to key LOG_LEVL of ConfigMap settings, which has only LOG_LEVEL"),
        ("crash", "LOG_LEVEL: unknown level loud"),
        ("off", "Deployment off: scaled to 0 replicas while web calls it"),
        ("stray", "leads to targetPort 8081, but Deployment stray listens on 8080"),
    ],
)
def test_a_real_failure_is_named(cluster: Cluster, name: str, text: str) -> None:
    found = wait_for(cluster, name, text)
    assert any(text in fact.text for fact in found.anomalies), [fact.text for fact in found.facts]
    assert found.near[0].name == name


def test_what_is_sound_has_no_anomaly(cluster: Cluster) -> None:
    found = look(cluster, SPACE, (("cart", ""),))
    assert not [fact.text for fact in found.anomalies if fact.subject.name == "cart"]


def test_sound_services_are_measured(cluster: Cluster) -> None:
    found = look(cluster, SPACE, (("cart", ""),))
    measured = [item for item in found.inventory.measurements if item.target == ObjectRef("Service", SPACE, "cart")]
    assert measured
    assert all(item.failed == 0 and 0 < item.seconds < 1 for item in measured)


def test_a_look_takes_less_than_half_a_second(cluster: Cluster) -> None:
    look(cluster, SPACE)
    started = time.perf_counter()
    look(cluster, SPACE, (("cart", ""),))
    assert time.perf_counter() - started < 0.5
