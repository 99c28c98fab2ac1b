"""Quantities (500m, 64Mi) in the canonical form in which the API server stores them.

The format is described at apimachinery's resource.Quantity: no fraction, the largest suffix that loses nothing.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from functools import lru_cache

PATTERN = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"

_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_SHAPE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+|)")


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """The canonical spelling. Raises ValueError when it is no quantity."""
    number, suffix = _split(text)
    if suffix in _BINARY:
        value = number * 1024 ** _BINARY[suffix]
        if value == value.to_integral_value():
            return _binary(int(value))
        suffix = ""
        number = value
    if suffix[:1] in ("e", "E") and suffix not in _DECIMAL:
        value = number.scaleb(int(suffix[1:]))
        return f"{int(value)}" if value == value.to_integral_value() else _decimal(value)
    return _decimal(number.scaleb(_DECIMAL[suffix]))


@lru_cache(maxsize=4096)
def value_of(text: str) -> Decimal:
    """The number that a quantity stands for. Raises ValueError."""
    number, suffix = _split(text)
    if suffix in _BINARY:
        return number * Decimal(1024 ** _BINARY[suffix])
    if suffix in _DECIMAL:
        return number.scaleb(_DECIMAL[suffix])
    return number.scaleb(int(suffix[1:]))


def _split(text: str) -> tuple[Decimal, str]:
    match = _SHAPE.fullmatch(text)
    if not match:
        raise ValueError(f"quantities must match the regular expression '{PATTERN}'")
    try:
        return Decimal(match[1]), match[2]
    except InvalidOperation:
        raise ValueError("unable to parse quantity's suffix") from None


def _binary(value: int) -> str:
    power = 0
    while value and power < 6 and value % 1024 == 0:
        value //= 1024
        power += 1
    return f"{value}{['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'][power]}"


def _decimal(value: Decimal) -> str:
    if not value:
        return "0"
    exponent = -9
    scaled = value.scaleb(9).to_integral_value(rounding=ROUND_CEILING)
    whole = int(scaled)
    while exponent < 18 and whole % 1000 == 0:
        whole //= 1000
        exponent += 3
    return f"{whole}{_DECIMAL_SUFFIX[exponent]}"
