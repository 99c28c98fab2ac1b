"""Lines of Evidence up to names and numbers: what two clusters must say alike of the same failure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_MADE = "[bcdfghjklmnpqrstvwxz2456789]"  # the letters of generated names
_RULES = (
    (re.compile(r"^e\d+ "), ""),  # a line's place in the list is not what it says
    (re.compile(r" \(\d+x\)"), ""),  # how often is a number, and once goes without saying
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "ADDRESS"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "ID"),
    (re.compile(rf"-{_MADE}{{6,10}}-{_MADE}{{5}}\b"), "-*"),  # a Deployment's Pod
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?\b"), "TIME"),
    (re.compile(r"\b(?:\d+(?:\.\d+)?(?:ms|h|m|s|d))+(?![\w.])"), "SPAN"),
    (re.compile(r"\d+(?:\.\d+)?"), "N"),
)


def plain(line: str) -> str:
    """The line without what no two clusters share: ids, generated names, addresses, times and numbers."""
    for pattern, instead in _RULES:
        line = pattern.sub(instead, line)
    return line


def alike(one: Sequence[str], other: Sequence[str]) -> tuple[int, int]:
    """(lines that both have, lines in all): of each pair that differs, both lines count."""
    mine, theirs = Counter(map(plain, one)), Counter(map(plain, other))
    return 2 * (mine & theirs).total(), mine.total() + theirs.total()


def only_in(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """The plain lines of ``one`` that ``other`` lacks."""
    return list((Counter(map(plain, one)) - Counter(map(plain, other))).elements())
