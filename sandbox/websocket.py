"""The server's side of a WebSocket (RFC 6455), as far as a session with a container needs it."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Mapping, Sequence
from io import BufferedIOBase

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_BINARY, _CLOSE = 0x2, 0x8
_WELL = 1000  # the code of a close that nothing is wrong with


def handshake(headers: Mapping[str, str], spoken: Sequence[str]) -> bytes:
    """The head of the answer, with the first of the client's protocols that is spoken here; b"" when there is none."""
    offered = [name.strip() for name in headers.get("sec-websocket-protocol", "").replace("\n", ",").split(",")]
    chosen = next((name for name in offered if name in spoken), "")
    key = headers.get("sec-websocket-key", "")
    if not chosen or not key:
        return b""
    accepted = base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()).decode()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accepted}",
        f"Sec-WebSocket-Protocol: {chosen}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def message(channel: int, data: bytes) -> bytes:
    """One frame with the number of its channel and the data."""
    return _frame(_BINARY, bytes([channel]) + data)


def goodbye() -> bytes:
    return _frame(_CLOSE, struct.pack(">H", _WELL))


def await_goodbye(stream: BufferedIOBase) -> None:
    """Reads what the client still says, until it closes too or has gone."""
    while head := stream.read(2):
        if len(head) < 2:
            return
        length = head[1] & 0x7F
        if length == 126:
            length = struct.unpack(">H", stream.read(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", stream.read(8))[0]
        stream.read(length + (4 if head[1] & 0x80 else 0))
        if head[0] & 0x0F == _CLOSE:
            return


def _frame(kind: int, data: bytes) -> bytes:
    size = len(data)
    if size < 126:
        head = struct.pack(">BB", 0x80 | kind, size)
    elif size < 1 << 16:
        head = struct.pack(">BBH", 0x80 | kind, 126, size)
    else:
        head = struct.pack(">BBQ", 0x80 | kind, 127, size)
    return head + data
