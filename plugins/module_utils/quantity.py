# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubernetes quantities and times as numbers, and ages as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

_FORM = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d{1,9})|([KMGTPE]i|[numkMGTPE]?))", re.ASCII)
_SCALE = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{letter: Decimal(10 ** (3 * power)) for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024**power) for power, letter in enumerate("KMGTPE", 1)},
}
_LARGEST = float(2**63 - 1)


def parse_quantity(value: object) -> float:
    """The number a quantity (``250m``, ``64Mi``, ``1e3``, 2) stands for, in its unit (cores, bytes, pieces).

    ValueError when it is none: what is taken for a quantity here and not by the API server would
    pass a ceiling unmeasured. Source of the format: apimachinery, resource.Quantity, which also caps
    numbers at 2**63-1.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{value!r} is not a quantity")
    match = _FORM.fullmatch(str(value))
    if match is None:
        raise ValueError(f"{value!r} is not a quantity")
    number, exponent, unit = match.groups()
    amount = float(number + exponent) if exponent else float(Decimal(number) * _SCALE[unit])
    return max(-_LARGEST, min(amount, _LARGEST))


def quantity(value: object) -> float | None:
    """As ``parse_quantity``; None where there is no quantity."""
    try:
        return parse_quantity(value)
    except ValueError:
        return None


def instant(text: Any) -> datetime | None:
    """An RFC 3339 time of the API server; None where there is none."""
    if not isinstance(text, str) or not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def seconds_between(earlier: Any, later: Any) -> float | None:
    """Seconds from one time to another, both as text; None where one is missing."""
    start, end = instant(earlier), instant(later)
    return (end - start).total_seconds() if start and end else None


def age(seconds: float | None) -> str:
    """``40s``, ``5m``, ``3h``, ``2d``; empty where unknown."""
    if seconds is None:
        return ""
    seconds = max(0.0, seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"
