"""Discovery and OpenAPI documents, reduced to what the sandbox claims to know."""

from __future__ import annotations

import json
import re
from typing import Any

Object = dict[str, Any]

_BUILD = ("gitVersion", "gitCommit", "buildDate", "goVersion", "compiler", "platform", "gitTreeState")


def comparable_types(answer: Any, path: str) -> Any:
    """The part of a document that both sides must agree on."""
    if isinstance(answer, str) and answer.startswith("{"):
        answer = json.loads(answer)
    if not isinstance(answer, dict):
        return answer
    if path.rstrip("/") == "/version":
        return {key: "<build>" if key in _BUILD else value for key, value in answer.items()}
    if path == "/openapi/v3":
        return sorted(name for name in answer.get("paths", {}) if re.fullmatch(r"apis?/([\w.-]+/)?v\w+", name))
    if "components" in answer:
        return _schemas(answer["components"].get("schemas", {}))
    if "definitions" in answer:
        return _schemas(answer["definitions"])
    kind = answer.get("kind")
    if kind == "APIGroupDiscoveryList":
        return {item["metadata"].get("name", ""): _versions(item) for item in answer.get("items", ())}
    if kind == "APIGroupList":
        return sorted(answer.get("groups", ()), key=lambda group: str(group["name"]))
    if kind == "APIVersions":
        return {**answer, "serverAddressByClientCIDRs": "<ip>"}
    if kind == "APIResourceList":
        resources = [
            {key: value for key, value in item.items() if key != "storageVersionHash"}
            for item in answer.get("resources", ())
        ]
        return {**answer, "resources": sorted(resources, key=lambda item: str(item["name"]))}
    return answer


def _versions(item: Object) -> Object:
    return {
        version["version"]: {
            resource["resource"]: {
                **resource,
                "subresources": sorted(resource.get("subresources") or (), key=lambda sub: str(sub["subresource"])),
            }
            for resource in version.get("resources", ())
        }
        for version in item.get("versions", ())
    }


def _schemas(schemas: Object) -> Object:
    shown = {name: _schema(schema) for name, schema in schemas.items()}
    for name in shown:
        if ".apimachinery." in name:  # shared by all groups that a server has
            shown[name].pop("x-kubernetes-group-version-kind", None)
    return shown


def _schema(part: Any) -> Any:
    """Without descriptions and defaults of the document's own making."""
    if isinstance(part, dict):
        shown = {key: _schema(value) for key, value in part.items() if key not in ("description", "default")}
        for key, value in shown.items():
            if key in ("x-kubernetes-group-version-kind", "oneOf") and isinstance(value, list):
                shown[key] = sorted(value, key=str)
        return shown
    if isinstance(part, list):
        return [_schema(value) for value in part]
    return part
