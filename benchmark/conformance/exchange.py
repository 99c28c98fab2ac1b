"""Exchanges: one request, its answer, and when. A recording is a list of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

RECORDING = Path(__file__).with_name("recorded.jsonl.gz")


@dataclass(frozen=True)
class Exchange:
    """``started`` and ``ended``: seconds since the recording began. ``body`` and ``answer``: JSON data where it is
    JSON, else text. A watch's ``answer`` is the list of its events. ``step``: which command of the session asked."""

    client: str
    step: str
    started: float
    ended: float
    method: str
    target: str  # path and query
    headers: Mapping[str, str] = field(default_factory=dict)  # those that decide: content-type, accept, user-agent
    body: Any = None
    status: int = 0
    kind: str = ""  # the answer's content type
    answer: Any = None

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def watches(self) -> bool:
        return self.method == "GET" and self.query.get("watch", "") in ("1", "true", "True")

    @property
    def area(self) -> str:
        """Which part of the API it asks for; what the share that agrees is told by."""
        parts = [part for part in self.path.split("/") if part]
        if not parts or parts[0] not in ("api", "apis") or len(parts) <= (2 if parts[0] == "api" else 3):
            return "openapi" if parts and parts[0] == "openapi" else "discovery"
        if parts[0] == "apis" and parts[1] == "metrics.k8s.io":
            return "metrics"
        if parts[0] == "apis" and parts[1] in ("authorization.k8s.io", "authentication.k8s.io"):
            return "reviews"
        if self.watches:
            return "watch"
        tail = parts[2:] if parts[0] == "api" else parts[3:]
        if len(tail) > 2 and tail[0] == "namespaces":
            tail = tail[2:]
        if len(tail) > 2:
            return f"subresource {tail[2]}"
        if self.status >= 400:
            return "refusals"
        if self.method == "GET":
            table = "as=Table" in self.headers.get("accept", "")
            return "table" if table else "list" if len(tail) == 1 else "get"
        if self.method == "PATCH":
            return "apply" if "apply" in self.headers.get("content-type", "") else "patch"
        return {"POST": "create", "PUT": "update", "DELETE": "delete"}.get(self.method, self.method)


def save(exchanges: Iterable[Exchange], path: Path = RECORDING) -> None:
    """One line an exchange, compressed; the same exchanges give the same bytes."""
    lines = "".join(json.dumps(asdict(each), separators=(",", ":"), sort_keys=True) + "\n" for each in exchanges)
    path.write_bytes(gzip.compress(lines.encode(), 9, mtime=0))


def load(path: Path = RECORDING) -> list[Exchange]:
    return [Exchange(**json.loads(line)) for line in gzip.decompress(path.read_bytes()).splitlines()]
