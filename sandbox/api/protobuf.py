"""Reads what kubectl and other Go clients send as protobuf; every answer is JSON, which they take as well.

The envelope is runtime.Unknown behind the magic bytes ``k8s\\0``; the messages' field numbers are in protobuf.json
(capture_protobuf.py makes it). What Go embeds in JSON is a message of its own in protobuf: the schema tells which.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from .schema import ANY, Node, compiled

Object = dict[str, Any]

_MAGIC = b"k8s\x00"


class Unreadable(Exception):
    """Not the envelope, or a kind whose numbers are not known."""


def decode_protobuf(data: bytes) -> Object:
    """The object as JSON data. Raises Unreadable."""
    if not data.startswith(_MAGIC):
        raise Unreadable("not an enveloped message")
    envelope = dict(_fields(data[len(_MAGIC) :]))
    about = {number: _text(value) for number, value in _fields(envelope.get(1, b""))}
    kind, api_version = about.get(2, ""), about.get(1, "")
    kinds = _document()["kinds"]
    name = kinds.get(f"{api_version}/{kind}") or kinds.get(kind)
    if name is None:
        raise Unreadable(f"the fields of {api_version} {kind} are not known")
    group, _, version = api_version.rpartition("/")
    body = _message(name, _bytes(envelope.get(2, b"")), compiled(group, version, kind))
    return {"kind": kind, "apiVersion": api_version, **body}


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((Path(__file__).parent / "protobuf.json").read_bytes())
    return document


def _message(name: str, data: bytes, node: Node) -> Object:
    known = _document()["messages"][name]
    result: Object = {}
    for number, value in _fields(data):
        if str(number) not in known:
            continue
        field, kind = known[str(number)]
        child = node.below(field)
        if kind.startswith("map "):
            entry = dict(_fields(_bytes(value)))
            result.setdefault(field, {})[_text(entry.get(1, b""))] = _value(
                kind[4:], entry.get(2, b""), child.item or ANY
            )
        elif kind.startswith("list "):
            result.setdefault(field, []).append(_value(kind[5:], value, child.item or ANY))
        elif kind in _document()["messages"] and node.shape == "struct" and field not in node.fields:
            result |= _message(kind, _bytes(value), node)  # embedded: its fields are this one's in JSON
        else:
            read = _value(kind.rstrip("?"), value, child)
            if read not in ("", {}, None) and (read or kind.endswith("?") or type(read) not in (int, bool)):
                result[field] = read
    return result


def _value(kind: str, value: bytes | int, node: Node) -> Any:
    if kind == "string":
        return _text(value)
    if kind == "bytes":
        return base64.b64encode(_bytes(value)).decode()
    if kind == "bool":
        return bool(value)
    if kind == "int":
        return value - 2**64 if isinstance(value, int) and value >= 2**63 else value
    short = kind.rpartition(".")[2]
    if short in _AS_TEXT:
        return _AS_TEXT[short](dict(_fields(value)))
    if short == "ExtraValue":
        return [_text(item) for _, item in _fields(value)]
    return _message(kind, _bytes(value), node)


def _time(fields: dict[int, Any]) -> str | None:
    if not fields.get(1):
        return None
    return datetime.fromtimestamp(fields[1], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(fields: dict[int, Any]) -> str | None:
    if not fields.get(1):
        return None
    moment = datetime.fromtimestamp(fields[1] + fields.get(2, 0) / 1e9, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_AS_TEXT: dict[str, Any] = {
    "Quantity": lambda fields: _text(fields.get(1, b"")),
    "IntOrString": lambda fields: _text(fields.get(3, b"")) if fields.get(1) == 1 else fields.get(2, 0),
    "Time": _time,
    "MicroTime": _micro_time,
    "FieldsV1": lambda fields: json.loads(_bytes(fields.get(1, b"{}"))),
    "RawExtension": lambda fields: json.loads(_bytes(fields.get(1, b"null")) or b"null"),
    "Duration": lambda fields: f"{fields.get(1, 0) / 1e9:g}s",
}


def _fields(data: bytes | int) -> Iterator[tuple[int, bytes | int]]:
    """Numbers and raw values: varints as numbers, all that has a length as bytes."""
    data = _bytes(data)
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
        elif wire == 2:
            size, at = _varint(data, at)
            yield number, data[at : at + size]
            at += size
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise Unreadable(f"wire type {wire}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data):
            raise Unreadable("the message ends too early")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _bytes(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise Unreadable("a number where a message belongs")
    return value


def _text(value: bytes | int) -> str:
    return _bytes(value).decode("utf-8", "replace")
