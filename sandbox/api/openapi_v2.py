"""OpenAPI v2 (Swagger), for clients that ask for the one document of all types: rewritten from the v3 documents."""

from __future__ import annotations

from typing import Any

from . import openapi
from .resources import Registry

Object = dict[str, Any]

_OLD, _NEW = "#/components/schemas/", "#/definitions/"
_ANSWERS = [
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/cbor",
]
_kept: dict[int, Object] = {}  # 0: the document of every cluster


def document(registry: Registry) -> Object:
    """All groups and versions in one document. A registry that nothing was added to shares it."""
    if registry.count == 0 and 0 in _kept:
        return _kept[0]
    definitions: Object = {}
    paths: Object = {}
    for group, version in registry.group_versions:
        found = openapi.document(group, version) or openapi.custom(registry, group, version)
        if found is None:
            continue
        definitions |= {name: _type(schema) for name, schema in found["components"]["schemas"].items()}
        paths |= {path: _path(path, operations) for path, operations in found["paths"].items()}
    info = {"title": "Kubernetes", "version": "v1.34.4"}
    made = {"swagger": "2.0", "info": info, "paths": paths, "definitions": definitions}
    if registry.count == 0:
        _kept[0] = made
    return made


def _type(schema: Any) -> Any:
    """A schema as version 2 writes it: without defaults, a reference alone, one of several types as a string."""
    if isinstance(schema, list):
        return [_type(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "oneOf" in schema:
        short = {"type": "string"}
        return {**short, "format": schema["format"]} if "format" in schema else short
    made = {key: _type(part) for key, part in schema.items() if key not in ("allOf", "default", "properties")}
    if "properties" in schema:  # of which one may be called default, or $ref
        made["properties"] = {name: _type(part) for name, part in schema["properties"].items()}
    for part in schema.get("allOf", ()):
        made |= _type(part)
    if isinstance(made.get("$ref"), str):
        made["$ref"] = made["$ref"].replace(_OLD, _NEW)
    return made


def _path(path: str, operations: Object) -> Object:
    named = [name for name in ("namespace", "name") if f"{{{name}}}" in path]
    shared = [{"name": name, "in": "path", "required": True, "type": "string", "uniqueItems": True} for name in named]
    made: Object = {method: _operation(operation) for method, operation in operations.items()}
    return {**made, "parameters": shared} if shared else made


def _operation(operation: Object) -> Object:
    parameters: list[Object] = [
        {"name": part["name"], "in": part["in"], **part["schema"]} for part in operation["parameters"]
    ]
    body = (operation.get("requestBody") or {}).get("content")
    if body:
        schema = _type(next(iter(body.values()))["schema"])
        parameters.insert(0, {"name": "body", "in": "body", "required": True, "schema": schema})
    answered = operation["responses"]["200"]
    schema = _type(answered["content"]["application/json"]["schema"])
    return {
        "consumes": list(body) if body else ["*/*"],
        "produces": _ANSWERS,
        "parameters": parameters,
        "responses": {"200": {"description": answered["description"], "schema": schema}},
        "x-kubernetes-action": operation["x-kubernetes-action"],
        "x-kubernetes-group-version-kind": operation["x-kubernetes-group-version-kind"],
    }
