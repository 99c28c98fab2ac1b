"""Faults that come and go while somebody looks: two at a time, one after the other, spreading, clearing by themselves.

A Course says what happens when; ``unfold`` makes it happen on any cluster. What comes after the first report needs
somebody with a clock: ``later(seconds, act)``, such as ``later_on_sandbox`` or ``Timers``.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..systems.rest import Api, ApiError
from ..systems.system import System
from . import experiments
from .fault import LATEST, LIVE, VARIED, CannotInject, Fault, Injected
from .injection import Aim, aim, confirm, heal, reported, strike
from .scene import Scene

Later = Callable[[float, Callable[[], None]], object]

PAIR, LATE, CASCADE, PASSING = KINDS = ("pair", "late", "cascade", "passing")
"""Two faults at once; a second one while the first is being repaired; one that spreads to the callers; one that goes
by itself."""

_AT_ONCE = (VARIED, LATEST, LIVE)  # variants that need no time of their own, so that they can come at any moment
_TRIES = 24
_LONGEST_WAIT, _LOOK_EVERY = 240.0, 3.0


@dataclass(frozen=True)
class Blow:
    """``after``: seconds from the first report on; 0 is before it. ``lasts``: seconds until it goes by itself; 0: it
    stays. ``spreads``: it hits a caller of what the blow before hit."""

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


class Unfolding:
    """A course that has begun. ``injected`` grows as more of it happens; ``missed`` says of what could not, why."""

    def __init__(self, transport: Any, system: System) -> None:
        self._transport, self._system = transport, system
        self.injected: list[Injected] = []
        self.missed: list[str] = []

    @property
    def reports(self) -> tuple[Any, ...]:
        """What was said when it began."""
        return tuple(report for injected in self.injected for report in injected.reports)

    @property
    def right(self) -> str:
        """Handing over, as soon as something came that no repair helps against."""
        return "escalate" if any(item.right == "escalate" for item in self.injected) else "resolve"

    def confirm(self) -> bool:
        """True while any of it shows."""
        return any(confirm(self._transport, injected) for injected in self.injected)

    def heal(self) -> None:
        """Carries out the ground truth of all that has happened."""
        for injected in self.injected:
            heal(self._transport, injected, self._system)

    def withdraw(self) -> None:
        """Ends what presses on the system."""
        for injected in self.injected:
            experiments.withdraw(self._transport, injected)

    def strike(self, target: Aim, rng: random.Random) -> None:
        """One more blow, now. Its target may have been changed meanwhile, or deleted."""
        try:
            self.injected.append(strike(target, rng, wait=False))
        except (ApiError, KeyError) as error:
            self.missed.append(f"{target.fault.name} on {target.damage.workload}: {error}")

    def pass_by(self, injected: Injected) -> None:
        """Somebody else puts right what was wrong."""
        try:
            heal(self._transport, injected, self._system)
        except (ApiError, KeyError) as error:
            self.missed.append(f"the end of {injected.fault} on {injected.workload['name']}: {error}")


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


def unfold(
    plan: Course,
    faults: Sequence[Fault],
    transport: Any,
    system: System,
    rng: random.Random,
    later: Later,
    linger: tuple[float, float] = (5.0, 20.0),
) -> Unfolding:
    """Aims all blows at the healthy system, strikes with the first and waits until it shows; the rest comes by
    ``later``. Raises CannotInject."""
    families = {fault.name: fault for fault in faults}
    api = Api(transport)
    targets = _aimed(plan, families, api, system, rng)
    if any(target.damage.experiments for target in targets):
        experiments.install(api)
    going = Unfolding(transport, system)
    at_once = [target for blow, target in zip(plan.blows, targets, strict=True) if blow.after == 0]
    made = [strike(target, rng) for target in at_once]
    waited = 0.0
    while waited < _LONGEST_WAIT and not all(confirm(transport, item) for item in made):
        transport.sleep(_LOOK_EVERY)
        waited += _LOOK_EVERY
    transport.sleep(rng.uniform(*linger))
    going.injected = [reported(item, api, system, rng) for item in made]
    for blow, target in zip(plan.blows, targets, strict=True):
        if blow.after:
            later(blow.after, partial(going.strike, target, random.Random(rng.getrandbits(64))))
        elif blow.lasts and not target.damage.experiments:
            later(blow.lasts, partial(going.pass_by, going.injected[at_once.index(target)]))
    return going


def later_on_sandbox(sandbox: Any) -> Later:
    """By the sandbox's own clock."""
    return lambda seconds, act: sandbox.clock.after(seconds, act)


class Timers:
    """By the time of this machine, for a real cluster. ``close`` forgets what has not happened yet."""

    def __init__(self) -> None:
        self._timers: list[threading.Timer] = []

    def __call__(self, seconds: float, act: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()


def _blow(rng: random.Random, faults: Sequence[Fault]) -> Blow:
    fitting = [fault for fault in faults if set(_AT_ONCE) & set(fault.variants) and not fault.touches_cluster]
    fault = rng.choice(fitting)
    return Blow(fault.name, rng.choice([variant for variant in fault.variants if variant in _AT_ONCE]))


def _aimed(plan: Course, families: dict[str, Fault], api: Api, system: System, rng: random.Random) -> list[Aim]:
    """A target for each blow: never two on one workload. Raises CannotInject."""
    refusal = CannotInject(f"{system.name} has too few services for a course of {len(plan.blows)} blows")
    for _ in range(_TRIES):
        targets: list[Aim] = []
        try:
            for blow in plan.blows:
                scene = Scene(api, system, _victims(system, blow, targets))
                target = aim(families[blow.fault], scene, rng, blow.variant)
                targets.append(_lasting(target, blow.lasts))
            return targets
        except CannotInject as error:
            refusal = error
    raise refusal


def _victims(system: System, blow: Blow, before: Sequence[Aim]) -> frozenset[str]:
    """Whom a blow may hit: nobody twice. Raises CannotInject where nobody is left."""
    hit = {target.damage.workload for target in before}
    if blow.spreads:
        fitting = {spec.name for spec in system.callers(before[-1].damage.workload)}
    else:
        fitting = {spec.name for spec in system.services}
    left = frozenset(fitting - hit)
    if not left:
        raise CannotInject(f"in {system.name} nobody is left for {blow.fault} to hit")
    return left


def _lasting(target: Aim, seconds: float) -> Aim:
    """Experiments know themselves when their time is up."""
    if not seconds:
        return target
    timed = tuple(
        replace(item, spec={**item.spec, "duration": f"{seconds * 1000:.0f}ms"}) for item in target.damage.experiments
    )
    return replace(target, damage=replace(target.damage, experiments=timed))
