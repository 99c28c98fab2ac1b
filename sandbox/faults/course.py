"""Courses: what goes wrong when, and drawing one at random.

A Course says what happens; ``dynamic.unfold`` makes it happen on any cluster.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .fault import LATEST, LIVE, VARIED, Fault

PAIR, LATE, CASCADE, PASSING = KINDS = ("pair", "late", "cascade", "passing")
"""Two faults at once; a second one while the first is being repaired; one that spreads to the callers; one that goes
by itself."""

AT_ONCE = (VARIED, LATEST, LIVE)
"""Variants that need no time of their own, so that they can come at any moment."""


@dataclass(frozen=True)
class Blow:
    """``after``: seconds from the first report on; 0 is before it. ``lasts``: seconds until it goes by itself; 0: it
    stays. ``spreads``: it hits a caller of what the blow before hit, where that one still presses, and whatever Pods
    the caller gets, until that one has ended: only then does the caller recover."""

    fault: str
    variant: str
    after: float = 0.0
    lasts: float = 0.0
    spreads: bool = False


@dataclass(frozen=True)
class Course:
    """What happens, in order of time."""

    kind: str
    blows: tuple[Blow, ...]


def course(rng: random.Random, faults: Sequence[Fault], kind: str = "") -> Course:
    """A random course of a kind, or of any. Moments, strengths and durations are the rng's."""
    kind = kind or rng.choice(KINDS)
    if kind == CASCADE:
        pressing = [fault for fault in faults if VARIED in fault.variants]
        fault = rng.choice(pressing)
        steps = [0.0]
        for _ in range(rng.choice((1, 1, 2))):
            steps.append(round(steps[-1] + rng.uniform(10, 60), 3))
        return Course(kind, tuple(Blow(fault.name, VARIED, at, spreads=at > 0) for at in steps))
    first = _blow(rng, faults)
    if kind == PASSING:
        return Course(kind, (replace(first, lasts=round(rng.uniform(20, 180), 3)),))
    moment = 0.0 if kind == PAIR else round(rng.uniform(5, 90), 3)
    return Course(kind, (first, replace(_blow(rng, faults), after=moment)))


def _blow(rng: random.Random, faults: Sequence[Fault]) -> Blow:
    fitting = [fault for fault in faults if set(AT_ONCE) & set(fault.variants) and not fault.touches_cluster]
    fault = rng.choice(fitting)
    return Blow(fault.name, rng.choice([variant for variant in fault.variants if variant in AT_ONCE]))
