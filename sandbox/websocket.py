"""The server's side of a WebSocket (RFC 6455), as far as a session with a container needs it."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Mapping, Sequence

TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9
_CONTINUED, _PONG = 0x0, 0xA
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_WELL = 1000  # the code of a close that nothing is wrong with


class Frames:
    """Cuts what a client sends into messages."""

    def __init__(self) -> None:
        self._unread = bytearray()
        self._begun = bytearray()
        self._kind = BINARY

    def cut(self, data: bytes) -> list[tuple[int, bytes]]:
        """(TEXT, BINARY, CLOSE or PING; what it carries) of each message that is whole by now."""
        self._unread += data
        messages = []
        while frame := self._frame():
            kind, last, payload = frame
            if kind in (CLOSE, PING, _PONG):  # these may come between the pieces of another message
                messages.append((kind, payload))
                continue
            if kind != _CONTINUED:
                self._kind, self._begun = kind, bytearray()
            self._begun += payload
            if last:
                messages.append((self._kind, bytes(self._begun)))
        return messages

    def _frame(self) -> tuple[int, bool, bytes] | None:
        there = self._unread
        if len(there) < 2:
            return None
        size, at = there[1] & 0x7F, 2
        if size > 125:
            wide = 2 if size == 126 else 8
            if len(there) < at + wide:
                return None
            size, at = int.from_bytes(there[at : at + wide], "big"), at + wide
        mask = b""
        if there[1] & 0x80:
            mask, at = bytes(there[at : at + 4]), at + 4
        if len(there) < at + size:
            return None
        kind, last = there[0] & 0x0F, bool(there[0] & 0x80)
        payload = _unmasked(bytes(there[at : at + size]), mask)
        del there[: at + size]
        return kind, last, payload


def handshake(headers: Mapping[str, str], spoken: Sequence[str]) -> tuple[str, bytes]:
    """The first of the client's protocols that is spoken here, and the head of the answer; empty where there is none.
    A client that names no protocol gets none."""
    offered = [name.strip() for name in headers.get("sec-websocket-protocol", "").replace("\n", ",").split(",")]
    chosen = next((name for name in offered if name in spoken), None)
    key = headers.get("sec-websocket-key", "")
    if chosen is None or not key:
        return "", b""
    accepted = base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()).decode()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accepted}",
    ]
    lines += [f"Sec-WebSocket-Protocol: {chosen}"] if chosen else []
    return chosen, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def message(data: bytes, kind: int = BINARY) -> bytes:
    """One message in one frame."""
    size = len(data)
    if size < 126:
        head = struct.pack(">BB", 0x80 | kind, size)
    elif size < 1 << 16:
        head = struct.pack(">BBH", 0x80 | kind, 126, size)
    else:
        head = struct.pack(">BBQ", 0x80 | kind, 127, size)
    return head + data


def pong(data: bytes) -> bytes:
    return message(data, _PONG)


def goodbye() -> bytes:
    return message(struct.pack(">H", _WELL), CLOSE)


def _unmasked(data: bytes, mask: bytes) -> bytes:
    if not mask or not data:
        return data
    key = int.from_bytes((mask * (len(data) // 4 + 1))[: len(data)], "big")
    return (int.from_bytes(data, "big") ^ key).to_bytes(len(data), "big")
