# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Our own re-emit of a checked tree: the only text that ever runs.

Strings are double-quoted ASCII and tagged ``!unsafe``, so that Ansible never templates them;
``when``, ``until`` and ``register``, which were checked, stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_RESOLVER: Any = yaml.resolver.Resolver()
_LIVE = frozenset({"when", "until", "register"})
_SHAPES = frozenset({"block", "rescue"})


def emit(name: str, tasks: tuple[Mapping[str, Any], ...]) -> tuple[str, tuple[int, ...]]:
    """The text of a playbook, and for each of its lines the index of the task it belongs to (-1: none)."""
    head = [
        "---",
        f"- name: {_literal(name)}",
        "  hosts: localhost",
        "  connection: local",
        "  gather_facts: false",
        "  tasks:" if tasks else "  tasks: []",
    ]
    lines, owners = head, [-1] * len(head)
    for index, task in enumerate(tasks):
        emitted = list(_task(task, 6))
        lines += emitted
        owners += [index] * len(emitted)
    return "\n".join(lines) + "\n", tuple(owners)


def quote(text: str) -> str:
    """A double-quoted YAML scalar in ASCII."""
    return '"' + "".join(_letter(letter) for letter in text) + '"'


def _letter(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    code = ord(letter)
    if 32 <= code < 127:
        return letter
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def _task(task: Mapping[str, Any], indent: int) -> Iterator[str]:
    first = True
    for key, value in sorted(task.items(), key=lambda pair: pair[0] != "name"):  # ansible-lint: names come first
        pad = " " * (indent - 2) + "- " if first else " " * indent
        first = False
        if key in _SHAPES:
            yield f"{pad}{key}:"
            for inner in value:
                yield from _task(inner, indent + 4)
        else:
            yield from _entry(key, value, pad, indent, live=key in _LIVE)


def _entry(key: str, value: Any, pad: str, indent: int, live: bool = False) -> Iterator[str]:
    label = key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS else quote(key)
    if isinstance(value, Mapping) and value:
        yield f"{pad}{label}:"
        for inner, item in value.items():
            yield from _entry(inner, item, " " * (indent + 2), indent + 2, live)
    elif isinstance(value, (list, tuple)) and value:
        yield f"{pad}{label}:"
        yield from _items(value, indent + 2, live)
    else:
        yield f"{pad}{label}: {_scalar(value, live)}"


def _items(items: list[Any] | tuple[Any, ...], indent: int, live: bool) -> Iterator[str]:
    for item in items:
        pad = " " * indent + "- "
        if isinstance(item, Mapping) and item:
            for key, value in item.items():
                yield from _entry(key, value, pad, indent + 2, live)
                pad = " " * (indent + 2)
        elif isinstance(item, (list, tuple)) and item:
            yield " " * indent + "-"
            yield from _items(item, indent + 2, live)
        else:
            yield f"{pad}{_scalar(item, live)}"


def _scalar(value: Any, live: bool) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str):
        return quote(value) if live else _literal(value)
    return "{}" if isinstance(value, Mapping) else "[]"


def _literal(text: str) -> str:
    """A string that Ansible takes as it is.

    Ansible resolves what stands behind ``!unsafe`` although it is quoted: "007" would become 7.
    Such texts (numbers, words like yes, dates) have no room for a template, so they need no tag.
    """
    plain = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False)).endswith(":str")
    return f"!unsafe {quote(text)}" if plain else quote(text)


def _float(value: float) -> str:
    """YAML 1.1 wants a dot in every float, and a sign in its exponent."""
    text = repr(value)
    mantissa, exponent, power = text.partition("e")
    if exponent:
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{power if power[0] in '+-' else '+' + power}"
    return text
