"""The one document of all types, for clients that still ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(seed=1)


@pytest.fixture(scope="module")
def document(sandbox: Sandbox) -> Any:
    return sandbox.handle("GET", "/openapi/v2").json()


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for below in part.values():
            yield from references(below)
    elif isinstance(part, list):
        for below in part:
            yield from references(below)


def test_every_reference_leads_to_a_definition(document: Any) -> None:
    named = {f"#/definitions/{name}" for name in document["definitions"]}
    assert set(references(document)) <= named
    assert len(named) > 500


def test_types_are_written_as_version_2_has_them(document: Any) -> None:
    definitions = document["definitions"]
    assert definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] == {"type": "string"}
    assert definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] == {
        "type": "string",
        "format": "int-or-string",
    }
    spec = definitions["io.k8s.api.apps.v1.Deployment"]["properties"]["spec"]
    assert spec == {"$ref": "#/definitions/io.k8s.api.apps.v1.DeploymentSpec"}
    assert "default" in definitions["io.k8s.api.core.v1.LimitRangeItem"]["properties"]


def test_a_patch_says_what_it_takes(document: Any) -> None:
    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert "application/apply-patch+yaml" in patch["consumes"]
    assert {"body", "dryRun", "fieldManager"} <= {parameter["name"] for parameter in patch["parameters"]}
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}


def test_who_takes_no_json_is_told(sandbox: Sandbox) -> None:
    protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert sandbox.handle("GET", "/openapi/v2", accept=protobuf).status == 406


def test_a_custom_kind_is_in_it_as_soon_as_it_is_defined() -> None:
    sandbox = Sandbox(seed=1)
    schema = {"type": "object", "properties": {"spec": {"type": "object"}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [version],
        },
    }
    sandbox.handle("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {}, body)
    document = sandbox.handle("GET", "/openapi/v2").json()
    assert "com.example.v1.Widget" in document["definitions"]
    assert "com.example.v1.Widget" not in Sandbox(seed=1).handle("GET", "/openapi/v2").json()["definitions"]
