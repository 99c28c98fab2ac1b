"""What clients get from a system's Services, and when that is slow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from .site import Site, Visit

_SLOWER = 3.0  # times the baseline, and
_SLOWER_BY = 0.25  # seconds above it: both, for answers take a few milliseconds and vary


@dataclass(frozen=True)
class Serving:
    """What clients get from one Service port: the worst status, and the seconds that each answer took."""

    status: int
    times: tuple[float, ...] = ()

    @property
    def well(self) -> bool:
        """Whether a client got what it asked for."""
        return 200 <= self.status < 400

    @cached_property
    def seconds(self) -> float:
        """Half of the answers came within this time."""
        return percentile(self.times, 0.5)

    @cached_property
    def tail(self) -> float:
        """Nine in ten came within this time."""
        return percentile(self.times, 0.9)


NOT_SERVED = Serving(0)


def percentile(times: Iterable[float], share: float) -> float:
    """The nearest-rank percentile in seconds; 0 of nothing."""
    ranked = sorted(times)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)] if ranked else 0.0


def asked(
    site: Site, namespace: str, doors: list[tuple[str, int]], samples: int
) -> tuple[dict[tuple[str, int], Serving], Serving]:
    """What each of the ``doors``, (Service, port), serves, and the yardstick.

    Asked in rounds, so that a moment's noise hits all alike, the yardstick too; several at once where the site
    bears it.
    """
    where = [(namespace, *door) for door in doors] + ([site.yardstick] if site.yardstick else [])

    def visit(place: tuple[str, str, int]) -> Visit:
        return site.visit(*place)

    if site.threads > 1:
        with ThreadPoolExecutor(site.threads) as pool:
            rounds = [list(pool.map(visit, where)) for _ in range(samples)]
    else:
        rounds = [[visit(place) for place in where] for _ in range(samples)]
    found = [_serving(series) for series in zip(*rounds, strict=True)]
    return dict(zip(doors, found, strict=False)), found[-1] if site.yardstick else NOT_SERVED


def _serving(visits: Sequence[Visit]) -> Serving:
    worst = max(visits, key=lambda visit: visit.status or 999)
    return Serving(worst.status, tuple(visit.seconds for visit in visits))


def bound(before: Serving, yardstick_before: Serving, yardstick: Serving) -> float:
    """Seconds from which an answer is slow: above the baseline, by more than the yardstick is above its own."""
    usual = yardstick_before.seconds
    pace = max(1.0, yardstick.seconds / usual) if usual else 1.0
    return pace * max(before.seconds * _SLOWER, before.seconds + _SLOWER_BY, before.tail)


def busy(yardstick_before: Serving, yardstick: Serving) -> bool:
    """Whether the machines were so busy that what anybody was served tells nothing."""
    if not yardstick_before.times:
        return False
    return not yardstick.well or yardstick.seconds > bound(yardstick_before, NOT_SERVED, NOT_SERVED)
