"""Create, update, patch and delete."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..store import Store
from .admission import admit, with_job_labels, with_template_generation
from .custom import KIND as CUSTOM
from .custom import completed, going
from .decoding import WrongType, decode
from .exchange import Request, Response, Target
from .garbage import FOREGROUND, Garbage
from .managers import after_apply, after_update, overlaid, without_paths
from .patch import json_patch, merge_patch
from .podparts import PARTS, check_part, with_part
from .podsecurity import warnings_for, warnings_for_namespace
from .reads import Reads
from .resources import Resource
from .schema import Node, compiled
from .status import StatusError, already_exists, bad_request, conflict, invalid
from .strategic import Unfit, go_map, strategic_merge
from .validation import validate, validate_custom
from .views import kept
from .webhooks import ask_webhooks

Object = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class Writes:
    """Answers what changes objects."""

    def __init__(self, store: Store, reads: Reads, garbage: Garbage) -> None:
        self._store, self._reads, self._garbage = store, reads, garbage

    def create(self, request: Request, target: Target) -> Response:
        resource = target.resource
        sent = request.document(resource.kind)
        obj, warnings = self._received(request, target, sent)
        return self._created(request, resource, obj, warnings)

    def update(self, request: Request, target: Target) -> Response:
        sent = request.document(target.resource.kind)
        obj, warnings = self._received(request, target, sent)
        old = self._reads.find(target)
        _check_version(target.resource, old, obj)
        return self._replaced(request, target, old, obj, warnings)

    def patch(self, request: Request, target: Target) -> Response:
        resource = target.resource
        kind = request.content_type.partition(";")[0].strip()
        if kind not in (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH):
            raise StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
        sent = request.document(resource.kind)
        if kind == APPLY_PATCH:
            return self._apply(request, target, sent)
        if kind == STRATEGIC_PATCH and resource.definition:
            raise StatusError(415, "UnsupportedMediaType", _NO_STRATEGIC, {})
        old = self._reads.find(target)
        node = _node(resource)
        current = {"kind": resource.kind, "apiVersion": resource.api_version, **self._reads.view(resource, old)}
        new = _patched(node, kind, current, sent)
        unknown: list[str] = []
        try:
            obj = _decoded_patch(resource, target, node, current, new, unknown)
        except WrongType as error:
            raise _bad_patch(kind, sent, new, str(error)) from None
        warnings = _field_warnings(request, unknown, lambda why: _bad_patch(kind, sent, new, why))
        if obj.get("kind") != resource.kind or obj.get("apiVersion") != resource.api_version:
            raise bad_request("the kind or apiVersion of an object may not be patched")
        _check_name(target, obj)
        if isinstance(sent, dict) and (sent.get("metadata") or {}).get("resourceVersion"):
            _check_version(resource, old, obj)
        return self._replaced(request, target, old, obj, warnings)

    def delete(self, request: Request, target: Target) -> Response:
        resource = target.resource
        old = self._reads.find(target)
        options = _delete_options(request)
        _check_preconditions(resource, old, options)
        ask_webhooks(self._store, resource, "DELETE", old, dry=request.dry)
        if resource.builtin == "Namespace" and not request.dry:
            old = self._store.update({**old, "status": {**old.get("status", {}), "phase": "Terminating"}}, status=True)
        if resource.builtin == CUSTOM and not request.dry and not old["metadata"].get("finalizers"):
            dying = going(old, self._store.clock.stamp())
            old = self._store.update(self._store.update(dying) | {"status": dying["status"]}, status=True)
        gone = self._delete(request, resource, old, options)
        if gone is not None or resource.builtin in _SHOWN_WHEN_GONE:
            gone = gone or _ended(old, self._store.clock.stamp())
            return self._reads.answer(200, resource, gone)
        details: Object = {"name": target.name, "kind": resource.plural, "uid": old["metadata"]["uid"]}
        if resource.group:
            details["group"] = resource.group
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return Response(200, status)

    def delete_collection(self, request: Request, target: Target) -> Response:
        options = _delete_options(request)
        objects = self._reads.selected(request, target)
        answer = self._reads.collection(request, target)
        answer.body  # noqa: B018  (encoded before the objects go)
        for obj in objects:
            ask_webhooks(self._store, target.resource, "DELETE", obj, dry=request.dry)
            self._delete(request, target.resource, obj, options)
        return answer

    # Inside

    def _created(self, request: Request, resource: Resource, obj: Object, warnings: list[str]) -> Response:
        node = _node(resource)
        meta = {key: value for key, value in obj["metadata"].items() if key not in _SET_BY_SERVER}
        obj = {**obj, "metadata": meta}
        if resource.definition:
            if "status" in resource.subresources:
                obj.pop("status", None)
        elif "status" in resource.subresources:
            obj["status"] = (node.below("status").shape == "struct" and decode(node.below("status"), {}, [])) or {}
        if resource.builtin == CUSTOM:
            obj = completed(obj)
        validate(resource, node, obj)
        if not meta.get("name"):
            meta["name"] = self._store.generated_name(meta["generateName"])
        if resource.builtin == "DaemonSet":
            obj = with_template_generation(obj, 1)
        written = obj
        if resource.builtin == "Job":
            obj = with_job_labels(obj, self._store.new_uid())
        stored_as = kept(resource, obj)
        if self._store.get(resource.store_kind, meta.get("namespace", ""), meta["name"]) is not None:
            raise already_exists(resource.plural, resource.group, meta["name"])
        admitted = admit(self._store, resource, stored_as, dry=request.dry)
        if "managedFields" not in meta:
            fields = after_update(node, None, written, request.manager, self._store.clock.stamp(), resource.api_version)
            if fields:
                admitted["metadata"]["managedFields"] = fields
        warnings = [*warnings, *warnings_for(self._store, resource.builtin, stored_as)]
        stored = self._store.create(admitted, dry=request.dry)
        return self._answer(201, resource, stored, warnings)

    def _replaced(self, request: Request, target: Target, old: Object, obj: Object, warnings: list[str]) -> Response:
        resource, node = target.resource, _node(target.resource)
        new, on_status = _merged_halves(resource, target.subresource, old, kept(resource, obj))
        ask_webhooks(self._store, resource, "UPDATE", new, subresource=target.subresource, dry=request.dry)
        if target.subresource in PARTS:
            check_part(resource, target.subresource, old, new)
        elif not on_status:
            validate(resource, node, self._reads.view(resource, new), self._reads.view(resource, old))
            new = _counted(resource, old, new)
            warnings = [*warnings, *self._security_warnings(resource, old, new)]
        if new["metadata"].get("managedFields") == []:
            new["metadata"] = {key: value for key, value in new["metadata"].items() if key != "managedFields"}
        else:
            stamp = self._store.clock.stamp()
            sub = target.subresource
            fields = after_update(node, old, new, request.manager, stamp, resource.api_version, sub)
            new["metadata"] = {**new["metadata"], "managedFields": fields} if fields else new["metadata"]
        if not _differs(old, new):
            return self._answer(200, resource, old, warnings)
        stored = self._store.update(new, status=on_status, dry=request.dry)
        return self._answer(200, resource, stored, warnings)

    def _security_warnings(self, resource: Resource, old: Object, new: Object) -> list[str]:
        if resource.builtin == "Namespace":
            return warnings_for_namespace(self._store, old, new)
        return warnings_for(self._store, resource.builtin, new) if old.get("spec") != new.get("spec") else []

    def _apply(self, request: Request, target: Target, sent: Any) -> Response:
        resource, node = target.resource, _node(target.resource)
        if not request.query.get("fieldManager"):
            cause = {
                "reason": "FieldValueRequired",
                "message": "Required value: is required for apply patch",
                "field": "fieldManager",
            }
            raise invalid("PatchOptions", "meta.k8s.io", "", [cause])
        _check_kind(resource, sent)
        unknown: list[str] = []
        applied = self._decoded(resource, sent, unknown, defaults=False)
        warnings = _field_warnings(request, unknown, lambda why: _not_handled(resource, why))
        applied["metadata"] = {**applied.get("metadata", {}), "name": target.name}
        if resource.namespaced:
            applied["metadata"].setdefault("namespace", target.namespace)
        _check_name(target, applied)
        live = self._store.get(resource.store_kind, target.namespace, target.name)
        stamp, force = self._store.clock.stamp(), request.flag("force")
        manager = request.query["fieldManager"]
        fields, dropped = after_apply(node, live, applied, manager, stamp, resource.api_version, force)
        merged = without_paths(node, overlaid(node, live or {}, applied), dropped)
        obj = self._decoded(resource, merged, [], defaults=True)
        obj["metadata"]["managedFields"] = fields
        if live is None:
            return self._created(request, resource, obj, warnings)
        new, on_status = _merged_halves(resource, target.subresource, live, obj)
        ask_webhooks(self._store, resource, "UPDATE", new, subresource=target.subresource, dry=request.dry)
        if not on_status:
            validate(resource, node, new, live)
        if not _differs(live, new, and_fields=True):
            return self._answer(200, resource, live, warnings)
        stored = self._store.update(new, status=on_status, dry=request.dry)
        return self._answer(200, resource, stored, warnings)

    def _delete(self, request: Request, resource: Resource, old: Object, options: Object) -> Object | None:
        """Deletes one object; the object when it is still there."""
        meta = old["metadata"]
        kind, namespace, name = resource.store_kind, meta.get("namespace", ""), meta["name"]
        grace = options.get("gracePeriodSeconds")
        if request.dry or options.get("dryRun"):
            return None
        policy = options.get("propagationPolicy") or ("Orphan" if options.get("orphanDependents") else "Background")
        if policy == "Orphan":
            self._garbage.orphan(old)
            return self._store.get(kind, namespace, name)
        elif policy == "Foreground" and FOREGROUND not in (meta.get("finalizers") or ()):
            finalizers = [*(meta.get("finalizers") or ()), FOREGROUND]
            self._store.update({**old, "metadata": {**meta, "finalizers": finalizers}})
        self._store.delete(kind, namespace, name, grace if grace is None else int(grace))
        return self._store.get(kind, namespace, name)

    def _received(self, request: Request, target: Target, sent: Any) -> tuple[Object, list[str]]:
        """The decoded body of a create or update, with the warnings it draws."""
        resource = target.resource
        if sent is None:
            sent = Request("POST", "", body=b"").document(resource.kind)
        _check_kind(resource, sent)
        unknown: list[str] = []
        obj = self._decoded(resource, sent, unknown, defaults=True)
        warnings = _field_warnings(request, unknown, lambda why: _not_handled(resource, why))
        meta = dict(obj.get("metadata") or {})
        if resource.namespaced:
            if meta.get("namespace", target.namespace) != target.namespace:
                raise bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
            meta["namespace"] = target.namespace
        obj["metadata"] = meta
        if target.name:
            _check_name(target, obj)
        return obj, warnings

    def _decoded(self, resource: Resource, sent: Any, unknown: list[str], *, defaults: bool) -> Object:
        given = {"kind": resource.kind, "apiVersion": resource.api_version, **sent}
        if resource.definition:
            validate_custom(resource, given)
        try:
            obj: Object = decode(_node(resource), given, unknown, defaults=defaults)
        except WrongType as error:
            raise _not_handled(resource, str(error)) from None
        return obj

    def _answer(self, code: int, resource: Resource, obj: Object, warnings: list[str]) -> Response:
        response = self._reads.answer(code, resource, obj)
        if warnings:
            response.headers["Warning"] = ", ".join(f'299 - "{_escaped(text)}"' for text in warnings)
        return response


def _ended(obj: Object, now: str) -> Object:
    """An object as the answer to its deletion shows it; a Pod's says that it had no time left."""
    if obj["kind"] != "Pod":
        return obj
    meta = {**obj["metadata"], "deletionTimestamp": now, "deletionGracePeriodSeconds": 0}
    if not obj["metadata"].get("deletionTimestamp"):
        meta["generation"] = meta.get("generation", 1) + 1
    return {**obj, "metadata": meta}


