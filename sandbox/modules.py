"""The modules of kubernetes.core that interpret.py carries out, request by request."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import yaml

from .api.resources import RESOURCES, Resource
from .api.schema import compiled
from .api.writes import APPLY_PATCH, JSON_PATCH, STRATEGIC_PATCH
from .store import copy_of
from .waiting import condition_holds, is_ready

Object = dict[str, Any]
Arguments = Mapping[str, Any]

_AGENT = "OpenAPI-Generator/37.0.2/python"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_OWN = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")


class ModuleFailed(Exception):
    """The task fails, with what the module returns beside its message."""

    def __init__(self, message: str, result: Object | None = None) -> None:
        super().__init__(message)
        self.result = result or {}


class Refused(Exception):
    """The API server said no. The text is the body of its answer."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(body)
        self.status = status


class Cluster:
    """The requests of the modules, through a sandbox's ``handle``. What it answers is only read. ``lean``: whether
    answers may leave out what nobody looks at while nothing is registered (exchange.Request)."""

    def __init__(self, handle: Callable[..., Any], sleep: Callable[[float], None]) -> None:
        self._handle, self.sleep = handle, sleep
        self.lean = False

    def ask(self, method: str, path: str, query: Object | None = None, body: Any = None, kind: str = "") -> Object:
        kind = kind or "application/json"
        answer = self._handle(method, path, query or {}, body, kind, user_agent=_AGENT, lean=self.lean)
        if answer.status >= 400:
            raise Refused(answer.status, answer.text())
        found: Object = answer.seen()
        return found

    def find(self, resource: Resource, namespace: str | None, name: str, query: Object | None = None) -> Object | None:
        try:
            return self.ask("GET", path_of(resource, namespace, name), query)
        except Refused as error:
            if error.status in (404, 405):
                return None
            raise ModuleFailed(f"Failed to retrieve requested object: {error}") from None


def path_of(resource: Resource, namespace: str | None, name: str = "", below: str = "") -> str:
    root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    if resource.namespaced and namespace:
        root += f"/namespaces/{namespace}"
    return f"{root}/{resource.plural}" + (f"/{name}" if name else "") + (f"/{below}" if below else "")


@lru_cache(maxsize=1024)
def resource_of(kind: str, api_version: str) -> Resource:
    """By kind, plural, singular or short name. With the default version v1, any group's kind is found."""
    fits = [r for r in RESOURCES if kind in (r.kind, r.plural, r.singular, *r.short) and not r.read_only]
    exact = [r for r in fits if r.api_version == api_version]
    if exact:
        return exact[0]
    if api_version == "v1" and fits:
        return fits[0]
    what = f"Failed to find exact match for {api_version}.{kind} by [kind, name, singularName, shortNames]"
    raise ModuleFailed(what)


def k8s(cluster: Cluster, args: Arguments) -> Object:
    """state present, patched and absent; apply; force; merge_type; wait."""
    results = [_k8s_one(cluster, args, definition) for definition in _definitions(args)]
    if len(results) == 1:
        return results[0]
    return {"changed": any(result["changed"] for result in results), "result": {"results": results}}


def k8s_info(cluster: Cluster, args: Arguments) -> Object:
    try:
        resource = resource_of(args["kind"], args.get("api_version") or args.get("api") or args.get("version") or "v1")
    except ModuleFailed:
        api_version = args.get("api_version", "v1")
        message = f'Failed to find API for resource with apiVersion "{api_version}" and kind "{args["kind"]}"'
        return {"changed": False, "resources": [], "msg": message, "api_found": False}
    limit = float(args.get("wait_timeout", 120)) if args.get("wait") else 0.0
    condition = args.get("wait_condition") or {}

    def look() -> list[Object]:
        found = cluster.find(resource, args.get("namespace"), args.get("name") or "", _selectors(args))
        if found is None:
            return []
        items = found["items"] if found["kind"].endswith("List") and "items" in found else [found]
        return [{"kind": resource.kind, "apiVersion": resource.api_version, **item} for item in items]

    def enough(items: list[Object]) -> bool:
        return bool(items) and (not args.get("wait") or all(_reached(resource, item, condition) for item in items))

    items, reached, waited = _poll(cluster, look, enough, limit, float(args.get("wait_sleep", 5)))
    if args.get("wait") and items and not reached:
        kind = items[0].get("kind")
        raise ModuleFailed(f"Failed to gather information about {kind}(s) even after waiting for {waited:.0f} seconds")
    return {"changed": False, "resources": items, "api_found": True}


