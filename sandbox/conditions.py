"""``when`` and ``until``: the small part of Jinja's expressions that a gated playbook may use.

expression: literals, registered names, a.b, a['b'], a[0], comparisons, in, and, or, not, parentheses,
filters (| length, default(...), ...) and tests (is defined, is failed, ...).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)|(?P<string>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<op>==|!=|<=|>=|[<>()\[\].,|]))"
)
_MISSING = object()
_WORDS = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None, "null": None}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
_FILTERS: dict[str, Callable[..., Any]] = {
    "length": len,
    "count": len,
    "int": lambda value, default=0: int(value) if str(value).lstrip("-").isdigit() else default,
    "float": float,
    "string": str,
    "bool": lambda value: value is True or str(value).lower() in ("true", "yes", "on", "1"),
    "lower": lambda value: str(value).lower(),
    "upper": lambda value: str(value).upper(),
    "trim": lambda value: str(value).strip(),
    "first": lambda value: value[0],
    "last": lambda value: value[-1],
    "list": list,
    "sum": sum,
    "min": min,
    "max": max,
    "unique": lambda value: list(dict.fromkeys(value)),
}
_TESTS: dict[str, Callable[[Any], bool]] = {
    "none": lambda value: value is None,
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, (int, float)),
    "mapping": lambda value: isinstance(value, Mapping),
    "changed": lambda value: bool(value.get("changed")),
    "failed": lambda value: bool(value.get("failed")),
    "succeeded": lambda value: not value.get("failed"),
    "success": lambda value: not value.get("failed"),
    "skipped": lambda value: bool(value.get("skipped")),
}


class BadCondition(Exception):
    """The condition cannot be read, or names something that is not there."""


def holds(condition: Any, names: Mapping[str, Any]) -> bool:
    """Whether a condition (or each of a list of them) holds. Raises BadCondition."""
    if isinstance(condition, list):
        return all(holds(part, names) for part in condition)
    if isinstance(condition, bool):
        return condition
    parser = _Parser(str(condition), names)
    try:
        value = parser.whole()
    except (TypeError, AttributeError, IndexError, KeyError) as error:
        raise BadCondition(f"The conditional check '{condition}' failed. The error was: {error}") from None
    return bool(_known(value, str(condition)))


def _known(value: Any, text: str) -> Any:
    if value is _MISSING:
        raise BadCondition(f"The conditional check '{text}' failed. The error was: it names something undefined")
    return value


class _Parser:
    """Reads and evaluates in one pass, by precedence: or, and, not, comparison, filter, path."""

    def __init__(self, text: str, names: Mapping[str, Any]) -> None:
        self.text, self.names = text, names
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if not match:
                raise BadCondition(f"cannot read the condition '{text}' at '{text[at:]}'")
            self.tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            at = match.end()
        self.at = 0

    def whole(self) -> Any:
        value = self.either()
        if self.at < len(self.tokens):
            raise BadCondition(f"cannot read the condition '{self.text}' from '{self.tokens[self.at][1]}' on")
        return value

    def either(self) -> Any:
        value = self.both()
        while self.take("or"):
            other = self.both()
            value = _known(value, self.text) or other
        return value

    def both(self) -> Any:
        value = self.negation()
        while self.take("and"):
            other = self.negation()
            # An undefined name behind a false one does no harm: Jinja would not look at it.
            value = _known(value, self.text) and other
        return value

    def negation(self) -> Any:
        if self.take("not"):
            return not _known(self.negation(), self.text)
        return self.comparison()

    def comparison(self) -> Any:
        value = self.filtered()
        while True:
            word = self.peek()
            if word in _COMPARE:
                self.at += 1
                value = _COMPARE[word](_known(value, self.text), _known(self.filtered(), self.text))
            elif word == "in" or (word == "not" and self.peek(1) == "in"):
                self.at += 1 if word == "in" else 2
                value = (_known(value, self.text) in self.filtered()) == (word == "in")
            elif word == "is":
                self.at += 1
                wanted = not self.take("not")
                value = self.test(value) == wanted
            else:
                return value

    def test(self, value: Any) -> bool:
        name = self.next_word()
        if name in ("defined", "undefined"):
            return (value is not _MISSING) == (name == "defined")
        if name not in _TESTS:
            raise BadCondition(f"the test '{name}' in '{self.text}' is not known")
        return _TESTS[name](_known(value, self.text))

    def filtered(self) -> Any:
        value = self.path()
        while self.take("|"):
            name = self.next_word()
            given = self.arguments() if self.peek() == "(" else []
            if name in ("default", "d"):
                value = given[0] if value is _MISSING or (len(given) > 1 and given[1] and not value) else value
            elif name in _FILTERS:
                value = _FILTERS[name](_known(value, self.text), *given)
            else:
                raise BadCondition(f"the filter '{name}' in '{self.text}' is not known")
        return value

    def path(self) -> Any:
        value = self.atom()
        while True:
            if self.take("."):
                kind, word = self.next_token()
                value = _below(value, int(word) if kind == "number" else word)
            elif self.take("["):
                value = _below(value, self.either())
                self.expect("]")
            else:
                return value

    def atom(self) -> Any:
        kind, text = self.next_token()
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "name":
            return _WORDS[text] if text in _WORDS else self.names.get(text, _MISSING)
        if text == "(":
            value = self.either()
            self.expect(")")
            return value
        if text == "[":
            items = []
            while not self.take("]"):
                items.append(self.either())
                self.take(",")
            return items
        raise BadCondition(f"cannot read the condition '{self.text}' at '{text}'")

    def arguments(self) -> list[Any]:
        self.expect("(")
        given = []
        while not self.take(")"):
            given.append(self.either())
            self.take(",")
        return given

    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at][1] if at < len(self.tokens) and self.tokens[at][0] != "string" else ""

    def take(self, text: str) -> bool:
        if self.peek() == text:
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise BadCondition(f"the condition '{self.text}' lacks a '{text}'")

    def next_word(self) -> str:
        return self.next_token()[1]

    def next_token(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise BadCondition(f"the condition '{self.text}' ends too early")
        self.at += 1
        return self.tokens[self.at - 1]


def _below(value: Any, key: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get(key, _MISSING)
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return _MISSING
