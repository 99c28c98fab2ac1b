"""Exec, attach and port-forward: connections that go on in another protocol.

A session has channels by name: stdin, stdout, stderr, error and resize of a command; data:PORT:NUMBER and
error:PORT:NUMBER of each connection that is forwarded. What carries them is not its business (wires.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .exchange import Request
from .reads import Stream

Object = dict[str, Any]

STDIN, STDOUT, STDERR, ERROR, RESIZE = "stdin", "stdout", "stderr", "error", "resize"


@dataclass(frozen=True)
class Ended:
    """What a command printed, and its exit code."""

    out: str = ""
    err: str = ""
    code: int = 0
    seconds: float = 0.0


class CannotStart(Exception):
    """The runtime cannot start such a command; the text says why, in its words."""


class Session(Stream):
    """``ports``: of a port-forward over channels, those that the client named. ``expected``: the channels that a client
    opens by itself, where it opens any. ``seconds`` (virtual) pass before what
    ``say`` gives next is there. ``ended``: nothing follows on what it gave last."""

    ports: tuple[int, ...] = ()
    expected: frozenset[str] = frozenset()
    seconds = 0.0

    def hear(self, name: str, data: bytes) -> None:
        """What the client sent on a channel."""

    def finish(self, name: str) -> None:
        """The client will send nothing more on a channel."""

    def open(self, name: str) -> None:
        """The client opened a channel."""

    def hang_up(self) -> None:
        """The client has gone."""

    def say(self) -> list[tuple[str, bytes | None]]:
        """What there is to send since the last call: (channel, bytes), None at a channel's end."""
        raise NotImplementedError

    def lines(self) -> list[bytes]:
        """In process, where there is no other protocol: all that is said to somebody who only listens."""
        return [data for _, data in self.say() if data is not None]


class Told(Session):
    """Says one thing, and how it ended."""

    def __init__(self, status: bytes) -> None:
        self._status = status

    def say(self) -> list[tuple[str, bytes | None]]:
        self.ended = True
        return [(ERROR, self._status)]


class Talk(Session):
    """A program that somebody talks with (processes.py). ``ends``: hears of its exit code, in place of the client."""

    def __init__(self, process: Any, request: Request, ends: Callable[[int], None] | None = None) -> None:
        self._process, self._ends = process, ends
        self._tty = request.flag("tty")
        self._shown = {"out": request.flag("stdout"), "err": request.flag("stderr") and not self._tty}
        self._reads = request.flag("stdin")
        self._told = False

    @property
    def seconds(self) -> float:  # type: ignore[override]
        return float(self._process.seconds)

    def hear(self, name: str, data: bytes) -> None:
        if name == STDIN and self._reads:
            self._process.feed(data.decode("utf-8", "surrogateescape"))

    def finish(self, name: str) -> None:
        if name == STDIN and self._reads:
            self._process.close()

    def hang_up(self) -> None:
        self._process.close()

    def say(self) -> list[tuple[str, bytes | None]]:
        said: list[tuple[str, bytes | None]] = []
        for part, text in self._process.said:
            if self._tty:
                part, text = "out", text.replace("\n", "\r\n")
            if self._shown[part]:
                said.append((STDOUT if part == "out" else STDERR, text.encode("utf-8", "surrogateescape")))
        self._process.said, self._process.seconds = [], 0.0
        if self._process.code is not None and not self._told:
            self._told = self.ended = True
            said.append((ERROR, ending(0 if self._ends else self._process.code)))
            if self._ends is not None:
                self._ends(self._process.code)
        return said


def ending(code: int) -> bytes:
    """The Status of a command's end."""
    if not code:
        return _encoded({"metadata": {}, "status": "Success"})
    return _encoded(
        {
            "metadata": {},
            "status": "Failure",
            "message": f"command terminated with non-zero exit code: command terminated with exit code {code}",
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
        }
    )


def broken(words: str) -> bytes:
    return _encoded(
        {
            "metadata": {},
            "status": "Failure",
            "message": f"Internal error occurred: {words}",
            "reason": "InternalError",
            "details": {"causes": [{"message": words}]},
            "code": 500,
        }
    )


def _encoded(status: Object) -> bytes:
    return json.dumps(status, separators=(",", ":")).encode()
