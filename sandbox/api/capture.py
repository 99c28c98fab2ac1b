"""Makes schema.json from a real API server's OpenAPI v3: ``python -m ...sandbox.api.capture > schema.json``.

It reads the documents through ``kubectl get --raw`` (KUBECONFIG names the cluster) and keeps, for the kinds of
the registry, what the sandbox needs: types, formats, references, required fields, enumerations, which lists
are maps and by which keys, and how a strategic merge treats a list. Descriptions stay behind.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from .resources import GROUP_VERSIONS, RESOURCES

_REFERENCE = "#/components/schemas/"
_KEPT = {
    "x-kubernetes-list-type": "list",
    "x-kubernetes-list-map-keys": "keys",
    "x-kubernetes-map-type": "map",
    "x-kubernetes-patch-strategy": "strategy",
    "x-kubernetes-patch-merge-key": "merge",
    "enum": "enum",
}


def main() -> None:
    definitions: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    for group, version in GROUP_VERSIONS:
        path = f"apis/{group}/{version}" if group else f"api/{version}"
        try:
            document = json.loads(_kubectl(f"/openapi/v3/{path}"))
        except (subprocess.CalledProcessError, ValueError):
            print(f"no OpenAPI for {path}", file=sys.stderr)
            continue
        schemas = document["components"]["schemas"]
        for name, schema in schemas.items():
            for gvk in schema.get("x-kubernetes-group-version-kind", ()):
                kinds[f"{gvk['group']}/{gvk['version']}/{gvk['kind']}"] = name
        wanted = [
            kinds[f"{r.group}/{r.version}/{r.kind}"] for r in RESOURCES if r.group == group and r.version == version
        ]
        while wanted:
            name = wanted.pop()
            if name not in definitions:
                definitions[name] = _pruned(schemas[name])
                wanted += _references(definitions[name])
    served = {f"{r.group}/{r.version}/{r.kind}" for r in RESOURCES}
    result = {
        "source": f"pruned from the OpenAPI v3 of Kubernetes {_version()} (Apache License 2.0)",
        "kinds": {key: name for key, name in sorted(kinds.items()) if key in served},
        "definitions": dict(sorted(definitions.items())),
    }
    json.dump(result, sys.stdout, separators=(",", ":"), sort_keys=True)
    print()


def _pruned(schema: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {short: schema[name] for name, short in _KEPT.items() if name in schema}
    reference = schema.get("$ref") or next((part["$ref"] for part in schema.get("allOf", ()) if "$ref" in part), None)
    if reference:
        kept["ref"] = reference.removeprefix(_REFERENCE)
    if "oneOf" in schema:
        kept["type"] = schema.get("format") or "quantity"
    elif "type" in schema:
        kept["type"] = schema["type"]
        if schema.get("format"):
            kept["format"] = schema["format"]
    if schema.get("default") not in (None, ""):
        kept["default"] = schema["default"]
    if "properties" in schema:
        kept["fields"] = {name: _pruned(value) for name, value in schema["properties"].items()}
    if "required" in schema:
        kept["required"] = schema["required"]
    if "items" in schema:
        kept["items"] = _pruned(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        kept["values"] = _pruned(schema["additionalProperties"])
    return kept


def _references(schema: dict[str, Any]) -> list[str]:
    found = [schema["ref"]] if "ref" in schema else []
    for part in [*schema.get("fields", {}).values(), schema.get("items"), schema.get("values")]:
        if part:
            found += _references(part)
    return found


def _version() -> str:
    return str(json.loads(_kubectl("/version"))["gitVersion"])


def _kubectl(path: str) -> bytes:
    return subprocess.run(["kubectl", "get", "--raw", path], check=True, capture_output=True).stdout


if __name__ == "__main__":
    main()
