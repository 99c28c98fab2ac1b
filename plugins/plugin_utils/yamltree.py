# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""YAML to plain trees with line numbers, refusing what hides or surprises.

Refused: duplicate keys, tags, anchors, aliases, merge keys, several documents, keys that are not
plain strings, values that JSON does not have, and template markers of any kind.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from .playbook import Finding

Where = tuple[str | int, ...]

MAX_CHARACTERS = 65536
MAX_DEPTH = 40
MARKERS = ("{{", "{%", "{#", "#jinja2:")

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?(0|[1-9][0-9_]*|0[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+)")
_BOOL = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


@dataclass(frozen=True)
class Tree:
    """A document as plain Python values, and where each value stands (1-based lines)."""

    data: Any
    lines: Mapping[Where, int]

    def line(self, where: Where) -> int:
        """The line of a place, or of the nearest place above it that has one."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 0)


def read_yaml(text: str) -> Tree | tuple[Finding, ...]:
    """One document, or all that is wrong with it."""
    if len(text) > MAX_CHARACTERS:
        return (Finding("yaml.size", "the text", f"it has {len(text)} characters; {MAX_CHARACTERS} are allowed"),)
    try:
        found = list(_surprises(text))
        if found:
            return tuple(found)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        return (_syntax(error),)
    except (RecursionError, ValueError) as error:  # the C parser recurses; a bad \U escape is a ValueError
        return (Finding("yaml.syntax", "the text", f"it cannot be read ({type(error).__name__})"),)
    if root is None:
        return (Finding("yaml.empty", "the text", "there is nothing in it"),)
    reader = _Reader()
    data = reader.value(root, ())
    return tuple(reader.findings) if reader.findings else Tree(data, reader.lines)


def place(where: Where) -> str:
    """A place as people write it: tasks[0].kubernetes.core.k8s.definition."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the top"


def _syntax(error: yaml.YAMLError) -> Finding:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return Finding("yaml.syntax", "the text", str(problem).splitlines()[0], mark.line + 1 if mark else 0)


def _surprises(text: str) -> Iterator[Finding]:
    """What must be seen before nodes are composed: aliases are already resolved in nodes."""
    documents = depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents == 2:
                yield Finding("yaml.documents", "the text", "a second document begins; one is allowed", line)
            if event.tags:
                yield Finding("yaml.tag", "the text", "a %TAG directive is not allowed", line)
        elif isinstance(event, yaml.AliasEvent):
            yield Finding("yaml.alias", "the text", f"the alias *{event.anchor} is not allowed", line)
        elif isinstance(event, yaml.NodeEvent):
            if event.anchor is not None:
                yield Finding("yaml.anchor", "the text", f"the anchor &{event.anchor} is not allowed", line)
            tag = getattr(event, "tag", None)
            if tag is not None:
                yield Finding("yaml.tag", "the text", f"the tag {tag} is not allowed", line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                yield Finding("yaml.depth", "the text", f"it is nested deeper than {MAX_DEPTH} levels", line)
                return
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Reader:
    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.lines: dict[Where, int] = {}

    def value(self, node: yaml.Node, where: Where) -> Any:
        self.lines[where] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*where, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, where)

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            here = (*where, key) if isinstance(key, str) else where
            self.lines[here] = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or not isinstance(key, str):
                self._object("yaml.key", where, "a key that is a list or a mapping is not allowed", key_node)
                continue
            if key_node.tag == "tag:yaml.org,2002:merge":
                self._object("yaml.merge-key", where, "the merge key << is not allowed", key_node)
                continue
            if not key_node.tag.endswith(":str") and key_node.tag.rpartition(":")[2] not in (
                "int",
                "float",
                "bool",
                "timestamp",
                "value",
            ):
                self._object("yaml.key", where, f"the key {key!r} is not a string", key_node)
                continue
            if key in tree:
                self._object("yaml.duplicate-key", here, f"the key {key!r} is there twice", key_node)
                continue
            self._text(key, here, key_node)
            tree[key] = self.value(value_node, here)
            self.lines[here] = key_node.start_mark.line + 1
        return tree

    def _scalar(self, node: yaml.Node, where: Where) -> Any:
        kind, text = node.tag.rpartition(":")[2], node.value
        if kind == "null":
            return None
        if kind == "bool":
            return _BOOL[text.lower()]
        if kind == "int" and _INT.fullmatch(text):
            return _integer(text)
        if kind == "float" and ":" not in text:
            number = float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
            if not math.isfinite(number):
                self._object("yaml.number", where, f"{text} is no number that JSON has", node)
            return number
        # YAML 1.1 would also make dates and base-60 numbers (12:30) of these; nobody who writes a
        # manifest means that.
        self._text(text, where, node)
        return text

    def _text(self, text: str, where: Where, node: yaml.Node) -> None:
        marker = next((marker for marker in MARKERS if marker in text.lower()), None)
        if marker:
            self._object("yaml.template", where, f"the template marker {marker} is not allowed", node)
        if any((ord(letter) < 32 and letter not in "\t\n\r") or 0xD800 <= ord(letter) < 0xE000 for letter in text):
            self._object("yaml.character", where, "a control character is not allowed", node)

    def _object(self, rule: str, where: Where, what: str, node: yaml.Node) -> None:
        self.findings.append(Finding(rule, place(where), what, node.start_mark.line + 1))


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    sign, body = (-1, digits[1:]) if digits[0] == "-" else (1, digits.lstrip("+"))
    if body.startswith(("0x", "0b")):
        return sign * int(body, 0)
    return sign * int(body, 8 if body.startswith("0") and body != "0" else 10)
