"""The API server without its HTTP: a request in, a response out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any

from ..store import Store
from . import openapi, openapi_v2
from .authorization import check, review
from .custom import Definitions
from .discovery import discover
from .exchange import Request, Response, Target, known_group, target_of
from .garbage import Garbage
from .health import components, health, paths
from .lifecycle import Lifecycle
from .metrics import Metrics
from .podparts import PARTS
from .reads import Reads, Stream
from .status import StatusError, not_found
from .subresources import Subresources
from .writes import Writes

_FREE_FOR_ALL = ("authorization.k8s.io", "authentication.k8s.io")
_PARTS = ("status", "finalize", *PARTS)
"""Subresources that speak the kind of the object itself."""
_ALIVE = ("/healthz", "/livez", "/readyz")


class Api:
    """Answers requests on a store. ``behaviour`` is what runs the Pods (logs, proxy, usage)."""

    def __init__(self, store: Store, behaviour: Any) -> None:
        self._store = store
        self._behaviour = behaviour
        self._dated = ("", "")
        self._reads = Reads(store)
        garbage = Garbage(store, behaviour.world.recorder.event)
        Lifecycle(store)
        self._writes = Writes(store, self._reads, garbage)
        Definitions(store)
        self._metrics = Metrics(store, behaviour)
        self._below = Subresources(store, self._reads, self._writes, behaviour)

    def handle(self, request: Request) -> Response | Stream:
        """Never raises for a request that is wrong: the answer says so."""
        self._reads.lean = request.lean
        try:
            answer = self._answer(request)
        except StatusError as error:
            answer = Response(error.code, error.body())
        if isinstance(answer, Response):
            answer.headers["Date"] = self._date()
        return answer

    def _date(self) -> str:
        """The virtual time as HTTP has it; it changes once a second."""
        stamp = self._store.clock.stamp()
        if self._dated[0] != stamp:
            self._dated = (stamp, format_datetime(self._store.clock.now, usegmt=True))
        return self._dated[1]

    def _answer(self, request: Request) -> Response | Stream:
        path = request.path
        if path.startswith(_ALIVE):
            excluded = request.query.get("exclude", "").split(",")
            said = health(path, "verbose" in request.query, excluded)
            if said is not None:
                return Response(200, body=said.encode(), content_type="text/plain; charset=utf-8")
        if path == "/":
            return Response(200, body=paths(self._store.registry))
        if path.startswith("/openapi"):
            if path == "/openapi/v2" and "json" not in request.accept and "*/*" not in request.accept:
                words = "406: Not Acceptable: the sandbox has this document as JSON only"
                return Response(406, StatusError(406, "NotAcceptable", words).body())
            return _tagged(request, self._openapi(path))
        found = discover(path, request.accept, self._store.registry)
        if found:
            return _tagged(request, Response(200, found[0], content_type=found[1]))
        if not known_group(path, self._store.registry):
            return Response(404, body=b"404 page not found\n", content_type="text/plain; charset=utf-8")
        return self._resource(request)

    def _resource(self, request: Request) -> Response | Stream:
        look: Callable[[Request, Target], Response | Stream]
        target = target_of(request.path, self._store.registry)
        resource, method = target.resource, request.method
        if resource.group not in _FREE_FOR_ALL:
            check(self._store, request, target)
        if resource.group == "metrics.k8s.io" and method == "GET":
            return self._metrics.answer(request, target)
        if resource.builtin == "ComponentStatus" and method == "GET":
            return self._components(request, target)
        if not resource.stored and resource.verbs == ("create",):
            if method != "POST":
                raise _not_allowed()
            if resource.kind in ("Binding",):
                return self._below.bind(request, target)
            return review(self._store, request, resource, target.namespace)
        if method == "GET":
            self._behaviour.seen(resource.store_kind, watched=request.flag("watch"))
        if target.subresource and target.subresource not in _PARTS:
            return self._below.answer(request, target)
        if target.name:
            if method == "GET":
                look = self._reads.watch if request.flag("watch") else self._reads.get
                return look(request, target)
            act = {"PUT": self._writes.update, "PATCH": self._writes.patch, "DELETE": self._writes.delete}.get(method)
        elif method == "GET":
            look = self._reads.watch if request.flag("watch") else self._reads.collection
            return look(request, target)
        else:
            if target.namespace is None and resource.namespaced:
                raise _not_allowed()
            act = {"POST": self._writes.create, "DELETE": self._writes.delete_collection}.get(method)
        if act is None:
            raise _not_allowed()
        return act(request, target)

    def _components(self, request: Request, target: Target) -> Response:
        """ComponentStatuses, with the warning that they are a thing of the past."""
        resource, found = target.resource, components()
        if target.name:
            found = [item for item in found if item["metadata"]["name"] == target.name]
            if not found:
                raise not_found("componentstatuses", "", target.name)
        head = {"kind": resource.kind, "apiVersion": "v1"}
        if request.wants_table:
            answer = Response(200, self._reads.table_of(request, resource, [{**head, **item} for item in found], {}))
        elif target.name:
            answer = Response(200, {**head, **found[0]})
        else:
            answer = Response(200, {"kind": resource.list_kind, "apiVersion": "v1", "metadata": {}, "items": found})
        answer.headers["Warning"] = '299 - "v1 ComponentStatus is deprecated in v1.19+"'
        return answer

    def _openapi(self, path: str) -> Response:
        parts = path.strip("/").split("/")
        if parts == ["openapi", "v2"]:
            return Response(200, openapi_v2.document(self._store.registry))
        if parts == ["openapi", "v3"]:
            return Response(200, openapi.index(self._store.registry))
        if parts[1] == "v3" and parts[2:3] == ["api"] and len(parts) == 4:
            document = openapi.document("", parts[3])
        elif parts[1] == "v3" and parts[2:3] == ["apis"] and len(parts) == 5:
            document = openapi.document(parts[3], parts[4]) or openapi.custom(self._store.registry, parts[3], parts[4])
        else:
            document = None
        if document is None:
            return Response(404, body=b"404 page not found\n", content_type="text/plain; charset=utf-8")
        return Response(200, document)


def _tagged(request: Request, answer: Response) -> Response:
    """A document with its hash; 304 for a client that has it already."""
    if answer.status != 200:
        return answer
    tag = f'"{hashlib.sha256(answer.body).hexdigest()[:64].upper()}"'
    if request.etag == tag:
        answer = Response(304, body=b"")
        del answer.headers["Content-Type"]  # clients put the headers of a 304 over those that they kept
    answer.headers["Etag"] = tag
    return answer


def _not_allowed() -> StatusError:
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message, {})
