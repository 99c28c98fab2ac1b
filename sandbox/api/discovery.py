"""Discovery: which groups, versions and resources there are, plain and aggregated, and the server's version."""

from __future__ import annotations

from typing import Any

from .resources import Registry, Resource

Object = dict[str, Any]

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERSION: Object = {
    "major": "1",
    "minor": "34",
    "emulationMajor": "1",
    "emulationMinor": "34",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "33",
    "gitVersion": "v1.34.4",
    "gitCommit": "v1.34.4",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "go1.25",
    "compiler": "gc",
    "platform": "linux/amd64",
}


def discover(path: str, accept: str, registry: Registry) -> tuple[Object, str] | None:
    """The document at a discovery path and its content type; None when the path is another one."""
    parts = path.strip("/").split("/")
    if parts == ["version"]:
        return VERSION, "application/json"
    if parts[0] not in ("api", "apis") or len(parts) > 3:
        return None
    aggregated = "as=APIGroupDiscoveryList" in accept and "v=v2" in accept.replace("v=v2beta1", "")
    key = (tuple(parts), aggregated and len(parts) == 1)
    kept = _DOCUMENTS if not registry.count else {}
    if key not in kept:
        made = _document(parts, key[1], registry)
        if made is None:
            return None
        kept[key] = made
    return kept[key], AGGREGATED if key[1] else "application/json"


_DOCUMENTS: dict[tuple[tuple[str, ...], bool], Object] = {}
"""What a cluster without custom resources says, kept."""


def _document(parts: list[str], aggregated: bool, registry: Registry) -> Object | None:
    if len(parts) == 1:
        if aggregated:
            return _aggregated(parts == ["api"], registry)
        if parts == ["api"]:
            addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}]
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}
        groups = [_group(name, registry) for name in _groups(registry)]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    if parts[0] == "apis" and len(parts) == 2:
        if parts[1] not in registry.groups:
            return None
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1], registry)}
    group_version = ("", parts[1]) if parts[0] == "api" and len(parts) == 2 else tuple(parts[1:])
    if len(group_version) == 2 and group_version in registry.group_versions:
        return _resource_list(*group_version, registry)
    return None


def _groups(registry: Registry) -> tuple[str, ...]:
    return tuple(dict.fromkeys(group for group, _ in registry.group_versions if group))


def _group(name: str, registry: Registry) -> Object:
    versions = [
        {"groupVersion": f"{name}/{version}", "version": version}
        for group, version in registry.group_versions
        if group == name
    ]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resource_list(group: str, version: str, registry: Registry) -> Object:
    listed: list[Object] = []
    for resource in registry.resources:
        if (resource.group, resource.version) != (group, version):
            continue
        entry: Object = {
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
        }
        if resource.short:
            entry["shortNames"] = list(resource.short)
        if resource.categories:
            entry["categories"] = list(resource.categories)
        listed.append(entry)
        for below in resource.below:
            sub: Object = {
                "name": f"{resource.plural}/{below.name}",
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": below.kind,
                "verbs": list(below.verbs),
            }
            if below.version and (below.group, below.version) != (group, version):
                sub["group"], sub["version"] = below.group, below.version
            listed.append(sub)
    api_version = f"{group}/{version}" if group else version
    listed.sort(key=lambda entry: str(entry["name"]))
    head: Object = {"kind": "APIResourceList", "apiVersion": "v1"} if group else {"kind": "APIResourceList"}
    return {**head, "groupVersion": api_version, "resources": listed}


def _aggregated(core: bool, registry: Registry) -> Object:
    items: list[Object] = []
    for group in ("",) if core else _groups(registry):
        versions = []
        for version in (v for g, v in registry.group_versions if g == group):
            resources = [_described(r) for r in registry.resources if (r.group, r.version) == (group, version)]
            versions.append({"version": version, "resources": resources, "freshness": "Current"})
        meta: Object = {"creationTimestamp": None}
        items.append({"metadata": {"name": group, **meta} if group else meta, "versions": versions})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _described(resource: Resource) -> Object:
    custom = resource.definition is not None
    entry: Object = {
        "resource": resource.plural,
        "responseKind": {
            "group": resource.group if custom else "",
            "version": resource.version if custom else "",
            "kind": resource.kind,
        },
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short:
        entry["shortNames"] = list(resource.short)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.below:
        entry["subresources"] = [
            {
                "subresource": below.name,
                "responseKind": {"group": below.group, "version": below.version, "kind": below.kind},
                "verbs": list(below.verbs),
            }
            for below in resource.below
        ]
    return entry
