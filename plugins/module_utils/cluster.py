# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One door to any cluster: the Transport that carries requests, and the verbs on top of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import quote

from .errors import ClusterError, Conflict, Forbidden, NotFound, Unreachable
from .evidence import ObjectRef
from .kinds import KINDS, path_of

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

Object = dict[str, Any]


class Answered(Protocol):
    """What a Transport gives back."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


@dataclass(frozen=True)
class Response:
    """The plain form of Answered, for Transports to use."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.body.decode("utf-8", "replace")


class Transport(Protocol):
    """Carries one request to an API server; ``Unreachable`` when it cannot."""

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
        content_type: str = "application/json",
        timeout: float = 10.0,
    ) -> Answered: ...

    def sleep(self, seconds: float) -> None: ...


class Cluster:
    """The verbs of the API on one Transport; every refusal is one of errors.ClusterError."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
        content_type: str = "application/json",
        timeout: float = 10.0,
    ) -> Answered:
        """One request; a status of 400 or more raises."""
        answer = self._send(method, path, query, body, content_type, timeout)
        if answer.status >= 400:
            raise _refusal(method, path, answer)
        return answer

    def get(self, ref: ObjectRef) -> Object:
        """The object; NotFound when it is not there."""
        found = _document(self.request("GET", path_of(ref.kind, ref.namespace, ref.name)))
        return _named(found, ref.kind)

    def find(self, ref: ObjectRef) -> Object | None:
        """The object, or None when it is not there."""
        try:
            return self.get(ref)
        except NotFound:
            return None

    def list(
        self, kind: str, namespace: str = "", query: Mapping[str, str] | None = None, page: int = 500
    ) -> list[Object]:
        """All objects of a kind, read in pages; of all namespaces where ``namespace`` is empty."""
        items: list[Object] = []
        token = ""
        while True:
            asked = {"limit": str(page), **(query or {}), **({"continue": token} if token else {})}
            reply = _document(self.request("GET", path_of(kind, namespace), asked))
            items += [_named(item, kind) for item in reply.get("items") or ()]
            token = (reply.get("metadata") or {}).get("continue") or ""
            if not token:
                return items

    def create(self, manifest: Mapping[str, Any], dry_run: bool = False) -> Object:
        """Creates what the manifest says; Conflict when it is there already."""
        path = path_of(manifest["kind"], manifest["metadata"].get("namespace", ""))
        return _document(self.request("POST", path, _dry(dry_run), manifest))

    def patch(
        self,
        ref: ObjectRef,
        patch: object,
        content_type: str = MERGE_PATCH,
        dry_run: bool = False,
        subresource: str = "",
    ) -> Object:
        """Changes an object by a patch of the given content type."""
        path = path_of(ref.kind, ref.namespace, ref.name, subresource)
        return _document(self.request("PATCH", path, _dry(dry_run), patch, content_type))

    def replace(self, manifest: Mapping[str, Any], dry_run: bool = False) -> Object:
        """Puts the manifest in place of the object; Conflict when its resourceVersion is old."""
        meta = manifest["metadata"]
        path = path_of(manifest["kind"], meta.get("namespace", ""), meta["name"])
        return _document(self.request("PUT", path, _dry(dry_run), manifest))

    def delete(self, ref: ObjectRef, uid: str = "") -> None:
        """Deletes an object; with ``uid`` only that very one (Conflict otherwise)."""
        body = {"preconditions": {"uid": uid}} if uid else None
        self.request("DELETE", path_of(ref.kind, ref.namespace, ref.name), None, body)

    def logs(
        self, namespace: str, pod: str, container: str = "", previous: bool = False, lines: int = 40, limit: int = 16384
    ) -> str:
        """The tail of a container's log, ``limit`` bytes at most."""
        query = {"tailLines": str(lines), "limitBytes": str(limit)}
        if container:
            query["container"] = container
        if previous:
            query["previous"] = "true"
        answer = self.request("GET", path_of("Pod", namespace, pod, "log"), query)
        return answer.body[:limit].decode("utf-8", "replace")

    def proxy(self, target: ObjectRef, port: int | str, path: str = "/", timeout: float = 5.0) -> Answered:
        """GET through the API server's Service or Pod proxy; whatever it answers is returned.

        A status of 502 to 504 with a Status document is the API server's own: no connection.
        """
        path, _, question = path.partition("?")
        base = path_of(target.kind, target.namespace, f"{target.name}:{port}", "proxy")
        query = dict(pair.partition("=")[::2] for pair in question.split("&") if pair)
        return self._send("GET", f"{base}/{quote(path.lstrip('/'))}", query, None, "application/json", timeout)

    def now(self) -> datetime:
        """The API server's time."""
        answer = self._send("GET", "/version", None, None, "application/json", 10.0)
        date = next((value for key, value in answer.headers.items() if key.lower() == "date"), None)
        return parsedate_to_datetime(date).astimezone(UTC) if date else datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Lets the API server's time pass."""
        self.transport.sleep(seconds)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: object | None,
        content_type: str,
        timeout: float,
    ) -> Answered:
        try:
            return self.transport.request(method, path, query, body, content_type, timeout)
        except OSError as error:
            raise Unreachable(
                f"The API server did not answer {method} {path} ({error}).",
                "Check that the cluster is up and reachable.",
            ) from error


def reference(manifest: Mapping[str, Any]) -> ObjectRef:
    """Names the object that a manifest describes."""
    meta = manifest["metadata"]
    return ObjectRef(manifest["kind"], meta.get("namespace", ""), meta["name"])


def _dry(dry_run: bool) -> dict[str, str] | None:
    return {"dryRun": "All"} if dry_run else None


def _named(item: Object, kind: str) -> Object:
    """Items of a list carry neither kind nor apiVersion; everything downstream wants both."""
    item.setdefault("kind", kind)
    item.setdefault("apiVersion", KINDS[kind].api_version)
    return item


def _document(answer: Answered) -> Object:
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ClusterError(
            "The API server's answer is not a JSON object.",
            "Check that host or kubeconfig names a Kubernetes API server.",
        )
    return found


_HINTS: dict[int, tuple[type[ClusterError], str]] = {
    401: (Forbidden, "The credentials are missing, wrong or expired: renew the token or the kubeconfig."),
    403: (Forbidden, "Grant the account this permission, or use another account."),
    404: (NotFound, "Check the name, the namespace and the cluster."),
    409: (Conflict, "Somebody else changed it, or it is there already: read it again."),
    410: (ClusterError, "The list went stale while it was read: try again."),
    422: (ClusterError, "The API server refuses the object: correct what it names."),
    429: (Unreachable, "The API server is overloaded: try again later."),
}


def _refusal(method: str, path: str, answer: Answered) -> ClusterError:
    kind, hint = _HINTS.get(answer.status, (ClusterError, "See the API server's log."))
    if answer.status in (502, 503, 504):
        kind, hint = Unreachable, "The API server or what is behind it is not available: try again later."
    try:
        said = str(json.loads(answer.body).get("message", ""))
    except (ValueError, AttributeError):
        said = answer.body[:200].decode("utf-8", "replace")
    return kind(
        f"{method} {path} was answered with {answer.status}: {said[:500]}.".replace("..", "."), hint, answer.status
    )
