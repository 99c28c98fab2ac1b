"""The same requests to a real API server and to the sandbox: the same answers, up to identities and times."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

SPACE = "truth-lab"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{SPACE}/deployments"
SERVICES = f"/api/v1/namespaces/{SPACE}/services"
CONFIGMAPS = f"/api/v1/namespaces/{SPACE}/configmaps"
MERGE, STRATEGIC, JSON = (f"application/{kind}-patch+json" for kind in ("merge", "strategic-merge", "json"))
APPLY = "application/apply-patch+yaml"
VOLATILE = ("uid", "resourceVersion", "creationTimestamp", "time", "generation", "clusterIP", "clusterIPs", "status")

HOST_IP = {"fieldRef": {"fieldPath": "status.hostIP"}}

Ask = Callable[..., tuple[Any, Any]]


def _deployment(**changes: Any) -> dict[str, Any]:
    container = {
        "name": "web",
        "image": "lab/python:1",
        "env": [
            {"name": "A", "value": "1"},
            {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
        ],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"port": 8080}},
        **changes.pop("container", {}),
    }
    pod = {"containers": [container], "volumes": [{"name": "v", "configMap": {"name": "c"}}], **changes.pop("pod", {})}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template, **changes.pop("spec", {})}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", **changes}, "spec": spec}


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Puts one request to both: (what the cluster said, what the sandbox said), comparable."""
    real, sandbox = KubernetesTransport(), Sandbox()
    space = {"metadata": {"name": SPACE}}
    if real.request("POST", "/api/v1/namespaces", None, space).status == 409:
        pytest.skip(f"namespace {SPACE} is in use")
    sandbox.handle("POST", "/api/v1/namespaces", {}, space)

    def both(method: str, path: str, body: Any = None, kind: str = "application/json", **query: str) -> tuple[Any, Any]:
        query = {"fieldManager": "tester", **query}
        theirs = real.request(method, path, query, copy.deepcopy(body), kind)
        ours = sandbox.handle(method, path, query, copy.deepcopy(body), kind)
        return (theirs.status, _plain(theirs.json())), (ours.status, _plain(ours.json()))

    try:
        yield both
    finally:
        real.request("DELETE", f"/api/v1/namespaces/{SPACE}")


def _plain(value: Any, key: str = "") -> Any:
    if (key in VOLATILE and not isinstance(value, str | int)) or key in VOLATILE[:-1]:
        return "*"
    if key == "managedFields":
        value = [entry for entry in value if entry["manager"] == "tester"]
    if isinstance(value, dict):
        noted = "deployment.kubernetes.io/revision"
        shown = {name: _plain(part, name) for name, part in value.items() if name != noted}
        # The controller may or may not have noted the revision yet, so annotations that held only it are none.
        return {name: part for name, part in shown.items() if name != "annotations" or part}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, str):
        return re.sub(r'"(resourceVersion|uid|creationTimestamp|time)\\*":\\*"[^"]*"', "*", value)
    return value


def test_defaults_are_the_same(ask: Ask) -> None:
    theirs, ours = ask("POST", DEPLOYMENTS, _deployment(), dryRun="All")
    assert ours == theirs