def k8s_scale(cluster: Cluster, args: Arguments) -> Object:
    definition = _definitions(args)[0]
    resource = resource_of(definition["kind"], definition["apiVersion"])
    name, namespace = definition["metadata"].get("name"), definition["metadata"].get("namespace")
    try:
        existing = cluster.ask("GET", path_of(resource, namespace, name))
    except Refused as error:
        raise ModuleFailed(f"Failed to retrieve requested object: {error}") from None
    field = "parallelism" if resource.kind == "Job" else "replicas"
    count, replicas = existing["spec"].get(field), int(args["replicas"])
    if count is None:
        where = f"kind={resource.kind} name={name} namespace={namespace}"
        raise ModuleFailed(f"Failed to retrieve the available count for object {where}.")
    current = args.get("current_replicas")
    if current is not None and count != int(current):
        where = f"object kind={resource.kind} name={name} namespace={namespace}"
        warning = f"current replicas {current} does not match with actual {count} for {where}."
        return {"changed": False, "warning": warning, "result": {}}
    if count == replicas:
        return {"changed": False, "result": existing}
    if resource.kind != "Job" and "scale" not in resource.subresources:
        raise ModuleFailed(f"Cannot perform scale on resource of kind {resource.kind}")
    try:
        if resource.kind == "Job":
            cluster.ask("PATCH", path_of(resource, namespace, name), None, {"spec": {field: replicas}}, STRATEGIC_PATCH)
        else:
            body = {
                "kind": resource.kind,
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"replicas": replicas},
            }
            cluster.ask("PATCH", path_of(resource, namespace, name, "scale"), None, body, STRATEGIC_PATCH)
    except Refused as error:
        raise ModuleFailed(f"Scale request failed: {error}") from None
    result = {"changed": True, "result": cluster.ask("GET", path_of(resource, namespace, name))}
    if args.get("wait", True):
        limits = {"wait_timeout": 20, **args}
        return _waited(cluster, resource, namespace, name, limits, result, "Resource scaling timed out")
    return result


def k8s_rollback(cluster: Cluster, args: Arguments) -> Object:
    """To the revision numbered one below the current one, as the module does; no change when there is none."""
    kind, namespace = args["kind"], args.get("namespace")
    found = k8s_info(cluster, args)["resources"]
    results = [_rolled_back(cluster, kind, namespace, item) for item in found]
    return {"changed": any(result["changed"] for result in results), "rollback_info": results}


def k8s_json_patch(cluster: Cluster, args: Arguments) -> Object:
    resource = resource_of(args["kind"], args.get("api_version") or "v1")
    namespace, name = args.get("namespace"), args["name"]
    path = path_of(resource, namespace, name)
    try:
        existing = cluster.ask("GET", path)
    except Refused as error:
        raise ModuleFailed(f"{resource.kind} {name}: Failed to retrieve requested object: {error}") from None
    try:
        changed = cluster.ask("PATCH", path, None, list(args["patch"]), JSON_PATCH)
    except Refused as error:
        raise ModuleFailed(f"Failed to patch existing object: {error}") from None
    result = {"changed": differ(existing, changed), "result": changed}
    if args.get("wait"):
        return _waited(cluster, resource, namespace, name, args, result, "Resource update timed out")
    return result


