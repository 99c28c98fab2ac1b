"""How Chaos Mesh writes times, sizes and rates."""

from __future__ import annotations

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_STEPS = "bkmgt"


def seconds(duration: str) -> float:
    """A duration as Go writes it, such as 1m30s or 200ms."""
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)(ns|us|µs|ms|s|m|h)", duration))


def size(text: str, of: float) -> float:
    """Bytes of a size such as 256MB, 1280MiB or 50%, which is a share of ``of``. Raises ValueError."""
    match = re.fullmatch(r"([\d.]+) *(%|[kmgt]?i?b?)", text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is no size: write it like 256MB, 1280MiB or 50%")
    number, unit = float(match[1]), match[2] or "b"
    if unit == "%":
        return number / 100 * of
    return number * float((1024 if "i" in unit else 1000) ** _STEPS.index(unit[0]))


def rate(text: str) -> float:
    """Bytes a second of a rate as tc takes it: mbps are bytes, mbit are bits. Raises ValueError."""
    match = re.fullmatch(r"(\d+) *([kmgt]?)(bit|bps)", text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is no rate: write it like 2mbps or 512kbit")
    number = float(match[1]) * float(1000 ** _STEPS.index(match[2] or "b"))
    return number / 8 if match[3] == "bit" else number