_SHOWN_WHEN_GONE = (
    "Pod",
    "PodTemplate",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ResourceQuota",
    "Service",
    "ServiceAccount",
)
"""Kinds whose deletion is answered with the object as it was, not with a Status."""

_NO_STRATEGIC = (
    "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, "
    "application/merge-patch+json, application/apply-patch+yaml, application/apply-patch+cbor"
)
_SET_BY_SERVER = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
)


def _node(resource: Resource) -> Node:
    if resource.definition:
        custom: Node = resource.definition.node
        return custom
    return compiled(resource.group, resource.version, resource.kind)


def _patched(node: Node, kind: str, current: Object, sent: Any) -> Any:
    if kind == JSON_PATCH:
        return json_patch(current, sent)
    if not isinstance(sent, dict):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
        )
    if kind == MERGE_PATCH:
        return merge_patch(current, sent)
    try:
        return strategic_merge(node, current, sent)
    except Unfit as error:
        raise _bad_patch(kind, sent, None, str(error)) from None


def _decoded_patch(
    resource: Resource, target: Target, node: Node, current: Object, new: Any, unknown: list[str]
) -> Object:
    """The patched object, decoded. What of it is large and mostly untouched, and was decoded when it was written (who
    manages what, and a status, of which such a write counts nothing), is left as it is."""
    meta, apart = new.get("metadata") if isinstance(new, dict) else None, {}
    if not isinstance(meta, dict) or resource.definition or target.subresource:
        whole: Object = decode(node, new, unknown)
        return whole
    if "status" in resource.subresources and "status" in new and new["status"] is current.get("status"):
        apart["status"] = new["status"]
    fields = meta.get("managedFields")
    if fields and fields is current["metadata"].get("managedFields"):
        meta = {key: value for key, value in meta.items() if key != "managedFields"}
    rest = {key: meta if key == "metadata" else value for key, value in new.items() if key not in apart}
    obj: Object = decode(node, rest, unknown)
    if meta is not new["metadata"]:  # each in the place that it had
        found = {**obj["metadata"], "managedFields": fields}
        obj["metadata"] = {key: found[key] for key in new["metadata"] if key in found}
    return {**obj, **apart}


