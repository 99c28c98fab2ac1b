"""Port-forward: connections to a Pod's ports, on which its program is asked over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from .exchange import Target
from .sessions import Session

_HEAD_END = b"\r\n\r\n"
_LONGEST_HEAD = 65536
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Forward(Session):
    """Each connection has two channels, data:PORT:NUMBER and error:PORT:NUMBER. Over channels there is one for each
    of the ports, and with the last of them the session ends; over streams the client opens as many as it likes."""

    def __init__(self, behaviour: Any, target: Target, ports: tuple[int, ...]) -> None:
        self._behaviour, self._target, self.ports = behaviour, target, ports
        self._unread: dict[str, bytes] = {}
        self._said: list[tuple[str, bytes | None]] = []
        self._left = len(ports)
        self._seconds = 0.0

    @property
    def seconds(self) -> float:  # type: ignore[override]
        return self._seconds

    def open(self, name: str) -> None:
        """A connection is made with its data channel; where nobody listens, the other channel says so."""
        kind, port, number = name.split(":")
        if kind != "data":
            return
        why = self._behaviour.refuses(self._target.namespace, self._target.name, int(port))
        if why:
            self._said.append((f"error:{port}:{number}", why.encode()))
            self._close(name)
        else:
            self._unread[name] = b""

    def hear(self, name: str, data: bytes) -> None:
        if name not in self._unread:
            return
        self._unread[name] += data
        while name in self._unread and (request := self._request(name)):
            self._answer(name, *request)

    def finish(self, name: str) -> None:
        """The client sends nothing more: what it asked has been answered."""
        if self._unread.pop(name, None) is not None:
            self._close(name)

    def hang_up(self) -> None:
        self._unread.clear()
        self.ended = True

    def say(self) -> list[tuple[str, bytes | None]]:
        said, self._said, self._seconds = self._said, [], 0.0
        self.ended = self.ended or (bool(self.ports) and not self._left)
        return said

    # Inside

    def _close(self, name: str) -> None:
        self._left -= 1
        self._said += [(name.replace("data", "error", 1), None), (name, None)]

    def _request(self, name: str) -> tuple[str, str, dict[str, str]] | None:
        """(method, path, headers) of the next request that is whole, with its body; None while there is none."""
        unread = self._unread[name]
        head, end, rest = unread.partition(_HEAD_END)
        if not end:
            if len(unread) > _LONGEST_HEAD:
                del self._unread[name]
                self._close(name)
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length") or 0)
        if len(rest) < size:
            return None
        self._unread[name] = rest[size:]
        method, path, version = [*first.split(), "", "", ""][:3]
        if not version.startswith("HTTP/"):  # what does not speak HTTP is not understood, and hung up on
            del self._unread[name]
            self._close(name)
            return None
        if version == "HTTP/1.0":
            headers.setdefault("connection", "close")
        return method, path, headers

    def _answer(self, name: str, method: str, path: str, headers: dict[str, str]) -> None:
        port = int(name.split(":")[1])
        status, seconds, text = self._behaviour.ask(self._target.namespace, self._target.name, port, path)
        if method not in ("GET", "HEAD"):
            status, text = 501, f"Unsupported method ({method!r})\n"
        body = text.encode()
        lines = [
            f"HTTP/1.1 {status} {_PHRASES.get(status, '')}",
            f"Date: {self._behaviour.date()}",
            f"Content-Length: {len(body)}",
            "Content-Type: text/plain",
        ]
        self._said.append(
            (name, "\r\n".join(lines).encode("latin-1") + _HEAD_END + (body if method != "HEAD" else b""))
        )
        self._seconds += seconds
        if headers.get("connection", "").lower() == "close":
            self._unread.pop(name, None)
            self._close(name)
