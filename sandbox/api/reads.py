"""Get, list and watch."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any

from ..shared import Copied
from ..store import Change, Store
from .claims import with_claims
from .encoding import encoded
from .exchange import Request, Response, Target
from .resources import Resource
from .selectors import field_selector, label_selector
from .status import StatusError, bad_request, not_found
from .tables import table
from .views import shown

Object = dict[str, Any]

_END_OF_INITIAL = {"k8s.io/initial-events-end": "true"}


class Reads:
    """Answers what changes nothing. A stored object, which nobody changes, is encoded once. ``lean``: as the request
    at hand wants it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.lean = False
        self._encoded: dict[tuple[str, str, str, str, bool], tuple[Object, bytes]] = {}

    def __getstate__(self) -> Object:
        return {**vars(self), "_encoded": Copied(self._encoded, {})}

    def get(self, request: Request, target: Target) -> Response:
        obj = self.find(target)
        if request.wants_table:
            return self._table(request, target.resource, [obj], {"resourceVersion": obj["metadata"]["resourceVersion"]})
        return self.answer(200, target.resource, obj)

    def find(self, target: Target) -> Object:
        """The stored object. Raises 404."""
        resource = target.resource
        obj = self._store.get(resource.store_kind, target.namespace, target.name)
        if obj is None:
            raise not_found(resource.plural, resource.group, target.name)
        return obj

    def collection(self, request: Request, target: Target) -> Response:
        resource, query = target.resource, request.query
        objects = self.selected(request, target)
        meta: Object = {"resourceVersion": str(self._store.version)}
        if query.get("continue"):
            start = _position(query["continue"])
            objects = [obj for obj in objects if _place(obj) >= start]
        limit = int(query.get("limit") or 0)
        if limit and len(objects) >= limit:
            selects = query.get("labelSelector") or query.get("fieldSelector")
            # Whether there is more, the server knows of what it stores, not of what the selectors would leave of it.
            stored = self._store.list(resource.store_kind, target.namespace) if selects else objects
            last = _place(objects[limit - 1])
            following = next((obj for obj in stored if _place(obj) > last), None)
            if following is not None:
                meta["continue"] = _token(self._store.version, _place(following))
                if not selects:
                    meta["remainingItemCount"] = len(objects) - limit
            objects = objects[:limit]
        if request.wants_table:
            return self._table(request, resource, objects, meta)
        head = {"kind": resource.list_kind, "apiVersion": resource.api_version, "metadata": meta}

        def whole(lean: bool = self.lean) -> bytes:
            items = b",".join(self._fragment(resource, obj, lean) for obj in objects)
            return json.dumps(head, separators=(",", ":")).encode()[:-1] + b',"items":[' + items + b"]}"

        if self.lean:
            return Response(200, {**head, "items": [self._plain(resource, obj) for obj in objects]}, encode=whole)
        return Response(200, body=whole())

    def selected(self, request: Request, target: Target) -> list[Object]:
        """The stored objects that a request's selectors select, in order."""
        fits = _fits(request, target)
        return [obj for obj in self._store.list(target.resource.store_kind, target.namespace) if fits(obj)]

    def watch(self, request: Request, target: Target) -> Watch:
        return Watch(self, self._store, request, target)

    def answer(self, code: int, resource: Resource, obj: Object) -> Response:
        """An object as an answer. Who does without claims is in this process, and seldom wants it encoded."""
        if not self.lean:
            return Response(code, body=self.single(resource, obj))
        value = {"kind": resource.kind, "apiVersion": resource.api_version, **self._plain(resource, obj)}
        return Response(code, value, encode=lambda: self._single(resource, obj, True))

    def single(self, resource: Resource, obj: Object) -> bytes:
        """An object with its kind and apiVersion, encoded."""
        return self._single(resource, obj, self.lean)

    def _single(self, resource: Resource, obj: Object, lean: bool) -> bytes:
        head = f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version}",'
        return head.encode() + self._fragment(resource, obj, lean)[1:]

    def view(self, resource: Resource, obj: Object) -> Object:
        """An object as this resource's group shows it."""
        return shown(resource, obj)

    def table_of(self, request: Request, resource: Resource, objects: list[Object], metadata: Object) -> Object:
        include = request.query.get("includeObject", "Metadata")
        objects = objects if self.lean else [with_claims(obj) for obj in objects]
        return table(resource, objects, self._store.clock.now, metadata, include)

    def _table(self, request: Request, resource: Resource, objects: list[Object], metadata: Object) -> Response:
        return Response(200, self.table_of(request, resource, objects, metadata))

    def _plain(self, resource: Resource, obj: Object) -> Object:
        """The object as this resource's group shows it, without kind and apiVersion."""
        whole = self.view(resource, obj)
        return {part: value for part, value in whole.items() if part not in ("kind", "apiVersion")}

    def _fragment(self, resource: Resource, obj: Object, lean: bool) -> bytes:
        meta = obj["metadata"]
        key = (resource.api_version, resource.kind, meta.get("namespace", ""), meta["name"], lean)
        kept = self._encoded.get(key)
        if kept and kept[0] is obj:  # not by resourceVersion: what a dry run would store has that of the stored one
            return kept[1]
        view = self._plain(resource, obj if lean else with_claims(obj))
        text = encoded(view)
        if self._store.get(resource.store_kind, meta.get("namespace", ""), meta["name"]) is obj:
            self._encoded[key] = (obj, text)
        return text


