# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubernetes quantities: 100m, 1.5, 512Mi, 2e3."""

from __future__ import annotations

import re
from decimal import Decimal

_FORM = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d{1,3})|([a-zA-Z]{0,2}))", re.ASCII)
_SCALE = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    **{letter: Decimal(10 ** (3 * power)) for power, letter in enumerate("MGTPE", 2)},
    **{f"{letter}i": Decimal(1024**power) for power, letter in enumerate("KMGTPE", 1)},
}


def parse_quantity(value: object) -> float:
    """The number a quantity stands for, in its unit (cores, bytes); ValueError when it is none.

    Source of the format: apimachinery, resource.Quantity.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{value!r} is not a quantity")
    match = _FORM.fullmatch(str(value))
    scale = _SCALE.get(match.group(3) or "") if match else None
    if match is None or scale is None:
        raise ValueError(f"{value!r} is not a quantity")
    return float(Decimal(match.group(1) + (match.group(2) or "")) * scale)