def _merged_halves(resource: Resource, subresource: str, old: Object, obj: Object) -> tuple[Object, bool]:
    """What of a write counts: of a status write the status, else everything but the status."""
    has_status = "status" in resource.subresources
    if subresource == "status":
        meta = {**old["metadata"]}
        return {**old, "status": obj.get("status", {}), "metadata": meta}, True
    if subresource in PARTS:
        return with_part(subresource, old, obj), False
    new = dict(obj)
    if has_status:
        new.pop("status", None)
        if "status" in old:
            new["status"] = old["status"]
    meta = {**obj["metadata"]}
    for key in _SET_BY_SERVER:
        if key in old["metadata"]:
            meta[key] = old["metadata"][key]
        else:
            meta.pop(key, None)
    if "managedFields" not in meta and "managedFields" in old["metadata"]:
        meta["managedFields"] = old["metadata"]["managedFields"]
    new["metadata"] = meta
    if resource.builtin == "Namespace" and subresource != "finalize":
        new["spec"] = old.get("spec", {})
    elif resource.builtin == "Service":
        new["spec"] = _kept_addresses(old["spec"], new["spec"])
    elif resource.builtin == "Pod":
        spec = dict(new["spec"])
        for key in ("nodeName", "serviceAccountName", "serviceAccount"):
            if key in old["spec"]:
                spec.setdefault(key, old["spec"][key])
        new["spec"] = spec
    return new, False