class Stream:
    """An answer that goes on: ``lines()`` gives what is new since the last call, until it has ``ended``."""

    content_type = "application/json"
    ended = False

    def lines(self) -> list[bytes]:
        raise NotImplementedError


class Watch(Stream):
    """One watch: ``lines()`` gives what is new since the last call, each line one event."""

    def __init__(self, reads: Reads, store: Store, request: Request, target: Target) -> None:
        self._reads, self._store = reads, store
        self._request, self._target = request, target
        self._fits = _fits(request, target)
        self._version = int(request.query.get("resourceVersion") or 0)
        self._initial = self._version == 0 or request.flag("sendInitialEvents")
        self._first = True

    def lines(self) -> list[bytes]:
        try:
            events = self._initial_events() if self._initial else []
            self._initial = False
            if self._store.version > self._version:
                changes = self._store.changes_since(self._version, self._target.resource.store_kind)
                self._version = self._store.version
                events += self._events(changes)
        except StatusError as error:
            self.ended = True
            return [_line({"type": "ERROR", "object": error.body()})]
        return events

    def bookmark(self) -> bytes:
        return self._bookmark({})

    def _initial_events(self) -> list[bytes]:
        self._version = self._store.version
        events = [self._event("ADDED", obj) for obj in self._reads.selected(self._request, self._target)]
        if self._request.flag("sendInitialEvents"):
            events.append(self._bookmark(_END_OF_INITIAL))
        return events

    def _events(self, changes: Iterable[Change]) -> list[bytes]:
        namespace = self._target.namespace
        events = []
        for change in changes:
            if namespace not in (None, change.new["metadata"].get("namespace")):
                continue
            before = change.old is not None and self._fits(change.old)
            after = change.type != "DELETED" and self._fits(change.new)
            if before or after:
                type_ = "MODIFIED" if before and after else "ADDED" if after else "DELETED"
                events.append(self._event(type_, change.new if after or change.type == "DELETED" else _as_left(change)))
        return events

    def _event(self, type_: str, obj: Object) -> bytes:
        resource = self._target.resource
        if self._request.wants_table:
            shown = self._reads.table_of(self._request, resource, [obj], {})
            if not self._first:
                shown["columnDefinitions"] = None
            self._first = False
            return _line({"type": type_, "object": shown})
        return b'{"type":"' + type_.encode() + b'","object":' + self._reads.single(resource, obj) + b"}\n"

    def _bookmark(self, annotations: Object) -> bytes:
        resource = self._target.resource
        meta: Object = {"resourceVersion": str(self._version), "creationTimestamp": None}
        if annotations:
            meta["annotations"] = annotations
        obj = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta}
        return _line({"type": "BOOKMARK", "object": obj})


def _fits(request: Request, target: Target) -> Callable[[Object], bool]:
    labels, fields = request.query.get("labelSelector", ""), request.query.get("fieldSelector", "")
    tests: list[Callable[[Object], bool]] = []
    if target.name:
        tests.append(lambda obj: obj["metadata"]["name"] == target.name)
    if labels:
        selector = label_selector(labels)
        tests.append(lambda obj: selector(obj["metadata"].get("labels") or {}))
    if fields:
        if target.resource.stored_as == "Event":
            fields = fields.replace("regarding.", "involvedObject.")
        tests.append(field_selector(target.resource.store_kind, fields))
    return lambda obj: all(test(obj) for test in tests)


def _as_left(change: Change) -> Object:
    """An object that a selector no longer selects, as it last did; with the version at which it left."""
    assert change.old is not None
    return {**change.old, "metadata": {**change.old["metadata"], "resourceVersion": str(change.version)}}


def _place(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _token(version: int, place: tuple[str, str]) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": "/".join(place)}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(token: str) -> tuple[str, str]:
    try:
        decoded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        raise bad_request("invalid continue token: continue key is not valid: illegal base64 data") from None
    try:
        start = json.loads(decoded)["start"]
    except (ValueError, KeyError, TypeError):
        first = chr(decoded[0]) if decoded else ""
        shown = first if first.isprintable() and first.isascii() else f"\\u{ord(first or chr(0)):04x}"
        why = f"invalid character '{shown}' looking for beginning of value"
        raise bad_request(f"invalid continue token: continue key is not valid: {why}") from None
    namespace, _, name = start.partition("/")
    return namespace, name


def _line(event: Object) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"
