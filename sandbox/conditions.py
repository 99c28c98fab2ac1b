"""``when`` and ``until``: the small part of Jinja's expressions that a gated playbook may use.

expression: literals, registered names, a.b, a['b'], a[0], comparisons, in, and, or, not, parentheses,
filters (| length, default(...), ...) and tests (is defined, is failed, ...).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Value = Callable[[], Any]

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
_WITHIN: Callable[[Any, Any], bool] = lambda part, whole: part in whole  # noqa: E731
_NOT_WITHIN: Callable[[Any, Any], bool] = lambda part, whole: part not in whole  # noqa: E731
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
        return bool(parser.known(parser.whole()))
    except (TypeError, AttributeError, IndexError, KeyError) as error:
        raise BadCondition(f"The conditional check '{condition}' failed. The error was: {error}") from None


class _Parser:
    """Reads by precedence (or, and, not, comparison, filter, path) into functions that give the value when called:
    what stands behind an ``or`` that is decided is never looked at, as in Jinja."""

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

    def whole(self) -> Value:
        value = self.either()
        if self.at < len(self.tokens):
            raise BadCondition(f"cannot read the condition '{self.text}' from '{self.tokens[self.at][1]}' on")
        return value

    def either(self) -> Value:
        parts = [self.both()]
        while self.take("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda: any(self.known(part) for part in parts)

    def both(self) -> Value:
        parts = [self.negation()]
        while self.take("and"):
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else lambda: all(self.known(part) for part in parts)

    def negation(self) -> Value:
        if self.take("not"):
            value = self.negation()
            return lambda: not self.known(value)
        return self.comparison()

    def comparison(self) -> Value:
        value = self.filtered()
        while True:
            word = self.peek()
            if word in _COMPARE:
                self.at += 1
                value = self.compared(value, _COMPARE[word], self.filtered())
            elif word == "in" or (word == "not" and self.peek(1) == "in"):
                self.at += 1 if word == "in" else 2
                value = self.compared(value, _WITHIN if word == "in" else _NOT_WITHIN, self.filtered())
            elif word == "is":
                self.at += 1
                value = self.tested(value, not self.take("not"), self.next_word())
            else:
                return value

    def compared(self, left: Value, compare: Callable[[Any, Any], bool], right: Value) -> Value:
        return lambda: compare(self.known(left), self.known(right))

    def tested(self, value: Value, wanted: bool, name: str) -> Value:
        if name in ("defined", "undefined"):
            return lambda: ((value() is not _MISSING) == (name == "defined")) == wanted
        if name not in _TESTS:
            raise BadCondition(f"the test '{name}' in '{self.text}' is not known")
        return lambda: _TESTS[name](self.known(value)) == wanted

    def filtered(self) -> Value:
        value = self.path()
        while self.take("|"):
            name = self.next_word()
            given = self.arguments() if self.peek() == "(" else []
            value = self.applied(value, name, given)
        return value

    def applied(self, value: Value, name: str, given: list[Value]) -> Value:
        if name in ("default", "d"):
            return lambda: self.defaulted(value(), [part() for part in given])
        if name not in _FILTERS:
            raise BadCondition(f"the filter '{name}' in '{self.text}' is not known")
        return lambda: _FILTERS[name](self.known(value), *(part() for part in given))

    def defaulted(self, value: Any, given: list[Any]) -> Any:
        """``default('x')`` for what is missing; ``default('x', true)`` for what is empty too."""
        if value is _MISSING or (len(given) > 1 and given[1] and not value):
            return given[0] if given else ""
        return value

    def path(self) -> Value:
        value = self.atom()
        while True:
            if self.take("."):
                kind, word = self.next_token()
                value = _inside(value, int(word) if kind == "number" else word)
            elif self.take("["):
                value = _inside(value, self.either()())
                self.expect("]")
            else:
                return value

    def atom(self) -> Value:
        kind, text = self.next_token()
        if kind == "number":
            number = float(text) if "." in text else int(text)
            return lambda: number
        if kind == "string":
            return lambda: re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "name":
            return lambda: _WORDS[text] if text in _WORDS else self.names.get(text, _MISSING)
        if text == "(":
            value = self.either()
            self.expect(")")
            return value
        if text == "[":
            items = []
            while not self.take("]"):
                items.append(self.either())
                self.take(",")
            return lambda: [item() for item in items]
        raise BadCondition(f"cannot read the condition '{self.text}' at '{text}'")

    def known(self, value: Value) -> Any:
        found = value()
        if found is _MISSING:
            raise BadCondition(
                f"The conditional check '{self.text}' failed. The error was: it names something undefined"
            )
        return found

    def arguments(self) -> list[Value]:
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


def _inside(value: Value, key: Any) -> Value:
    return lambda: _below(value(), key)


def _below(value: Any, key: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get(key, _MISSING)
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return _MISSING
