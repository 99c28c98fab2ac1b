"""Asks a sandbox what a recording's clients asked a cluster, and compares the answers.

What a client learnt from an earlier answer (a uid, a generated name, a resourceVersion) it learnt from the cluster:
in the request to the sandbox stands what the sandbox answered in that place. Virtual time passes as the recording's
did; where the session waited until nothing moved, the sandbox gets half a minute. Pods start faster or slower than on
the recorded machine: what a watch shows counts by the last state of each object, and gets some more seconds.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ...sandbox.api.exchange import Request, Response
from ...sandbox.api.reads import Stream
from ...sandbox.sandbox import Sandbox
from ...sandbox.systems.parts import node
from ...sandbox.systems.system import LAB_IMAGES, System
from .comparison import comparable, differences, leaves, made_by_session, order_of, plain_text, without_status
from .exchange import Exchange

_CALM = 30
_PATIENCE = 20
_LEARNT = (
    "name",
    "uid",
    "resourceVersion",
    "continue",
    "generateName",
    "pod-template-hash",
    "controller-revision-hash",
    "controller.kubernetes.io/hash",
    "nodeName",
)

Object = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """``misses`` is empty when the answers agree. ``fields``: how many were compared."""

    exchange: Exchange
    misses: tuple[str, ...]
    fields: int


@dataclass
class _Learnt:
    """What the sandbox says where the cluster said something else."""

    words: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def note(self, theirs: Any, ours: Any, key: str = "") -> None:
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for name, part in theirs.items():
                if name in ours:
                    self.note(part, ours[name], name)
        elif isinstance(theirs, list) and isinstance(ours, list):
            if key in ("items", "rows"):
                theirs, ours = _sorted(theirs), _sorted(ours)
            for left, right in zip(theirs, ours, strict=False):
                self.note(left, right)
        elif isinstance(theirs, str) and isinstance(ours, str) and key in _LEARNT:
            if key in ("resourceVersion", "continue"):
                self.versions[theirs] = ours
            elif theirs != ours and plain_text(theirs) == plain_text(ours):
                self.words.setdefault(theirs, ours)

    def said(self, text: str) -> str:
        for theirs in sorted((word for word in self.words if word in text), key=len, reverse=True):
            text = text.replace(theirs, self.words[theirs])
        return text

    def inside(self, body: bytes) -> bytes:
        """A body that is not text: names in it cannot become longer or shorter."""
        for theirs, ours in self.words.items():
            if len(theirs) == len(ours):
                body = body.replace(theirs.encode(), ours.encode())
        return body

    def body(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self.body(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [self.body(part) for part in value]
        if isinstance(value, str):
            return self.versions.get(value, value) if key == "resourceVersion" else self.said(value)
        return value


def replay(exchanges: Iterable[Exchange], sandbox: Sandbox | None = None) -> Iterator[Result]:
    """In the order in which the answers were complete."""
    sandbox = sandbox or _sandbox()
    learnt, open_watches, now, step, moving = _Learnt(), {}, 0.0, "", False
    moments = [(each.started, 0, index, each) for index, each in enumerate(exchanges)]
    moments += [(each.ended, 1, index, each) for _, _, index, each in moments if each.watches]
    for moment, ending, index, exchange in sorted(moments, key=lambda entry: entry[:3]):
        sandbox.advance(max(0.0, moment - now))
        now = max(now, moment)
        if exchange.step != step and not ending:
            step = exchange.step
            moving = step.startswith("~")
            if not moving:
                _wait_until_calm(sandbox)
        if not ending:
            request = _request(exchange, learnt)
            if exchange.status == 304:  # the client has the document: which one, it says by the hash that it was told
                known = _asked(sandbox, request)
                assert isinstance(known, Response)
                request = replace(request, etag=known.headers.get("Etag", ""))
            answer = _asked(sandbox, request)
            if isinstance(answer, Stream):
                open_watches[index] = (answer, answer.lines())
                continue
            yield _compared(exchange, _status_and_body(answer), learnt, moving)
            moving = moving or exchange.method != "GET"
        elif index in open_watches:
            watch, lines = open_watches.pop(index)
            yield _watched(exchange, watch, lines, sandbox, learnt)


def _wait_until_calm(sandbox: Sandbox) -> None:
    """As the session did, on the virtual clock."""
    for _ in range(4 * _CALM):
        sandbox.advance(0.25)
        if _calm(sandbox):
            return


def _calm(sandbox: Sandbox) -> bool:
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        for item in sandbox.store.list(kind):
            status = item.get("status", {})
            wanted = item["spec"].get("replicas", status.get("desiredNumberScheduled", 0))
            ready = status.get("readyReplicas", status.get("numberReady", 0))
            pods = status.get("replicas", status.get("currentNumberScheduled", 0))
            if status.get("observedGeneration") != item["metadata"].get("generation") or not wanted == ready == pods:
                return False
    if any(job.get("status", {}).get("active") for job in sandbox.store.list("Job")):
        return False
    return not any(pod["metadata"].get("deletionTimestamp") for pod in sandbox.store.list("Pod"))


def _sandbox() -> Sandbox:
    nodes = tuple(
        node(
            f"node-{number}",
            f"10.123.0.1{number}",
            4,
            8192,
            {"beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux"},
        )
        for number in (1, 2)
    )
    system = System("conformance", "default", nodes, frozenset(LAB_IMAGES), (), "")
    return Sandbox(system, seed=1)


def _asked(sandbox: Sandbox, request: Request) -> Response | Stream:
    """As the HTTP door does, a fault of the sandbox's own is a 500."""
    try:
        return sandbox.answer(request)
    except Exception as error:
        return Response(500, {"message": f"{type(error).__name__}: {error}"})


