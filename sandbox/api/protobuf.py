"""Reads the few messages that kubectl sends as protobuf; every answer is JSON, which its clients take as well.

The envelope is runtime.Unknown behind the magic bytes ``k8s\\0``; the messages' field numbers are in protobuf.yaml.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

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
    if kind not in _messages():
        raise Unreadable(f"the fields of {kind} are not known")
    return {"kind": kind, "apiVersion": api_version, **_message(kind, _bytes(envelope.get(2, b"")))}


@cache
def _messages() -> dict[str, dict[int, list[str]]]:
    messages: dict[str, dict[int, list[str]]] = yaml.safe_load((Path(__file__).parent / "protobuf.yaml").read_text())
    return messages


def _message(name: str, data: bytes) -> Object:
    known = _messages()[name]
    result: Object = {}
    for number, value in _fields(data):
        if number not in known:
            continue
        field, kind = known[number]
        if kind.startswith("map "):
            entry = dict(_fields(_bytes(value)))
            result.setdefault(field, {})[_text(entry.get(1, b""))] = _value(kind[4:], entry.get(2, b""))
        elif kind.startswith("list "):
            result.setdefault(field, []).append(_value(kind[5:], value))
        else:
            read = _value(kind, value)
            # The empty string and an empty message are how Go writes what is not set.
            if read not in ("", {}):
                result[field] = read
    return result


def _value(kind: str, value: bytes | int) -> Any:
    if kind == "string":
        return _text(value)
    if kind == "bytes":
        return base64.b64encode(_bytes(value)).decode()
    if kind == "bool":
        return bool(value)
    if kind == "int":
        return value
    return _message(kind, _bytes(value))


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
