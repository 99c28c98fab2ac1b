"""Faults that come and go while somebody looks: two at a time, one after the other, spreading, clearing by themselves.

``unfold`` makes a Course happen on any cluster. What comes after the first report needs somebody with a clock:
``later(seconds, act)``, such as ``later_on_sandbox`` or ``Timers``; what it returns has ``cancel()``.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..shared import Shared
from ..systems.rest import Api, ApiError
from ..systems.system import System
from . import experiments
from .course import CASCADE, KINDS, LATE, PAIR, PASSING, Blow, Course, course
from .fault import CannotInject, Fault, Injected
from .injection import Aim, aim, confirm, heal, reported, strike
from .scene import Scene

__all__ = [
    "CASCADE",
    "KINDS",
    "LATE",
    "PAIR",
    "PASSING",
    "Blow",
    "Course",
    "Timers",
    "Unfolding",
    "Written",
    "course",
    "later_on_sandbox",
    "unfold",
]

Object = dict[str, Any]
Later = Callable[[float, Callable[[], object]], Any]

_TRIES = 24
_LONGEST_WAIT, _LOOK_EVERY = 240.0, 3.0


@dataclass(frozen=True)
class Written:
    """One object that the course wrote after it had begun, as it was and as it is; None: it was not there."""

    kind: str
    name: str
    before: Object | None
    after: Object | None


class Unfolding:
    """A course that has begun. ``injected`` grows as more of it happens; ``missed`` says of what could not, why;
    ``averted`` what did not spread, as its cause was over; ``passed`` what somebody else has put right; ``written``
    what the course changed since it began."""

    def __init__(self, transport: Any, system: System, later: Later) -> None:
        self._transport, self._system, self._later = transport, system, later
        self._planned: list[Any] = []
        self.injected: list[Injected] = []
        self.written: list[Written] = []
        self.missed: list[str] = []
        self.averted: list[str] = []
        self.passed: list[Injected] = []

    def __getstate__(self) -> Object:
        return {**vars(self), "_system": Shared(self._system)}

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

    def report(self, rng: random.Random) -> None:
        """Somebody takes stock of what has come so far and reports it all."""
        api = Api(self._transport)
        self.injected = [reported(item, api, self._system, rng) for item in self.injected]

    def heal(self) -> None:
        """Carries out the ground truth of all that has happened."""
        for injected in self.injected:
            heal(self._transport, injected, self._system)

    def withdraw(self) -> None:
        """Ends what presses on the system."""
        for injected in self.injected:
            experiments.withdraw(self._transport, injected)

    def call_off(self) -> None:
        """No blow that has not come yet will come. What has begun goes on: to spread, or to pass."""
        for planned in self._planned:
            planned.cancel()
        self._planned = []

    def plan(self, blow: Blow, target: Aim, rng: random.Random) -> None:
        """One more blow, at its time."""
        if blow.spreads:
            self._later(blow.after, lambda: self._spread(target, rng))
        else:
            self._planned.append(self._later(blow.after, lambda: self._strike(target, rng)))

    def pass_by(self, seconds: float, injected: Injected) -> None:
        """Somebody else will put right what is wrong."""
        self._later(seconds, lambda: self._put_right(injected))

    def _strike(self, target: Aim, rng: random.Random) -> Injected | None:
        """The target may have been changed meanwhile, or deleted."""
        damage, before = target.damage, len(self.injected)
        objects = [(edit.kind, edit.name) for edit in (*damage.edits, *damage.also)]
        objects += [(item["kind"], item["metadata"]["name"]) for item in damage.alongside]
        try:
            self._noting(objects, lambda: self.injected.append(strike(target, rng, wait=False)))
        except (ApiError, KeyError, CannotInject) as error:
            self.missed.append(f"{target.fault.name} on {damage.workload}: {error}")
        return self.injected[before] if len(self.injected) > before else None

    def _put_right(self, injected: Injected) -> None:
        objects = [(edit.kind, edit.name) for edit in injected.edits]
        try:
            self._noting(objects, lambda: heal(self._transport, injected, self._system))
            self.passed.append(injected)
        except (ApiError, KeyError, StopIteration, CannotInject) as error:
            self.missed.append(f"the end of {injected.fault} on {injected.workload['name']}: {error}")

    def _spread(self, target: Aim, rng: random.Random) -> None:
        cause = self.injected[-1]
        if not self._calls(target, cause) or not experiments.presses(Api(self._transport), cause):
            self.averted.append(f"{target.fault.name} to {target.damage.workload}")
            return
        made = self._strike(target, rng)
        if made is not None:
            self._keep_watch(cause, made)

    def _keep_watch(self, cause: Injected, effect: Injected) -> None:
        """Ends the effect soon after its cause has ended."""
        api = Api(self._transport)
        if experiments.presses(api, cause):
            self._later(_LOOK_EVERY, lambda: self._keep_watch(cause, effect))
        else:
            experiments.end(api, effect)

    def _calls(self, target: Aim, callee: Injected) -> bool:
        return target.damage.workload in {spec.name for spec in self._system.callers(callee.workload["name"])}

    def _noting(self, objects: Iterable[tuple[str, str]], write: Callable[[], Any]) -> None:
        """Remembers what ``write`` changes of these objects: it was not a repair that did it."""
        api, space = Api(self._transport), self._system.namespace
        before = {key: api.get(key[0], space, key[1]) for key in objects}
        try:
            write()
        finally:
            after = {key: api.get(key[0], space, key[1]) for key in before}
            self.written += [Written(*key, before[key], after[key]) for key in before]


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
    going = Unfolding(transport, system, later)
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
            going.plan(blow, target, random.Random(rng.getrandbits(64)))
        elif blow.lasts and not target.damage.experiments:
            going.pass_by(blow.lasts, going.injected[at_once.index(target)])
    return going


def later_on_sandbox(sandbox: Any) -> Later:
    """By the sandbox's own clock."""
    return lambda seconds, act: sandbox.clock.after(seconds, act)


class Timers:
    """By the time of this machine, for a real cluster. ``close`` forgets what has not happened yet."""

    def __init__(self) -> None:
        self._timers: list[threading.Timer] = []

    def __call__(self, seconds: float, act: Callable[[], None]) -> threading.Timer:
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()
        return timer

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()


def _aimed(plan: Course, families: dict[str, Fault], api: Api, system: System, rng: random.Random) -> list[Aim]:
    """A target for each blow: never two on one workload. Raises CannotInject."""
    refusal = CannotInject(f"{system.name} has too few services for a course of {len(plan.blows)} blows")
    for _ in range(_TRIES):
        targets: list[Aim] = []
        try:
            for blow in plan.blows:
                scene = Scene(api, system, _victims(system, blow, targets))
                target = aim(families[blow.fault], scene, rng, blow.variant)
                targets.append(_adapted(target, blow))
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


def _adapted(target: Aim, blow: Blow) -> Aim:
    """Experiments know themselves when their time is up, and those that spread press on new Pods too."""
    made = target.damage.experiments
    if blow.lasts:
        made = tuple(replace(item, spec={**item.spec, "duration": f"{blow.lasts * 1000:.0f}ms"}) for item in made)
    if blow.spreads:
        made = tuple(replace(item, follow=True) for item in made)
    return (
        target
        if made == target.damage.experiments
        else replace(target, damage=replace(target.damage, experiments=made))
    )
