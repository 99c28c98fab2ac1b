"""CustomResourceDefinitions: what they define is served, checked, shown, and goes with them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/parts.example/v1/namespaces/default/widgets"
MERGE = "application/merge-patch+json"


def _definition(**more: Any) -> dict[str, Any]:
    size = {"type": "integer", "minimum": 1, "maximum": 9}
    spec = {
        "type": "object",
        "required": ["size"],
        "properties": {"size": size, "colour": {"type": "string", "default": "red", "enum": ["red", "blue"]}},
    }
    schema = {"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
    }
    names = {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.parts.example"},
        "spec": {"group": "parts.example", "scope": "Namespaced", "names": names, "versions": [version], **more},
    }


def _widget(name: str = "first", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "parts.example/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"size": 3, **spec}}


@pytest.fixture
def sandbox() -> Sandbox:
    made = Sandbox()
    assert made.handle("POST", CRDS, {}, _definition()).status == 201
    made.advance(1)
    return made


def test_a_definition_is_established_and_its_type_discovered(sandbox: Sandbox) -> None:
    conditions = sandbox.handle("GET", f"{CRDS}/widgets.parts.example").json()["status"]["conditions"]
    assert {item["type"]: item["status"] for item in conditions} == {"NamesAccepted": "True", "Established": "True"}
    listed = sandbox.handle("GET", "/apis/parts.example/v1").json()["resources"]
    assert [item["name"] for item in listed] == ["widgets", "widgets/status"]


def test_its_defaults_are_filled_in_and_its_objects_counted(sandbox: Sandbox) -> None:
    made = sandbox.handle("POST", WIDGETS, {}, _widget()).json()
    assert (made["spec"], made["metadata"]["generation"]) == ({"size": 3, "colour": "red"}, 1)
    changed = sandbox.handle("PATCH", f"{WIDGETS}/first", {}, {"spec": {"size": 4}}, MERGE).json()
    assert (changed["spec"]["size"], changed["metadata"]["generation"]) == (4, 2)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"size": 12}, "spec.size: Invalid value: 12: spec.size in body should be less than or equal to 9"),
        ({"size": "big"}, 'spec.size in body must be of type integer: "string"'),
        ({"colour": "green"}, 'spec.colour: Unsupported value: "green": supported values: "red", "blue"'),
    ],
)
def test_what_does_not_fit_its_schema_is_refused(sandbox: Sandbox, spec: dict[str, Any], words: str) -> None:
    answer = sandbox.handle("POST", WIDGETS, {}, _widget(**spec))
    assert (answer.status, words in answer.json()["message"]) == (422, True)


def test_an_unknown_field_is_dropped_or_refused_as_asked(sandbox: Sandbox) -> None:
    assert sandbox.handle("POST", WIDGETS, {"fieldValidation": "Strict"}, _widget(colr="red")).status == 400
    made = sandbox.handle("POST", WIDGETS, {}, _widget(colr="red"))
    assert "spec.colr" in made.headers["Warning"]
    assert "colr" not in made.json()["spec"]


def test_status_is_written_by_its_subresource_alone(sandbox: Sandbox) -> None:
    sandbox.handle("POST", WIDGETS, {}, _widget())
    sandbox.handle("PATCH", f"{WIDGETS}/first", {}, {"status": {"phase": "A"}}, MERGE)
    assert "status" not in sandbox.handle("GET", f"{WIDGETS}/first").json()
    below = sandbox.handle("PATCH", f"{WIDGETS}/first/status", {}, {"status": {}, "spec": {"size": 9}}, MERGE)
    assert (below.json()["spec"]["size"], below.json()["status"]) == (3, {})


def test_its_columns_are_shown(sandbox: Sandbox) -> None:
    sandbox.handle("POST", WIDGETS, {}, _widget())
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    table = sandbox.handle("GET", WIDGETS, accept=accept).json()
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Size"]
    assert [row["cells"] for row in table["rows"]] == [["first", 3]]


def test_a_kind_of_a_name_that_is_taken_stays_apart() -> None:
    sandbox = Sandbox()
    names = {"plural": "services", "kind": "Service"}
    crd = {**_definition(names=names), "metadata": {"name": "services.parts.example"}}
    sandbox.handle("POST", CRDS, {}, crd)
    made = {"apiVersion": "parts.example/v1", "kind": "Service", "metadata": {"name": "mine"}, "spec": {"size": 1}}
    assert sandbox.handle("POST", "/apis/parts.example/v1/namespaces/default/services", {}, made).status == 201
    assert sandbox.handle("GET", "/api/v1/namespaces/default/services/mine").status == 404


def test_it_goes_with_all_of_its_objects(sandbox: Sandbox) -> None:
    sandbox.handle("POST", WIDGETS, {}, _widget())
    gone = sandbox.handle("DELETE", f"{CRDS}/widgets.parts.example").json()
    assert [item["type"] for item in gone["status"]["conditions"]][-1] == "Terminating"
    sandbox.advance(1)
    assert sandbox.handle("GET", f"{CRDS}/widgets.parts.example").status == 404
    assert sandbox.handle("GET", WIDGETS).status == 404