MODULES: dict[str, Callable[[Cluster, Arguments], Object]] = {
    "kubernetes.core.k8s": k8s,
    "kubernetes.core.k8s_info": k8s_info,
    "kubernetes.core.k8s_scale": k8s_scale,
    "kubernetes.core.k8s_rollback": k8s_rollback,
    "kubernetes.core.k8s_json_patch": k8s_json_patch,
}


def differ(before: Object, after: Object) -> bool:
    """Whether a module calls this a change: more than generation and resourceVersion moved."""

    def plain(obj: Object) -> Object:
        meta = {
            key: value for key, value in obj.get("metadata", {}).items() if key not in ("generation", "resourceVersion")
        }
        return {**obj, "metadata": meta}

    return plain(before) != plain(after)


def _k8s_one(cluster: Cluster, args: Arguments, definition: Object) -> Object:
    resource = resource_of(definition.get("kind") or "", definition.get("apiVersion") or "v1")
    definition = {**definition, "kind": resource.kind, "apiVersion": resource.api_version}
    meta, state = definition["metadata"], args.get("state", "present")
    name, namespace = meta.get("name") or "", meta.get("namespace")
    if resource.namespaced and not namespace:
        raise ModuleFailed(
            f"Failed to retrieve requested object: Namespace is required for {resource.api_version}.{resource.kind}"
        )
    existing = cluster.find(resource, namespace, name) if name else None
    if state == "absent":
        return _deleted(cluster, args, resource, namespace, name, existing)
    path = path_of(resource, namespace, name)
    try:
        if args.get("apply"):
            word, after = "apply", _applied(cluster, args, resource, definition, namespace, existing)
        elif existing is None:
            if state == "patched":
                warning = (
                    f"resource 'kind={resource.kind},name={name}' was not found but will not be created as 'state' "
                    "parameter has been set to 'patched'"
                )
                return {"changed": False, "result": {}, "warnings": [warning], "msg": warning}
            word, after = "create", cluster.ask("POST", path_of(resource, namespace), None, definition)
        elif args.get("force"):
            version = meta.get("resourceVersion") or existing["metadata"]["resourceVersion"]
            body = {**definition, "metadata": {**meta, "resourceVersion": version}}
            word, after = "replace", cluster.ask("PUT", path, None, body)
        else:
            word, after = "patch", _patched(cluster, args, path, definition)
    except Refused as error:
        raise ModuleFailed(f"Failed to {word_of(args, existing)} object: {error}") from None
    changed = existing is None or differ(existing, after)
    result = {"changed": changed, "method": {"patch": "update"}.get(word, word), "result": after}
    if args.get("wait"):
        message = f'"{resource.kind}" "{name}": Timed out waiting on resource'
        return _waited(cluster, resource, namespace, after["metadata"]["name"], args, result, message)
    return result


def word_of(args: Arguments, existing: Object | None) -> str:
    """What the module says it failed to do."""
    if args.get("apply"):
        return "apply"
    return "create" if existing is None else "replace" if args.get("force") else "patch"


def _patched(cluster: Cluster, args: Arguments, path: str, definition: Object) -> Object:
    """The merge types in turn until one is accepted."""
    types = args.get("merge_type") or ["strategic-merge", "merge"]
    types = [types] if isinstance(types, str) else types
    refused: Refused | None = None
    for merge_type in types:
        body: Any = definition
        if merge_type == "json":
            body = definition if isinstance(definition, list) else [definition]
        try:
            return cluster.ask("PATCH", path, None, body, f"application/{merge_type}-patch+json")
        except Refused as error:
            refused = error
    assert refused is not None
    raise refused


