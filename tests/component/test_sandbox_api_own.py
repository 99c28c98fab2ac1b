"""What the API server says of itself, and what it passes on from kubelets."""

from __future__ import annotations

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/livez/ping", "/readyz/etcd-readiness"])
def test_a_sound_server_is_ok(sandbox: Sandbox, path: str) -> None:
    answer = sandbox.handle("GET", path)
    assert (answer.status, answer.text()) == (200, "ok")


def test_verbosely_it_tells_of_each_check(sandbox: Sandbox) -> None:
    lines = sandbox.handle("GET", "/readyz", {"verbose": "", "exclude": "etcd"}).text().splitlines()
    assert lines[:4] == ["[+]ping ok", "[+]log ok", "[+]etcd excluded: ok", "[+]etcd-readiness ok"]
    assert lines[-2:] == ["[+]shutdown ok", "readyz check passed"]


def test_a_check_that_is_none_is_not_found(sandbox: Sandbox) -> None:
    assert sandbox.handle("GET", "/livez/shutdown").status == 404


def test_the_root_names_all_paths(sandbox: Sandbox) -> None:
    paths = sandbox.handle("GET", "/").json()["paths"]
    assert {"/api/v1", "/apis/apps/v1", "/apis/metrics.k8s.io", "/livez/ping", "/openapi/v3", "/version"} <= set(paths)
    assert paths == sorted(paths)


def test_components_are_well_and_deprecated(sandbox: Sandbox) -> None:
    answer = sandbox.handle("GET", "/api/v1/componentstatuses")
    assert [item["conditions"][0]["status"] for item in answer.json()["items"]] == ["True"] * 3
    assert answer.headers["Warning"] == '299 - "v1 ComponentStatus is deprecated in v1.19+"'
    assert sandbox.handle("GET", "/api/v1/componentstatuses/etcd-0").json()["kind"] == "ComponentStatus"
    assert sandbox.handle("GET", "/api/v1/componentstatuses/none").status == 404
    as_table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    table = sandbox.handle("GET", "/api/v1/componentstatuses/etcd-0", accept=as_table).json()
    assert [row["cells"] for row in table["rows"]] == [["etcd-0", "Healthy", "ok", ""]]
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Status", "Message", "Error"]


def node(path: str) -> str:
    return f"/api/v1/nodes/node-1/proxy/{path}"


def test_a_kubelet_tells_of_its_pods_and_what_they_use(sandbox: Sandbox) -> None:
    pods = sandbox.handle("GET", node("pods")).json()["items"]
    assert pods and {pod["spec"]["nodeName"] for pod in pods} == {"node-1"}
    summary = sandbox.handle("GET", node("stats/summary")).json()
    assert {item["podRef"]["name"] for item in summary["pods"]} == {pod["metadata"]["name"] for pod in pods}
    parts = sum(item["memory"]["usageBytes"] for item in summary["pods"])
    assert 0 < parts < summary["node"]["memory"]["usageBytes"]


def test_a_kubelet_gives_a_log(sandbox: Sandbox) -> None:
    pods = sandbox.handle("GET", node("pods")).json()["items"]
    pod = next(item for item in pods if item["metadata"]["namespace"] == "shop")
    name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]["name"]
    log = sandbox.handle("GET", f"/api/v1/namespaces/shop/pods/{name}/log").text()
    assert sandbox.handle("GET", node(f"containerLogs/shop/{name}/{container}")).text() == log


def test_a_kubelet_that_is_gone_is_not_reached(sandbox: Sandbox) -> None:
    sandbox.behaviour.machines.stop("node-1")
    answer = sandbox.handle("GET", node("healthz"))
    assert answer.status == 503
    assert answer.json()["message"].startswith("error trying to reach service: dial tcp ")
