"""OpenAPI v3, rebuilt from the pruned schema: enough for kubectl (apply, explain, validation) and client libraries."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

from .resources import GROUP_VERSIONS, RESOURCES, Registry, Resource
from .schema import raw

Object = dict[str, Any]

_REFERENCE = "#/components/schemas/"
_LONG = {
    "list": "x-kubernetes-list-type",
    "keys": "x-kubernetes-list-map-keys",
    "map": "x-kubernetes-map-type",
    "strategy": "x-kubernetes-patch-strategy",
    "merge": "x-kubernetes-patch-merge-key",
    "unions": "x-kubernetes-unions",
}
_AS_THEY_ARE = ("type", "format", "default", "enum", "required", "pattern")
_PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)


def index(registry: Registry) -> Object:
    """What /openapi/v3 says: a path with a hash for each group and version."""
    digest = hashlib.sha256(repr(sorted(raw()["kinds"])).encode()).hexdigest()[:32].upper()
    names = [f"apis/{group}/{version}" if group else f"api/{version}" for group, version in registry.group_versions]
    if registry.count:
        digest = f"{digest[:-4]}{registry.count:04X}"
    return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={digest}"} for name in names}}


@cache
def document(group: str, version: str) -> Object | None:
    """The document of one group and version."""
    if (group, version) not in GROUP_VERSIONS:
        return None
    definitions = raw()["definitions"]
    paths: Object = {}
    for resource in RESOURCES:
        name = raw()["kinds"].get(f"{resource.group}/{resource.version}/{resource.kind}")
        if (resource.group, resource.version) == (group, version) and name:
            gvk = {"group": group, "version": version, "kind": resource.kind}
            paths |= _paths(resource, name, gvk)
    names = raw()["documents"][f"{group}/{version}"]
    schemas = {name: _long(definitions[name]) for name in names}
    info = {"title": "Kubernetes", "version": "v1.34.4"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def custom(registry: Registry, group: str, version: str) -> Object | None:
    """The document of a group of custom resources."""
    served = [r for r in registry.resources if (r.group, r.version) == (group, version) and r.definition]
    if not served:
        return None
    meta = "io.k8s.apimachinery.pkg.apis.meta.v1"
    prefix = ".".join([*reversed(group.split(".")), version])
    schemas: Object = {f"{meta}.{name}": _long(raw()["definitions"][f"{meta}.{name}"]) for name in _OF_META}
    paths: Object = {}
    for resource in served:
        name = f"{prefix}.{resource.kind}"
        gvk = {"group": group, "version": version, "kind": resource.kind}
        plain: Object = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
        properties = {
            **resource.definition.schema.get("properties", {}),
            **plain,
            "metadata": {"allOf": [{"$ref": f"{_REFERENCE}{meta}.ObjectMeta"}]},
        }
        schemas[name] = {
            **resource.definition.schema,
            "properties": properties,
            "x-kubernetes-group-version-kind": [gvk],
        }
        items = {"type": "array", "items": {"$ref": _REFERENCE + name}}
        schemas[f"{prefix}.{resource.list_kind}"] = {
            "type": "object",
            "required": ["items"],
            "properties": {**plain, "items": items, "metadata": {"allOf": [{"$ref": f"{_REFERENCE}{meta}.ListMeta"}]}},
            "x-kubernetes-group-version-kind": [{**gvk, "kind": resource.list_kind}],
        }
        paths |= _paths(resource, name, gvk)
    info = {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


_OF_META = (
    "DeleteOptions",
    "FieldsV1",
    "ListMeta",
    "ManagedFieldsEntry",
    "ObjectMeta",
    "OwnerReference",
    "Patch",
    "Preconditions",
    "Status",
    "StatusCause",
    "StatusDetails",
    "Time",
)


def _long(part: Object) -> Object:
    """The pruned form spelled out again."""
    if part.get("type") == "quantity":
        return {"oneOf": [{"type": "string"}, {"type": "number"}]}
    if part.get("type") == "int-or-string":
        return {"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"}
    result: Object = {key: part[key] for key in _AS_THEY_ARE if key in part}
    result |= {long: part[short] for short, long in _LONG.items() if short in part}
    if "ref" in part:
        if part.get("bare"):
            result["$ref"] = _REFERENCE + part["ref"]
        else:
            result["allOf"] = [{"$ref": _REFERENCE + part["ref"]}]
    if "fields" in part:
        result["properties"] = {name: _long(field) for name, field in part["fields"].items()}
    if "items" in part:
        result["items"] = _long(part["items"])
    if "values" in part:
        result["additionalProperties"] = _long(part["values"])
    if "gvk" in part:
        result["x-kubernetes-group-version-kind"] = [
            {"group": group, "version": version, "kind": kind} for group, version, kind in part["gvk"]
        ]
    return result


def _paths(resource: Resource, definition: str, gvk: Object) -> Object:
    base = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    if resource.namespaced:
        base += "/namespaces/{namespace}"
    content = {"application/json": {"schema": {"$ref": _REFERENCE + definition}}}
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
        for name in ("dryRun", "fieldManager", "fieldValidation")
    ]

    def operation(action: str, body: Object | None = None) -> Object:
        made: Object = {
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": gvk,
            "parameters": parameters if body else [],
            "responses": {"200": {"description": "OK", "content": content}},
        }
        if body:
            made["requestBody"] = {"content": body}
        return made

    patch_schema = {"schema": {"type": "object"}}
    one: Object = {
        "get": operation("get"),
        "put": operation("put", content),
        "patch": operation("patch", dict.fromkeys(_PATCH_TYPES, patch_schema)),
        "delete": operation("delete"),
    }
    many: Object = {"get": operation("list"), "post": operation("post", content)}
    return {f"{base}/{resource.plural}": many, f"{base}/{resource.plural}/{{name}}": one}
