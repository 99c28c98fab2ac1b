"""What comes in and what goes out: requests, routes and responses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import yaml

from .protobuf import Unreadable, decode_protobuf
from .resources import Registry, Resource
from .status import StatusError, bad_request, no_such_path

Object = dict[str, Any]

_JSON = "application/json"
_TABLE = "as=Table"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as a client sent it. ``body``: bytes, text, or the JSON data itself."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = _JSON
    accept: str = _JSON
    user_agent: str = ""
    user: str = ""
    etag: str = ""  # If-None-Match
    groups: tuple[str, ...] = ()
    upgrade: str = ""  # what the client wants to speak from then on: websocket, SPDY/3.1
    command: tuple[str, ...] = ()  # the words of an exec, each a query parameter of the same name
    ports: tuple[str, ...] = ()  # those of a port-forward, likewise
    lean: bool = False  # answers may leave out what controllers own in managedFields: it costs, and few ask

    @property
    def manager(self) -> str:
        """Who is named in managedFields: the query, else the user agent up to its slash, else the user."""
        return self.query.get("fieldManager") or self.user_agent.partition("/")[0][:128] or self.user or "unknown"

    @property
    def dry(self) -> bool:
        return self.query.get("dryRun") == "All"

    @property
    def wants_table(self) -> bool:
        return _TABLE in self.accept and not self.accept.startswith(f"{_JSON},")

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() in ("1", "true")

    def document(self, kind: str) -> Any:
        """The body as data. Raises 400 and 415."""
        if self.body is None or isinstance(self.body, (dict, list)):
            return self.body
        if "protobuf" in self.content_type or "cbor" in self.content_type:
            try:
                return decode_protobuf(bytes(self.body))
            except (Unreadable, TypeError):
                raise StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {}) from None
        text = self.body if isinstance(self.body, str) else bytes(self.body).decode("utf-8", "replace")
        try:
            return yaml.safe_load(text) if "yaml" in self.content_type else json.loads(text)
        except (ValueError, yaml.YAMLError):
            shown = text if text.strip() else "<empty>"
            message = (
                f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; "
                f"json parse error: unexpected end of JSON input ({shown[:80]})"
            )
            raise bad_request(message) from None


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names. ``rest``: what follows the subresource (a proxy's path)."""

    resource: Resource
    namespace: str | None = None
    name: str = ""
    subresource: str = ""
    rest: str = ""


def target_of(path: str, registry: Registry) -> Target:
    """Raises 404 for a path that the server does not have."""
    parts = [unquote(part) for part in path.split("/") if part]
    if parts[0] == "api" and len(parts) >= 3 and parts[1] == "v1":
        group, version, steps = "", "v1", parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, steps = parts[1], parts[2], parts[3:]
    else:
        raise no_such_path()
    namespace: str | None = None
    if steps[0] == "namespaces" and len(steps) > 2 and (group, version, steps[2]) in registry.by_path:
        namespace, steps = steps[1], steps[2:]
    resource = registry.by_path.get((group, version, steps[0]))
    if resource is None:
        raise no_such_path()
    name = steps[1] if len(steps) > 1 else ""
    subresource = steps[2] if len(steps) > 2 else ""
    if subresource and subresource not in resource.subresources:
        raise no_such_path()
    rest = ""
    if subresource == "proxy":
        rest = "/" + path.partition("/proxy")[2].lstrip("/")
    return Target(resource, namespace, name, subresource, rest)


def known_group(path: str, registry: Registry) -> bool:
    """Whether the path lies under a group that is served (the answer to another is a plain 404)."""
    parts = path.strip("/").split("/")
    return parts[0] == "api" or (parts[0] == "apis" and (len(parts) < 2 or parts[1] in registry.groups))


class Response:
    """An answer. The body is made when it is first asked for, from ``value`` or by ``encode``. ``seconds``: how long it
    took, in virtual time."""

    __slots__ = ("_body", "_encode", "_value", "headers", "seconds", "status")

    def __init__(
        self,
        status: int,
        value: Any = None,
        body: bytes | None = None,
        content_type: str = _JSON,
        encode: Callable[[], bytes] | None = None,
    ) -> None:
        self.status = status
        self.headers: dict[str, str] = {"Content-Type": content_type}
        self.seconds = 0.0
        self._value = value
        self._body = body
        self._encode = encode

    @property
    def body(self) -> bytes:
        if self._body is None:
            made = self._encode() if self._encode else json.dumps(self._value, separators=(",", ":")).encode()
            self._body = made
        return self._body

    def json(self) -> Any:
        return json.loads(self.body)

    def seen(self) -> Any:
        """As ``json``, but for who only reads it: what the server keeps, without a copy, where it is at hand."""
        return self.json() if self._value is None else self._value

    def text(self) -> str:
        return self.body.decode("utf-8", "replace")
