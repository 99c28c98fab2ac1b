"""What clients asked of a sandbox and what it answered, as a file that can be asked again.

JSON lines. The first one holds the dump of the sandbox as it was then; each other one a request, the virtual moment
at which it came, and its answer. To replay is to load the dump, let the same time pass, ask the same in the same
order, and compare. As a sandbox repeats to the last byte, every difference comes from another version of it: then
the system is made anew, by the name that it was started with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from .api.exchange import Request, Response
from .api.reads import Stream
from .dump import BadDump, dump, load
from .sandbox import Sandbox
from .systems import SystemUnknown, choose, prepare

FORMAT = "e2ereme sandbox recording 1"
_QUIET = ("method", "path", "query", "content_type", "accept", "user_agent", "user", "etag", "groups")
_DEFAULTS = Request("", "")


class BadRecording(ValueError):
    """What was to be replayed is no recording."""


@dataclass(frozen=True)
class Asked:
    """One request asked again. ``same`` is None for what has no one answer: a watch's depends on when it ends."""

    number: int
    method: str
    path: str
    seconds: float
    before: tuple[int, str]
    now: tuple[int, str]

    @property
    def same(self) -> bool | None:
        return None if self.before[0] == 0 else self.before == self.now


class Recording:
    """Writes down what a served sandbox is asked. To be called while nothing else happens in the sandbox."""

    def __init__(self, sandbox: Sandbox, sink: IO[str]) -> None:
        self._sandbox, self._sink = sandbox, sink
        head = {"format": FORMAT, "system": sandbox.called, "dump": json.loads(dump(sandbox))}
        self._write(head)

    def answered(self, request: Request, elapsed: float, answer: Response | Stream) -> None:
        """``elapsed``: the virtual seconds at which the request came."""
        asked = {name: value for name in _QUIET if (value := getattr(request, name)) != getattr(_DEFAULTS, name)}
        if request.body is not None:
            body = request.body
            asked["body"] = body.decode("latin-1") if isinstance(body, bytes) else body
            asked["bytes"] = isinstance(body, bytes)
        told: dict[str, Any] = {}
        if isinstance(answer, Response):  # else it goes on, as a watch does
            told = {"status": answer.status, "body": answer.body.decode("latin-1")}
        self._write({"at": round(elapsed, 6), "request": asked, **told})

    def _write(self, line: dict[str, Any]) -> None:
        self._sink.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._sink.flush()


def beginning(lines: Iterable[str]) -> tuple[Sandbox, bool]:
    """The sandbox that a recording begins with, and whether it is the very same one. Raises BadRecording."""
    try:
        head = json.loads(next(iter(lines), ""))
        if head["format"] != FORMAT:
            raise BadRecording(f"this is a recording of another kind: {head['format']}")
        try:
            return load(json.dumps(head["dump"]).encode()), True
        except BadDump as error:
            return _anew(head["system"], head["dump"]["elapsed"], error), False
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, BadRecording):
            raise
        raise BadRecording("this is no recording of a sandbox") from None


def replay(sandbox: Sandbox, lines: Iterable[str]) -> Iterator[Asked]:
    """Asks all that follows the first line of a recording again. A last line that was cut off is left out."""
    for number, line in enumerate(lines, 1):
        try:
            found = json.loads(line)
        except ValueError:
            return
        sandbox.advance(max(0.0, found["at"] - sandbox.clock.elapsed))
        request = _request(found["request"])
        answer = sandbox.answer(request)
        now = (answer.status, answer.body.decode("latin-1")) if isinstance(answer, Response) else (0, "")
        before = (found.get("status", 0), found.get("body", ""))
        yield Asked(number, request.method, request.path, found["at"], before, now)


def _request(asked: dict[str, Any]) -> Request:
    fields = {**asked, "groups": tuple(asked.get("groups", ()))}
    if fields.pop("bytes", False):
        fields["body"] = fields["body"].encode("latin-1")
    return Request(**fields)


def _anew(name: str, elapsed: float, why: BadDump) -> Sandbox:
    try:
        system = choose(name)
    except SystemUnknown:
        raise BadRecording(f"{why}, and no name of a system to begin anew with is noted") from None
    sandbox = Sandbox(system, seed=int(name) if name.isdecimal() else 0)
    sandbox.called = name
    prepare(sandbox, system)
    sandbox.advance(max(0.0, elapsed - sandbox.clock.elapsed))
    return sandbox
