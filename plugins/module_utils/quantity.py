# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubernetes quantities and times as numbers, and ages as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

_UNITS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60}
_QUANTITY = re.compile(r"^([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(?:([eE][+-]?\d+)|([KMGTPE]i|[numkMGTPE]?))$")


def quantity(value: Any) -> float | None:
    """A quantity (``250m``, ``64Mi``, ``1e3``, 2) in its base unit: cores, bytes, pieces. None: not one."""
    match = _QUANTITY.match(str(value).strip())
    if not match:
        return None
    number, exponent, unit = match.groups()
    if exponent:
        return float(number + exponent)
    return float(number) * (_BINARY.get(unit) or _UNITS[unit])


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