def _applied(
    cluster: Cluster,
    args: Arguments,
    resource: Resource,
    definition: Object,
    namespace: str | None,
    existing: Object | None,
) -> Object:
    """As ``kubectl apply``: by the last applied configuration, or on the server."""
    path = path_of(resource, namespace, definition["metadata"]["name"])
    server_side = args.get("server_side_apply")
    if server_side:
        query = {"fieldManager": server_side.get("field_manager", "ansible")}
        if server_side.get("force_conflicts"):
            query["force"] = "true"
        return cluster.ask("PATCH", path, query, definition, APPLY_PATCH)
    noted = json.dumps(definition, separators=(",", ":"), sort_keys=True)
    meta = definition["metadata"]
    annotated = {
        **definition,
        "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), _LAST_APPLIED: noted}},
    }
    if existing is None:
        return cluster.ask("POST", path_of(resource, namespace), None, annotated)
    last = json.loads(existing["metadata"].get("annotations", {}).get(_LAST_APPLIED, "{}"))
    gone = _left_out(compiled(resource.group, resource.version, resource.kind), last, definition)
    return cluster.ask("PATCH", path, None, _over(gone, annotated), STRATEGIC_PATCH)


def _left_out(node: Any, last: Any, wanted: Any) -> Object:
    """A patch that deletes what was applied last time and is not wanted any more."""
    patch: Object = {}
    for key, value in last.items():
        if key not in wanted:
            patch[key] = None
        elif isinstance(value, dict) and isinstance(wanted[key], dict):
            below = _left_out(node.below(key), value, wanted[key])
            if below:
                patch[key] = below
        elif isinstance(value, list) and isinstance(wanted[key], list) and node.below(key).merge_key:
            by = node.below(key).merge_key
            kept = {item.get(by): item for item in wanted[key] if isinstance(item, dict)}
            items = [{by: item[by], "$patch": "delete"} for item in value if item.get(by) not in kept]
            if items:
                patch[key] = items
    return patch


def _over(patch: Object, wanted: Object) -> Object:
    """``wanted`` with the deletions of ``patch``."""
    result = dict(wanted)
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(wanted.get(key), dict):
            result[key] = _over(value, wanted[key])
        elif isinstance(value, list):
            result[key] = [*wanted.get(key, ()), *value]
        else:
            result[key] = value
    return result


def _deleted(
    cluster: Cluster, args: Arguments, resource: Resource, namespace: str | None, name: str, existing: Object | None
) -> Object:
    if existing is None:
        return {"changed": False, "method": "delete", "result": {}}
    options = args.get("delete_options")
    body = {"apiVersion": "v1", "kind": "DeleteOptions", **options} if options else None
    try:
        after = cluster.ask("DELETE", path_of(resource, namespace, name), None, body)
    except Refused as error:
        raise ModuleFailed(f"Failed to delete object: {error}") from None
    result = {"changed": True, "method": "delete", "result": after}
    if args.get("wait"):
        limit, step = float(args.get("wait_timeout", 120)), float(args.get("wait_sleep", 5))
        _, gone, waited = _poll(
            cluster, lambda: cluster.find(resource, namespace, name), lambda found: found is None, limit, step
        )
        if not gone:
            raise ModuleFailed(f'"{resource.kind}" "{name}": Timed out waiting on resource', result)
        result["duration"] = round(waited)
    return result


