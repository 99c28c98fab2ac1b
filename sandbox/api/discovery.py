"""Discovery: which groups, versions and resources there are, plain and aggregated, and the server's version."""

from __future__ import annotations

from functools import cache
from typing import Any

from .resources import GROUP_VERSIONS, RESOURCES, Resource

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
_SUB_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "eviction": ("policy", "v1", "Eviction"),
    "binding": ("", "v1", "Binding"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
    "proxy": ("", "v1", "{kind}ProxyOptions"),
    "log": ("", "v1", "Pod"),
}
_SUB_VERBS = {
    "status": ("get", "patch", "update"),
    "scale": ("get", "patch", "update"),
    "finalize": ("update",),
    "log": ("get",),
    "eviction": ("create",),
    "binding": ("create",),
    "token": ("create",),
    "exec": ("create", "get"),
    "attach": ("create", "get"),
    "portforward": ("create", "get"),
    "proxy": ("create", "delete", "get", "patch", "update"),
}


def discover(path: str, accept: str) -> tuple[Object, str] | None:
    """The document at a discovery path and its content type; None when the path is another one."""
    parts = path.strip("/").split("/")
    aggregated = "as=APIGroupDiscoveryList" in accept and "v=v2" in accept.replace("v=v2beta1", "")
    if parts == ["version"]:
        return VERSION, "application/json"
    if parts == ["api"]:
        if aggregated:
            return _aggregated(True), AGGREGATED
        addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}, "application/json"
    if parts == ["apis"]:
        if aggregated:
            return _aggregated(False), AGGREGATED
        return {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(name) for name in _groups()],
        }, "application/json"
    if parts[0] == "apis" and len(parts) == 2 and parts[1] in _groups():
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1])}, "application/json"
    group_version = ("", parts[1]) if parts[0] == "api" and len(parts) == 2 else tuple(parts[1:])
    if len(group_version) == 2 and group_version in GROUP_VERSIONS and parts[0] in ("api", "apis"):
        return _resource_list(*group_version), "application/json"
    return None


@cache
def _groups() -> tuple[str, ...]:
    return tuple(dict.fromkeys(group for group, _ in GROUP_VERSIONS if group))


def _group(name: str) -> Object:
    versions = [
        {"groupVersion": f"{name}/{version}", "version": version} for group, version in GROUP_VERSIONS if group == name
    ]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


@cache
def _resource_list(group: str, version: str) -> Object:
    listed: list[Object] = []
    for resource in RESOURCES:
        if (resource.group, resource.version) != (group, version):
            continue
        entry: Object = {
            "name": resource.plural,
            "singularName": "" if resource.read_only else resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
        }
        if resource.short:
            entry["shortNames"] = list(resource.short)
        if resource.categories:
            entry["categories"] = list(resource.categories)
        listed.append(entry)
        for name in resource.subresources:
            below: Object = {
                "name": f"{resource.plural}/{name}",
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": _sub_kind(resource, name)[2],
                "verbs": list(_SUB_VERBS[name]),
            }
            if name in ("scale", "eviction", "token"):
                below["group"], below["version"], _ = _sub_kind(resource, name)
            listed.append(below)
    api_version = f"{group}/{version}" if group else version
    listed.sort(key=lambda entry: str(entry["name"]))
    head: Object = {"kind": "APIResourceList", "apiVersion": "v1"} if group else {"kind": "APIResourceList"}
    return {**head, "groupVersion": api_version, "resources": listed}


@cache
def _aggregated(core: bool) -> Object:
    items: list[Object] = []
    for group in ("",) if core else _groups():
        versions = []
        for version in (v for g, v in GROUP_VERSIONS if g == group):
            resources = [_described(r) for r in RESOURCES if (r.group, r.version) == (group, version)]
            versions.append({"version": version, "resources": resources, "freshness": "Current"})
        items.append({"metadata": {"name": group} if group else {}, "versions": versions})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _described(resource: Resource) -> Object:
    entry: Object = {
        "resource": resource.plural,
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": "" if resource.read_only else resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short:
        entry["shortNames"] = list(resource.short)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        entry["subresources"] = [_described_below(resource, name) for name in resource.subresources]
    return entry


def _described_below(resource: Resource, name: str) -> Object:
    group, version, kind = _sub_kind(resource, name)
    if (group, version) == (resource.group, resource.version):
        group = version = ""
    response = {"group": group, "version": version, "kind": kind}
    return {"subresource": name, "responseKind": response, "verbs": list(_SUB_VERBS[name])}


def _sub_kind(resource: Resource, name: str) -> tuple[str, str, str]:
    group, version, kind = _SUB_KINDS.get(name, (resource.group, resource.version, resource.kind))
    return group, version, kind.format(kind=resource.kind)
