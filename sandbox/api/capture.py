"""Makes the data of this folder from a real API server: ``python -m ...sandbox.api.capture [FOLDER]``.

It reads through ``kubectl get --raw`` (KUBECONFIG names the cluster) and writes

* registry.json: every group, version and resource, as aggregated discovery lists them;
* schema.json: of the kinds among them, what the sandbox needs of their OpenAPI v3: types, formats, references,
  required fields, enumerations, which lists are maps and by which keys, how a strategic merge treats a list.
  Descriptions stay behind;
* columns.json: the columns in which the server shows each kind;
* roles.json: the ClusterRoles and ClusterRoleBindings that every cluster starts with.

What is captured is Kubernetes' own data (Apache License 2.0), pruned.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_REFERENCE = "#/components/schemas/"
_KEPT = {
    "x-kubernetes-list-type": "list",
    "x-kubernetes-list-map-keys": "keys",
    "x-kubernetes-map-type": "map",
    "x-kubernetes-patch-strategy": "strategy",
    "x-kubernetes-patch-merge-key": "merge",
    "x-kubernetes-unions": "unions",
    "enum": "enum",
    "pattern": "pattern",
}
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_BOOTSTRAP = "labelSelector=kubernetes.io/bootstrapping%3Drbac-defaults"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_OURS = ("conformance.example",)

Object = dict[str, Any]


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    groups = _registry()
    source = f"pruned from Kubernetes {_get('/version')['gitVersion']} (Apache License 2.0)"
    _write(folder / "registry.json", {"source": source, "groups": groups})
    _write(folder / "schema.json", {"source": source, **_schemas(groups)})
    _write(folder / "columns.json", {"source": source, "columns": _columns(groups)})
    _write(folder / "roles.json", {"source": source, "items": _roles()})


def _registry() -> list[Object]:
    """Groups in the server's order, the preferred version first."""
    groups = []
    for path in ("/api", "/apis"):
        for item in _get(path, _AGGREGATED)["items"]:
            name = item["metadata"].get("name", "")
            if name not in _OURS:
                groups.append({"name": name, "versions": [_version(version) for version in item["versions"]]})
    return groups


def _version(version: Object) -> Object:
    return {"version": version["version"], "resources": [_resource(item) for item in version["resources"]]}


def _resource(item: Object) -> Object:
    kept: Object = {
        "plural": item["resource"],
        "singular": item["singularResource"],
        "kind": item["responseKind"]["kind"],
        "namespaced": item["scope"] == "Namespaced",
        "verbs": item["verbs"],
    }
    for field, short in (("shortNames", "short"), ("categories", "categories")):
        if item.get(field):
            kept[short] = item[field]
    below = {}
    for sub in item.get("subresources", ()):
        response = sub.get("responseKind") or {}
        kind = [response.get("group", ""), response.get("version", ""), response.get("kind", "")]
        below[sub["subresource"]] = {"kind": kind, "verbs": sub["verbs"]}
    if below:
        kept["subresources"] = below
    return kept


def _schemas(groups: list[Object]) -> Object:
    definitions: Object = {}
    kinds: dict[str, str] = {}
    documents: dict[str, list[str]] = {}
    for group in groups:
        for version in group["versions"]:
            base = f"apis/{group['name']}" if group["name"] else "api"
            schemas = _get(f"/openapi/v3/{base}/{version['version']}")["components"]["schemas"]
            named = {}
            for name, schema in schemas.items():
                for gvk in schema.get("x-kubernetes-group-version-kind", ()):
                    named[f"{gvk['group']}/{gvk['version']}/{gvk['kind']}"] = name
            for resource in version["resources"]:
                key = f"{group['name']}/{version['version']}/{resource['kind']}"
                if key in named:
                    kinds[key] = named[key]
            documents[f"{group['name']}/{version['version']}"] = sorted(schemas)
            # An aggregated server may be of another version: what the API server itself says comes first, and counts.
            definitions = {**{name: _pruned(schema) for name, schema in schemas.items()}, **definitions}
    return {"kinds": kinds, "documents": documents, "definitions": definitions}


def _pruned(schema: Object) -> Object:
    kept: Object = {short: schema[name] for name, short in _KEPT.items() if name in schema}
    reference = schema.get("$ref") or next((part["$ref"] for part in schema.get("allOf", ()) if "$ref" in part), None)
    if "$ref" in schema:
        kept["bare"] = True
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
    if "x-kubernetes-group-version-kind" in schema:
        gvks = schema["x-kubernetes-group-version-kind"]
        kept["gvk"] = sorted([gvk["group"], gvk["version"], gvk["kind"]] for gvk in gvks)
    if "required" in schema:
        kept["required"] = schema["required"]
    if "items" in schema:
        kept["items"] = _pruned(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        kept["values"] = _pruned(schema["additionalProperties"])
    return kept


def _columns(groups: list[Object]) -> Object:
    """Kind in group and version -> its columns; identical sets are written once, and named after."""
    columns: Object = {}
    for group in groups:
        for version in group["versions"]:
            base = f"/apis/{group['name']}" if group["name"] else "/api"
            for resource in version["resources"]:
                if "list" in resource["verbs"]:
                    table = _get(f"{base}/{version['version']}/{resource['plural']}?limit=1", _TABLE)
                    shown = table.get("columnDefinitions")
                    columns[f"{group['name']}/{version['version']}/{resource['kind']}"] = shown
    return columns


def _roles() -> list[Object]:
    items = []
    for kind, plural in (("ClusterRole", "clusterroles"), ("ClusterRoleBinding", "clusterrolebindings")):
        for item in _get(f"{_RBAC}/{plural}?{_BOOTSTRAP}")["items"]:
            meta = {key: item["metadata"][key] for key in ("name", "labels", "annotations") if key in item["metadata"]}
            rest = {key: value for key, value in item.items() if key not in ("metadata", "kind", "apiVersion")}
            items.append({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": meta, **rest})
    return items


def _get(path: str, accept: str = "") -> Any:
    """kubectl has no option for the Accept header: with one, the request goes through ``kubectl proxy``."""
    if not accept:
        return json.loads(subprocess.run(["kubectl", "get", "--raw", path], check=True, capture_output=True).stdout)
    import urllib.request

    request = urllib.request.Request(f"http://127.0.0.1:{_proxy()}{path}", headers={"Accept": accept})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


_proxies: list[tuple[subprocess.Popen[str], int]] = []


def _proxy() -> int:
    if not _proxies:
        process = subprocess.Popen(["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        _proxies.append((process, int(process.stdout.readline().rpartition(":")[2])))
    return _proxies[0][1]


def _write(path: Path, document: Object) -> None:
    path.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    try:
        main()
    finally:
        for process, _ in _proxies:
            process.terminate()