def _request(exchange: Exchange, learnt: _Learnt) -> Request:
    where = urlsplit(exchange.target)
    query = {key: learnt.said(value) for key, value in parse_qsl(where.query, keep_blank_values=True)}
    for key in ("resourceVersion", "continue"):
        if key in query:
            query[key] = learnt.versions.get(query[key], query[key])
    headers = exchange.headers
    body = exchange.body
    if isinstance(body, dict) and set(body) == {"base64"}:
        body = learnt.inside(base64.b64decode(body["base64"]))
    elif isinstance(body, str):
        body = learnt.said(body).encode()
    elif body is not None:
        body = json.dumps(learnt.body(body)).encode()
    return Request(
        exchange.method,
        learnt.said(unquote(where.path)),
        query,
        body,
        headers.get("content-type", "application/json"),
        headers.get("accept", "application/json"),
        headers.get("user-agent", ""),
        headers.get("impersonate-user", ""),
    )


def _status_and_body(answer: Response) -> tuple[int, Any]:
    text = answer.body.decode("utf-8", "replace")
    if "json" in answer.headers.get("Content-Type", ""):
        try:
            return answer.status, json.loads(text)
        except ValueError:
            pass
    return answer.status, text


def _compared(exchange: Exchange, ours: tuple[int, Any], learnt: _Learnt, moving: bool) -> Result:
    learnt.note(exchange.answer, ours[1])
    theirs, mine = (comparable(answer, exchange.path, exchange.area) for answer in (exchange.answer, ours[1]))
    if exchange.area == "metrics" and [] in (theirs.get("items"), mine.get("items")):
        theirs["items"] = mine["items"] = []  # one of them had not measured yet
    if moving and exchange.method == "GET":
        theirs, mine = without_status(theirs), without_status(mine)
    misses = list(differences(theirs, mine))
    if exchange.status != ours[0]:
        misses.insert(0, f"status: {exchange.status}, the sandbox says {ours[0]}")
    return Result(exchange, tuple(misses), leaves(theirs))


def _watched(exchange: Exchange, watch: Stream, lines: list[bytes], sandbox: Sandbox, learnt: _Learnt) -> Result:
    theirs = _last_states(exchange.answer)
    best: tuple[str, ...] | None = None
    events: list[Object] = []
    for _ in range(_PATIENCE):
        for line in (*lines, *watch.lines()):
            events.append(json.loads(line))
            ours = _last_states(events)
            misses = tuple(differences(theirs, ours))
            if best is None or len(misses) <= len(best):
                best = misses
            if not misses:
                learnt.note(theirs, ours)
                return Result(exchange, (), leaves(theirs))
        lines = []
        sandbox.advance(1.0)
    if best is None:
        best = tuple(differences(theirs, _last_states(events)))
    return Result(exchange, best, leaves(theirs))


def _last_states(events: list[Object]) -> Object:
    """The last event about each object, by its name up to the generated letters; bookmarks come when they like."""
    last: dict[str, Object] = {}
    for event in events:
        obj = event["object"]
        rows = obj.get("rows") or []
        named = rows[0].get("object", {}) if rows else obj
        if event["type"] == "BOOKMARK" or (event["type"] != "ERROR" and not made_by_session(named)):
            continue
        last[(named.get("metadata") or {}).get("name", "")] = event
    shown = [{"type": event["type"], "object": comparable(event["object"], "", "watch")} for event in last.values()]
    return {"events": sorted(shown, key=lambda event: json.dumps(event, sort_keys=True))}


def _sorted(items: list[Any]) -> list[Any]:
    return sorted((item for item in items if made_by_session(item.get("object") or item)), key=order_of)