def _rolled_back(cluster: Cluster, kind: str, namespace: str | None, item: Object) -> Object:
    if kind not in ("Deployment", "DaemonSet"):
        raise ModuleFailed(f"Cannot perform rollback on resource of kind {kind}")
    deployment = kind == "Deployment"
    note = "deployment.kubernetes.io/revision" if deployment else "deprecated.daemonset.template.generation"
    now = item["metadata"]["annotations"][note] if deployment else item["metadata"]["generation"]
    # The module joins the keys of matchLabels alone: it takes the first object with these labels, whatever their
    # values, and so at times another workload's, which the API server then refuses.
    labels = list(item["spec"]["selector"].get("matchLabels") or ())
    managed = "ReplicaSet" if deployment else "ControllerRevision"
    query = {"kind": managed, "api_version": "apps/v1", "namespace": namespace, "label_selectors": labels}
    name = item["metadata"]["name"]
    try:
        found = k8s_info(cluster, query)["resources"]
        before = next((there for there in found if int(there["metadata"]["annotations"][note]) == int(now) - 1), None)
    except KeyError as error:  # one that no such controller made: the module ends on it
        raise ModuleFailed(f"Module failed: {error}") from None
    if before is None:
        return {"changed": False, "warnings": [f"No rollout history found for resource {kind}/{name}"]}
    path = f"/apis/apps/v1/namespaces/{namespace}/{'deployments' if deployment else 'daemonsets'}/{name}"
    if deployment:
        template = copy_of(before["spec"]["template"])
        template["metadata"]["labels"].pop("pod-template-hash", None)
        annotations = {note: before["metadata"]["annotations"][note]}
        patch: Any = [
            {"op": "replace", "path": "/spec/template", "value": template},
            {"op": "replace", "path": "/metadata/annotations", "value": annotations},
        ]
        content_type = JSON_PATCH
    else:
        patch, content_type = before["data"], STRATEGIC_PATCH
    try:
        after = cluster.ask("PATCH", path, None, patch, content_type)
    except Refused as error:
        raise ModuleFailed(str(error)) from None
    return {"changed": True, "method": "patch", "body": patch, "resources": after}


def _waited(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    name: str,
    args: Arguments,
    result: Object,
    message: str,
) -> Object:
    condition = args.get("wait_condition") or {}
    found, reached, waited = _poll(
        cluster,
        lambda: cluster.find(resource, namespace, name),
        lambda obj: obj is not None and _reached(resource, obj, condition),
        float(args.get("wait_timeout", 120)),
        float(args.get("wait_sleep", 5)),
    )
    result = {**result, "result": found or {}, "duration": round(waited)}
    if not reached:
        raise ModuleFailed(message, result)
    return result


def _poll(
    cluster: Cluster, look: Callable[[], Any], enough: Callable[[Any], bool], limit: float, step: float
) -> tuple[Any, bool, float]:
    """Looks every ``step`` seconds until it is enough or the time is up: (what was seen, enough, seconds)."""
    waited = 0.0
    while True:
        seen = look()
        if enough(seen):
            return seen, True, waited
        if waited >= limit:
            return seen, False, waited
        cluster.sleep(step)
        waited += step


def _reached(resource: Resource, obj: Object, condition: Object) -> bool:
    return condition_holds(obj, condition) if condition.get("type") else is_ready(resource.kind, obj)


def _definitions(args: Arguments) -> list[Object]:
    given = args.get("definition") or args.get("resource_definition") or args.get("inline") or {}
    given = list(yaml.safe_load_all(given)) if isinstance(given, str) else given
    found: list[Object] = []
    for item in given if isinstance(given, list) else [given]:
        if item is None:
            continue
        parts = item.get("items", []) if str(item.get("kind", "")).endswith("List") else [item]
        found += [_completed(part, args) for part in parts]
    return found


def _completed(definition: Object, args: Arguments) -> Object:
    """The definition, with what only the arguments say."""
    meta = dict(definition.get("metadata") or {})
    for key, argument in (("namespace", "namespace"), ("name", "name"), ("generateName", "generate_name")):
        if args.get(argument):
            meta.setdefault(key, args[argument])
    kind = definition.get("kind") or args.get("kind")
    api_version = (
        definition.get("apiVersion") or args.get("api_version") or args.get("api") or args.get("version") or "v1"
    )
    return {**definition, "kind": kind, "apiVersion": api_version, "metadata": meta}


def _selectors(args: Arguments) -> Object:
    query = {}
    for argument, name in (("label_selectors", "labelSelector"), ("field_selectors", "fieldSelector")):
        value = args.get(argument)
        if value:
            query[name] = value if isinstance(value, str) else ",".join(value)
    return query
