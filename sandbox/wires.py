"""How a session's channels go over a connection: numbered over a WebSocket, as streams over SPDY, or both at once."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping
from typing import Protocol

from . import spdy
from .api.sessions import ERROR, RESIZE, STDERR, STDIN, STDOUT, Session
from .websocket import BINARY, CLOSE, PING, TEXT, Frames, goodbye, handshake, message, pong

_TUNNEL = "SPDY/3.1+portforward.k8s.io"
_CHANNELS = (
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
)
_STREAMS = ("v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "portforward.k8s.io")
_CLOSED = 255  # the channel on which v5 tells that another one has ended
_OF_COMMANDS = (STDIN, STDOUT, STDERR, ERROR, RESIZE)


class Wire(Protocol):
    """``gone``: the client has hung up. ``waits``: it has yet to open a channel on which something was said. What the
    methods return is to be sent."""

    gone: bool
    waits: bool

    def begin(self) -> bytes: ...

    def hear(self, data: bytes) -> bytes:
        """What came from the client; the session hears of it."""
        ...

    def say(self, name: str, data: bytes | None) -> bytes: ...

    def end(self) -> bytes:
        """Nothing more will be said."""
        ...


def wired(headers: Mapping[str, str], session: Session, forwards: bool) -> tuple[bytes, Wire] | None:
    """The head of the answer and what carries the session; None where the client speaks nothing that is known here."""
    if headers.get("upgrade", "").lower() == "websocket":
        spoken = (_TUNNEL, *_CHANNELS[:2], "portforward.k8s.io", "") if forwards else _CHANNELS
        protocol, head = handshake(headers, spoken)
        if not head:
            return None
        return head, Tunnel(session) if protocol == _TUNNEL else Numbered(session, protocol, forwards)
    offered = [word.strip() for word in headers.get("x-stream-protocol-version", "").replace("\n", ",").split(",")]
    chosen = next((word for word in offered if word in _STREAMS), "")
    lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: SPDY/3.1"]
    lines += [f"X-Stream-Protocol-Version: {chosen}"] if chosen else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), Streams(session)


class Numbered:
    """Messages over a WebSocket that begin with the number of their channel."""

    def __init__(self, session: Session, protocol: str, forwards: bool) -> None:
        self.gone = self.waits = False
        self._session, self._text = session, "base64" in protocol
        self._frames = Frames()
        self._silent = protocol.startswith(("channel", "base64"))  # the first version has no channel for the end
        if forwards:
            pairs = [(f"data:{port}:{at}", f"error:{port}:{at}") for at, port in enumerate(session.ports)]
            self._names: tuple[str, ...] = tuple(name for pair in pairs for name in pair)
        else:
            self._names = _OF_COMMANDS
        self._forwards = forwards

    def begin(self) -> bytes:
        """An empty message says that all is well; of a port-forward, each channel tells its port."""
        if not self._forwards:
            return self._message(_OF_COMMANDS.index(STDOUT), b"")
        begun = b""
        for number, name in enumerate(self._names):
            begun += self._message(number, struct.pack("<H", int(name.split(":")[1])))
        for name in self._names[::2]:
            self._session.open(name)
        return begun

    def hear(self, data: bytes) -> bytes:
        answer = b""
        for kind, payload in self._frames.cut(data):
            if kind == PING:
                answer += pong(payload)
            elif kind == CLOSE:
                self.gone = True
                return answer + goodbye()
            elif kind in (BINARY, TEXT) and payload:
                number, content = payload[0], payload[1:]
                if self._text:
                    number, content = number - ord("0"), base64.b64decode(content)
                if number == _CLOSED and content and content[0] < len(self._names):
                    self._session.finish(self._names[content[0]])
                elif number < len(self._names):
                    self._session.hear(self._names[number], content)
        return answer

    def say(self, name: str, data: bytes | None) -> bytes:
        if data is None or (self._silent and name == ERROR):
            return b""
        return self._message(self._names.index(name), data)

    def end(self) -> bytes:
        return goodbye()

    def _message(self, number: int, data: bytes) -> bytes:
        if self._text:
            return message(bytes([ord("0") + number]) + base64.b64encode(data), TEXT)
        return message(bytes([number]) + data)


class Streams:
    """SPDY streams that tell in their headers what they are."""

    def __init__(self, session: Session) -> None:
        self.gone, self.waits = False, bool(session.expected)
        self._session, self._connection = session, spdy.Connection()
        self._names: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._early: dict[str, list[bytes | None]] = {}  # what was said before the client opened the stream for it
        self._ended: set[str] = set()

    def begin(self) -> bytes:
        return b""

    def hear(self, data: bytes) -> bytes:
        answer = b""
        try:
            events = self._connection.cut(data)
        except zlib.error:
            self.gone = True
            return answer
        for event in events:
            if isinstance(event, spdy.Opened):
                answer += self._opened(event)
            elif isinstance(event, spdy.Data) and event.stream in self._names:
                name = self._names[event.stream]
                if event.data:
                    self._session.hear(name, event.data)
                if event.last:
                    self._session.finish(name)
            elif isinstance(event, spdy.Gone):
                self.gone = self.gone or not event.stream
                if event.stream in self._names:
                    self._session.finish(self._names[event.stream])
            elif isinstance(event, spdy.Pinged):
                answer += spdy.ping(event.number)
        return answer

    def _opened(self, event: spdy.Opened) -> bytes:
        told = {name.lower(): value for name, value in event.headers.items()}
        name = told.get("streamtype", "")
        if "port" in told:
            name = f"{name}:{told['port']}:{told.get('requestid', event.stream)}"
        self._names[event.stream], self._numbers[name] = name, event.stream
        answer = self._connection.accept(event.stream)
        self._session.open(name)
        if event.last and not name.startswith("error"):  # nothing will come there; kubectl never writes to errors
            self._session.finish(name)
        for data in self._early.pop(name, ()):
            answer += Streams.say(self, name, data)
        self.waits = bool(self._early) or not self._session.expected <= self._numbers.keys()
        return answer

    def say(self, name: str, data: bytes | None) -> bytes:
        number = self._numbers.get(name)
        if number is None:
            self._early.setdefault(name, []).append(data)
            self.waits = True
            return b""
        if name in self._ended:
            return b""
        if data is None:
            self._ended.add(name)
        return spdy.data(number, data or b"", last=data is None)

    def end(self) -> bytes:
        closed = b"".join(self.say(name, None) for name in self._numbers if name not in self._ended)
        return closed + spdy.goodbye(max(self._names, default=0))


class Tunnel(Streams):
    """SPDY in the messages of a WebSocket, as kubectl forwards ports."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._frames = Frames()

    def hear(self, data: bytes) -> bytes:
        answer = b""
        for kind, payload in self._frames.cut(data):
            if kind == PING:
                answer += pong(payload)
            elif kind == CLOSE:
                self.gone = True
                return answer + goodbye()
            elif kind == BINARY:
                inner = super().hear(payload)
                answer += message(inner) if inner else b""
        return answer

    def say(self, name: str, data: bytes | None) -> bytes:
        inner = super().say(name, data)
        return message(inner) if inner else b""

    def end(self) -> bytes:
        closed = b"".join(self.say(name, None) for name in self._numbers if name not in self._ended)
        return closed + message(spdy.goodbye(max(self._names, default=0))) + goodbye()
