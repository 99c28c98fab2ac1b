"""The sandbox at an address: keep-alive, watches, the clock, and clients that were not written for it."""

import http.client
import json
import os
import threading
import time
from urllib.parse import urlsplit

import pytest

from ansible_collections.e2ereme.remediate.cli import main as cli
from ansible_collections.e2ereme.remediate.sandbox.over_http import HttpTransport
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import serve
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

CONFIGMAPS = "/api/v1/namespaces/shop/configmaps"


@pytest.fixture(scope="module")
def served():
    sandbox = Sandbox(shop(), seed=4)
    sandbox.advance(60)
    with serve(sandbox, speed=1.0) as running:
        yield running


@pytest.fixture
def http_to(served):
    return HttpTransport(served.url, user_agent="tester/1.0")


def test_many_requests_go_over_one_connection(served):
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=5)
    connection.connect()
    local = connection.sock.getsockname()
    for _ in range(3):
        connection.request("GET", "/api/v1/namespaces/shop/pods")
        assert len(json.loads(connection.getresponse().read())["items"]) > 0
        assert connection.sock.getsockname() == local


def test_a_document_that_has_not_changed_says_nothing_of_its_type(served):
    """A client puts the headers of a 304 over those of the answer it kept; kubectl looks for a type."""
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=5)
    connection.request("GET", "/apis", headers={"Accept": aggregated})
    first = connection.getresponse()
    assert first.read() and "as=APIGroupDiscoveryList" in first.headers["Content-Type"]
    connection.request("GET", "/apis", headers={"Accept": aggregated, "If-None-Match": first.headers["ETag"]})
    second = connection.getresponse()
    assert (second.status, second.read()) == (304, b"")
    assert {"Content-Type", "Content-Length"}.isdisjoint(second.headers.keys())


def test_a_watch_streams_a_change_as_it_happens(served, http_to):
    version = http_to.request("GET", CONFIGMAPS).json()["metadata"]["resourceVersion"]
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=5)
    connection.request("GET", f"{CONFIGMAPS}?watch=1&resourceVersion={version}&timeoutSeconds=5")
    stream = connection.getresponse()
    http_to.request("POST", CONFIGMAPS, body={"metadata": {"name": "fresh"}, "data": {"a": "1"}})
    event = json.loads(stream.readline())
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "fresh")


def test_a_watch_ends_when_its_time_is_up(served):
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=5)
    connection.request("GET", f"{CONFIGMAPS}?watch=1&timeoutSeconds=1&labelSelector=nobody=has")
    assert connection.getresponse().read() == b""


def test_a_watch_from_a_forgotten_version_says_410(served):
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=5)
    connection.request("GET", f"{CONFIGMAPS}?watch=1&resourceVersion=1&timeoutSeconds=5")
    event = json.loads(connection.getresponse().readline())
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_virtual_time_passes_by_itself_and_on_request(http_to):
    def seconds():
        from email.utils import parsedate_to_datetime

        return parsedate_to_datetime(http_to.request("GET", "/version").headers["Date"]).timestamp()

    before = seconds()
    http_to.sleep(100)
    assert 100 <= seconds() - before <= 103


def test_writers_at_the_same_time_lose_nothing(served):
    def write(worker):
        transport = HttpTransport(served.url)
        for number in range(10):
            name = f"many-{worker}-{number}"
            assert transport.request("POST", CONFIGMAPS, body={"metadata": {"name": name}}).status == 201

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    items = HttpTransport(served.url).request("GET", CONFIGMAPS).json()["items"]
    assert sum(item["metadata"]["name"].startswith("many-") for item in items) == 40


def test_stopping_ends_open_watches_and_frees_the_port():
    running = serve(Sandbox(shop()))
    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=5)
    connection.request("GET", f"{CONFIGMAPS}?watch=1")
    stream = connection.getresponse()
    started = time.monotonic()
    running.stop()
    stream.read()
    assert time.monotonic() - started < 3
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=2).connect()


def test_the_python_clients_read_watch_patch_and_scale(served):
    kubernetes = pytest.importorskip("kubernetes")
    configuration = kubernetes.client.Configuration(host=served.url)
    with kubernetes.client.ApiClient(configuration) as api:
        apps, core = kubernetes.client.AppsV1Api(api), kubernetes.client.CoreV1Api(api)
        scaled = apps.patch_namespaced_deployment_scale("cart", "shop", {"spec": {"replicas": 3}})
        body = {"spec": {"template": {"metadata": {"annotations": {"restarted": "now"}}}}}
        patched = apps.patch_namespaced_deployment("payment", "shop", body)
        log = core.read_namespaced_pod_log(_pod(core, "web-"), "shop", tail_lines=2)
        seen = kubernetes.watch.Watch().stream(core.list_namespaced_pod, "shop", timeout_seconds=1)
    assert (scaled.spec.replicas, patched.spec.template.metadata.annotations) == (3, {"restarted": "now"})
    assert log
    assert {event["type"] for event in seen} >= {"ADDED"}


def test_the_dynamic_client_discovers_and_applies(served, tmp_path):
    kubernetes = pytest.importorskip("kubernetes")
    from kubernetes.dynamic import DynamicClient

    with kubernetes.client.ApiClient(kubernetes.client.Configuration(host=served.url)) as api:
        client = DynamicClient(api, cache_file=str(tmp_path / "cache.json"))
        maps = client.resources.get(api_version="v1", kind="ConfigMap")
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dyn"}, "data": {"a": "1"}}
        made = maps.server_side_apply(body=body, namespace="shop", name="dyn", field_manager="me")
        found = client.resources.get(api_version="apps/v1", kind="Deployment").get(namespace="shop")
    assert made.data.a == "1"
    assert found.items[0].kind == "Deployment"


def _pod(core, prefix):
    pods = core.list_namespaced_pod("shop", field_selector="status.phase=Running").items
    return next(pod.metadata.name for pod in pods if pod.metadata.name.startswith(prefix))


def test_a_running_sandbox_is_broken_from_the_command_line(tmp_path, capsys):
    with serve(Sandbox(shop(), seed=1), speed=50) as served:
        state = {"url": served.url, "pid": os.getpid(), "system": "shop"}
        (tmp_path / "state.json").write_text(json.dumps(state))
        status = cli.main(["sandbox", "inject", "scaled_to_zero", "--dir", str(tmp_path)])
    assert status == 0
    assert (tmp_path / "report").read_text().strip() == capsys.readouterr().out.strip() != ""
