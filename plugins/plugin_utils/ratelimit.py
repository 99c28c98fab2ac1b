# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How often a target may be tried within an hour."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ..module_utils.errors import Refused

WINDOW = timedelta(hours=1)


def admit(attempts: Iterable[datetime], now: datetime, limit: int, target: str) -> tuple[datetime, ...]:
    """The attempts of the last hour with this one; Refused when there were ``limit`` already."""
    recent = tuple(sorted(moment for moment in attempts if moment > now - WINDOW))
    if len(recent) >= limit:
        again = recent[len(recent) - limit] + WINDOW
        raise Refused(
            f"{target} was tried {len(recent)} times within the last hour; {limit} are allowed.",
            f"Try again after {again:%H:%M} UTC, or raise ceilings.attempts_per_hour in the policy.",
        )
    return (*recent, now)
