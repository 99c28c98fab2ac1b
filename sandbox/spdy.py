"""SPDY/3.1 as kubectl and the Go clients speak it: streams with headers, over a connection of their own or a WebSocket.

Frames and the dictionary of the header compression: the SPDY protocol, draft 3.1, sections 2.2, 2.6 and 2.6.10.1. There
is no flow control: neither side of Kubernetes' own connections has one.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

_VERSION = 3
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY = 1, 2, 3, 6, 7
_FIN = 0x01
_CANCEL = 5
_WORDS = """options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age
allow authorization cache-control connection content-base content-encoding content-language content-length
content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since
if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate
proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning
www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin"""
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug "
    "Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
    "application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch"
    "charset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
_LISTED = [word.replace("_", " ").encode() for word in _WORDS.split()]
DICTIONARY = b"".join(len(word).to_bytes(4, "big") + word for word in _LISTED) + _TAIL.encode()
"""The words that headers are compressed with: each listed one after its length, then the rest as it stands."""


@dataclass(frozen=True)
class Opened:
    """The client began a stream."""

    stream: int
    headers: Mapping[str, str]
    last: bool


@dataclass(frozen=True)
class Data:
    """What came on a stream. ``last``: the client will send nothing more there."""

    stream: int
    data: bytes
    last: bool


@dataclass(frozen=True)
class Gone:
    """The client gave a stream up (0: all of them)."""

    stream: int


@dataclass(frozen=True)
class Pinged:
    number: int


class Connection:
    """The server's side of one connection."""

    def __init__(self) -> None:
        self._unread = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def cut(self, data: bytes) -> list[Opened | Data | Gone | Pinged]:
        """What the client said, as far as it is whole by now. Raises zlib.error for broken headers."""
        self._unread += data
        found: list[Opened | Data | Gone | Pinged] = []
        while len(self._unread) >= 8:
            first, second = struct.unpack_from(">II", self._unread)
            size, flags = second & 0xFFFFFF, second >> 24
            if len(self._unread) < 8 + size:
                break
            body = bytes(self._unread[8 : 8 + size])
            del self._unread[: 8 + size]
            if not first >> 31:
                found.append(Data(first, body, bool(flags & _FIN)))
            elif (event := self._control(first & 0xFFFF, flags, body)) is not None:
                found.append(event)
        return found

    def _control(self, kind: int, flags: int, body: bytes) -> Opened | Gone | Pinged | None:
        if kind == _SYN_STREAM:
            return Opened(_number(body) & 0x7FFFFFFF, self._headers(body[10:]), bool(flags & _FIN))
        if kind == _RST_STREAM:
            return Gone(_number(body) & 0x7FFFFFFF)
        if kind == _GOAWAY:
            return Gone(0)
        return Pinged(_number(body)) if kind == _PING else None

    def _headers(self, block: bytes) -> dict[str, str]:
        plain = self._inflate.decompress(block)
        words, at = [], 4
        while at < len(plain):
            size = _number(plain[at:])
            words.append(plain[at + 4 : at + 4 + size].decode("latin-1"))
            at += 4 + size
        return dict(zip(words[::2], words[1::2], strict=True))

    def accept(self, stream: int) -> bytes:
        """The answer to a stream that was opened: it is taken."""
        block = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control(_SYN_REPLY, struct.pack(">I", stream) + block)


def data(stream: int, sent: bytes, last: bool = False) -> bytes:
    return struct.pack(">II", stream, (_FIN if last else 0) << 24 | len(sent)) + sent


def reset(stream: int) -> bytes:
    return _control(_RST_STREAM, struct.pack(">II", stream, _CANCEL))


def ping(number: int) -> bytes:
    return _control(_PING, struct.pack(">I", number))


def goodbye(last_stream: int) -> bytes:
    return _control(_GOAWAY, struct.pack(">II", last_stream, 0))


def _control(kind: int, body: bytes) -> bytes:
    return struct.pack(">HHI", 0x8000 | _VERSION, kind, len(body)) + body


def _number(data: bytes) -> int:
    return int.from_bytes(data[:4], "big")
