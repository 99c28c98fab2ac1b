# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text from outside, made fit for a page: nothing invisible in it, of bounded length, and YAML in colours.

Escaping is not done here: the template escapes all that it prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Pieces = list[tuple[str, str]]
"""Text in pieces, each with its class: key, tag, text, value, note, or none."""

_YAML = re.compile(
    r"(?P<indent>[ ]*(?:-[ ]+)*)(?P<key>(?:\"(?:[^\"\\]|\\.)*\"|[^\s:#\"'\[\]{}][^:#]*):(?=[ ]|$))?(?P<gap>[ ]*)"
    r"(?P<tag>![a-z]+(?=[ ]|$))?(?P<rest>.*)"
)
_DIFF = {"+": "new", "-": "old", "@": "note", "#": "note", "+++": "note", "---": "note"}


def visible(value: Any) -> Any:
    """Plain data with each string such that a reader sees all of it: controls, bidi and the like by name."""
    if isinstance(value, str):
        return "\n".join(map(_visible, value.replace("\r\n", "\n").split("\n")))
    if isinstance(value, Mapping):
        return {_visible(str(key)): visible(item) for key, item in value.items()}
    if isinstance(value, list):
        return [visible(item) for item in value]
    return value


def cut(text: str, limit: int, where: str) -> str:
    """At most ``limit`` characters, and how many more are ``where``."""
    left = len(text) - limit
    return text if left <= 0 else f"{text[:limit].rstrip()} … {left:,} more characters in {where}"


def yaml_pieces(text: str) -> Pieces:
    """YAML in pieces. Only for colour: a line that is read wrongly is shown all the same."""
    return list(_joined(piece for line in text.splitlines(keepends=True) for piece in _yaml_line(line)))


def diff_pieces(text: str) -> Pieces:
    """A unified diff in pieces, by the first character of a line."""
    return list(
        _joined((_DIFF.get(line[:3], _DIFF.get(line[:1], "")), line) for line in text.splitlines(keepends=True))
    )


def _visible(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() or char == "\t" else _named(ord(char)) for char in line)


def _named(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)  # the pictures of control characters, as for ␛
    return "�" if 0xD800 <= code < 0xE000 else f"⟨U+{code:04X}⟩"


def _yaml_line(line: str) -> Iterator[tuple[str, str]]:
    if line.lstrip().startswith(("#", "---")):
        yield "note", line
        return
    found = _YAML.match(line)
    if found is None:
        yield "", line
        return
    yield "", found["indent"]
    yield "key", found["key"] or ""
    yield "", found["gap"]
    yield "tag", found["tag"] or ""
    rest = line[found.end("tag") if found["tag"] else found.end("gap") :]
    yield ("text" if rest.lstrip().startswith(('"', "'")) else "value"), rest


def _joined(pieces: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Without empty pieces, neighbours of one class together."""
    kind, held = "", ""
    for name, text in pieces:
        if name != kind and held:
            yield kind, held
            held = ""
        if text:
            kind, held = (name, held + text) if held else (name, text)
    if held:
        yield kind, held