def _counted(resource: Resource, old: Object, new: Object) -> Object:
    """A DaemonSet whose template changed counts one up."""
    if resource.builtin != "DaemonSet" or old["spec"].get("template") == new["spec"].get("template"):
        return new
    before = old["metadata"].get("annotations", {}).get("deprecated.daemonset.template.generation", "1")
    return with_template_generation(new, int(before) + 1)


def _kept_addresses(old: Object, new: Object) -> Object:
    if new.get("type") == "ExternalName":
        return new
    kept: Object = {key: old[key] for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy") if key in old}
    return {**kept, **{key: value for key, value in new.items() if value not in ("", [])}}


def _differs(old: Object, new: Object, *, and_fields: bool = False) -> bool:
    """Whether anything but managedFields changed; a write that changes nothing is no write."""
    if {**old, "metadata": None} != {**new, "metadata": None}:
        return True
    ignored = ("resourceVersion", "generation") if and_fields else ("resourceVersion", "generation", "managedFields")
    before = {key: value for key, value in old["metadata"].items() if key not in ignored}
    return before != {key: value for key, value in new["metadata"].items() if key not in ignored}


def _check_kind(resource: Resource, sent: Any) -> None:
    if not isinstance(sent, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {resource.kind})")
    kind, api_version = sent.get("kind", resource.kind), sent.get("apiVersion", resource.api_version)
    if kind != resource.kind or api_version != resource.api_version:
        version = api_version.rpartition("/")[2]
        raise bad_request(
            f'{kind} in version "{version}" cannot be handled as a {resource.kind}: '
            f"converting ({version}.{kind}) to ({resource.group or 'core'}.{resource.kind}): unknown conversion"
        )


def _check_name(target: Target, obj: Object) -> None:
    name = obj["metadata"].get("name")
    if name != target.name:
        raise bad_request(f"the name of the object ({name or ''}) does not match the name on the URL ({target.name})")
    if target.namespace is not None and obj["metadata"].get("namespace", target.namespace) != target.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def _check_version(resource: Resource, old: Object, obj: Object) -> None:
    wanted, uid = obj["metadata"].get("resourceVersion"), obj["metadata"].get("uid")
    name = old["metadata"]["name"]
    if wanted and wanted != old["metadata"]["resourceVersion"]:
        raise conflict(resource.plural, resource.group, name)
    if uid and uid != old["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
        raise conflict(resource.plural, resource.group, name, why)


def _check_preconditions(resource: Resource, old: Object, options: Object) -> None:
    wanted = options.get("preconditions") or {}
    meta = old["metadata"]
    again = "The object might have been deleted and then recreated"
    for key, word in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if wanted.get(key) and wanted[key] != meta[key]:
            more = again if key == "uid" else "The object might have been modified"
            here = f"the {word} in record ({meta[key]})"
            why = f"the {word} in the precondition ({wanted[key]}) does not match {here}. {more}"
            raise conflict(resource.kind, resource.group, meta["name"], why)


def _delete_options(request: Request) -> Object:
    body = request.document("DeleteOptions") if request.body else None
    options = dict(body) if isinstance(body, dict) else {}
    for key in ("gracePeriodSeconds", "propagationPolicy"):
        if request.query.get(key):
            options.setdefault(key, request.query[key])
    return options


def _field_warnings(request: Request, unknown: list[str], refusal: Callable[[str], StatusError]) -> list[str]:
    """Warnings for unknown fields; with strict validation, a refusal."""
    if not unknown:
        return []
    texts = [f'unknown field "{path}"' for path in unknown]
    level = request.query.get("fieldValidation", "Warn")
    if level == "Strict":
        raise refusal(f"strict decoding error: {', '.join(texts)}")
    return texts if level == "Warn" else []


def _not_handled(resource: Resource, why: str) -> StatusError:
    return bad_request(f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {why}')


def _bad_patch(kind: str, sent: Any, new: Any, why: str) -> StatusError:
    if kind == STRATEGIC_PATCH:
        shown = go_map(sent)
        if why.endswith(("of type int32", "of type int64")):
            why = f"unrecognized type: {why.rpartition(' ')[2]}"
        elif "unmarshal number" in why and why.endswith("of type string"):
            why = "cannot convert int64 to string"
    else:
        shown = json.dumps(new, separators=(",", ":"))
    message = f"Invalid value: {json.dumps(shown)}: {why}"
    cause = {"reason": "FieldValueInvalid", "message": message, "field": "patch"}
    return StatusError(422, "Invalid", f' "" is invalid: patch: {message}', {"causes": [cause]})


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