@pytest.mark.parametrize(
    "spoiled",
    [
        _deployment(spec={"replicas": "two"}),
        _deployment(spec={"replicas": -1}),
        _deployment(spec={"selector": {"matchLabels": {"app": "other"}}}),
        _deployment(spec={"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}}),
        _deployment(spec={"progressDeadlineSeconds": 1, "minReadySeconds": 5}),
        _deployment(container={"image": ""}),
        _deployment(container={"name": ""}),
        _deployment(container={"command": "not a list"}),
        _deployment(container={"imagePullPolicy": "Sometimes"}),
        _deployment(container={"ports": [{"containerPort": 99999}]}),
        _deployment(container={"env": [{"name": "A", "value": 5}]}),
        _deployment(
            container={"env": [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]}
        ),
        _deployment(container={"livenessProbe": {"periodSeconds": 3}}),
        _deployment(container={"livenessProbe": {"tcpSocket": {"port": 1}, "httpGet": {"port": 1}}}),
        _deployment(container={"resources": {"limits": {"memory": "12Q"}}}),
        _deployment(container={"resources": {"limits": {"memory": "1Mi"}, "requests": {"memory": "1Gi"}}}),
        _deployment(container={"volumeMounts": [{"name": "nothing", "mountPath": "/x"}]}),
        _deployment(pod={"containers": []}),
        _deployment(pod={"restartPolicy": "Never"}),
        _deployment(name="No_Name"),
        _deployment(labels={"a": "b c"}),
    ],
)
def test_refusals_are_worded_the_same(ask: Ask, spoiled: dict[str, Any]) -> None:
    theirs, ours = ask("POST", DEPLOYMENTS, spoiled, dryRun="All")
    assert theirs[0] >= 400
    assert ours == theirs


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        (MERGE, {"spec": {"revisionHistoryLimit": 3}}),
        (MERGE, {"metadata": {"annotations": {"a": "b"}}}),
        (MERGE, {"spec": {"selector": {"matchLabels": {"app": "other"}}}}),
        (STRATEGIC, {"containers": [{"name": "web", "image": "lab/base:1"}]}),
        (STRATEGIC, {"containers": [{"name": "web", "env": [{"name": "N", "value": "1"}]}]}),
        (STRATEGIC, {"containers": [{"name": "web", "env": [{"name": "A", "$patch": "delete"}]}]}),
        (STRATEGIC, {"containers": [{"name": "web", "ports": [{"containerPort": 9090, "name": "more"}]}]}),
        (STRATEGIC, {"containers": [{"name": "web", "readinessProbe": None}]}),
        (STRATEGIC, {"volumes": [{"name": "v", "$retainKeys": ["name", "emptyDir"], "emptyDir": {}}]}),
        (STRATEGIC, {"containers": [{"$patch": "replace"}, {"name": "web", "image": "x:2"}]}),
        (STRATEGIC, {"containers": [{"image": "no name"}]}),
        (STRATEGIC, {"containers": {"image": "not a list"}}),
        (JSON, [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "x:3"}]),
        (JSON, [{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "Z"}}]),
        (JSON, [{"op": "remove", "path": "/spec/nothing"}]),
        (JSON, [{"op": "test", "path": "/spec/replicas", "value": 7}]),
        (JSON, {"not": "a list"}),
    ],
)
def test_patches_do_the_same(ask: Ask, kind: str, patch: Any) -> None:
    ask("POST", DEPLOYMENTS, _deployment())
    body = {"spec": {"template": {"spec": patch}}} if kind == STRATEGIC else patch
    theirs, ours = ask("PATCH", f"{DEPLOYMENTS}/web", body, kind, dryRun="All")
    assert ours == theirs


def test_server_side_apply_does_the_same(ask: Ask) -> None:
    def applied(**data: str) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": data}

    for body, query in (
        (applied(a="1", b="2"), {"fieldManager": "tester"}),
        (applied(a="1"), {"fieldManager": "tester"}),
        (applied(a="2"), {"fieldManager": "other"}),
        (applied(a="2"), {"fieldManager": "other", "force": "true"}),
    ):
        theirs, ours = ask("PATCH", f"{CONFIGMAPS}/applied", body, APPLY, **query)
        assert ours == theirs


@pytest.mark.parametrize(
    "spec",
    [
        {"selector": {"app": "web"}, "ports": [{"port": 80}]},
        {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
        {"ports": []},
        {"ports": [{"port": 0}]},
        {"ports": [{"port": 80}, {"port": 81, "name": "more"}]},
        {"ports": [{"port": 80, "targetPort": "Http_x"}]},
        {"ports": [{"port": 80, "protocol": "X"}]},
        {"clusterIP": "None", "selector": {"app": "web"}},
        {"type": "ExternalName", "externalName": "a.b"},
    ],
)
def test_services_come_out_the_same(ask: Ask, spec: dict[str, Any]) -> None:
    theirs, ours = ask("POST", SERVICES, {"metadata": {"name": "made"}, "spec": spec}, dryRun="All")
    assert ours == theirs


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{DEPLOYMENTS}/nothing"),
        ("GET", f"/api/v1/namespaces/{SPACE}/things"),
        ("DELETE", f"{DEPLOYMENTS}/nothing"),
        ("PUT", f"/api/v1/namespaces/{SPACE}/pods"),
        ("GET", f"/api/v1/namespaces/{SPACE}/pods/nothing/log"),
        ("GET", f"{SERVICES}/nothing:80/proxy/"),
    ],
)
def test_what_is_not_there_is_said_the_same(ask: Ask, method: str, path: str) -> None:
    theirs, ours = ask(method, path)
    assert ours == theirs
