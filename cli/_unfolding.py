# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A course in a running sandbox: what comes later comes as long as this command stays in the foreground."""

from __future__ import annotations

import heapq
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..plugins.module_utils.errors import InputError
from . import _breaking
from ._systems import system_of

if TYPE_CHECKING:
    from ..sandbox.faults.dynamic import Unfolding


class Agenda:
    """What is to come, by the clock of a sandbox at ``speed``: done one after the other by ``run``, in this thread."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._asked = 0
        self._queue: list[tuple[float, int, Callable[[], object]]] = []

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        """``seconds``: virtual ones from now on."""
        self._asked += 1
        heapq.heappush(self._queue, (time.monotonic() + seconds / self._speed, self._asked, act))

    def run(self, after_each: Callable[[], None]) -> None:
        """Until nothing is to come any more."""
        while self._queue:
            due, _, act = heapq.heappop(self._queue)
            time.sleep(max(0.0, due - time.monotonic()))
            act()
            after_each()


def is_course(name: str) -> bool:
    from ..benchmark.courses import COURSES

    return name in COURSES


def unfold_it(
    state: Mapping[str, Any],
    folder: Path,
    kind: str,
    variant: str,
    seed: int,
    report: Callable[[str], None],
    tell: Callable[[str], None],
) -> None:
    """Lets a course begin, ``report``s what somebody says of it, and stays until all has come; ``tell`` hears of that.

    Raises InputError.
    """
    from ..benchmark.courses import COURSES, begin
    from ..sandbox import faults
    from ..sandbox.over_http import HttpTransport

    if variant and variant not in COURSES[kind]:
        raise InputError(f"{kind} has no variant {variant!r}.", f"It has {', '.join(COURSES[kind])}.")
    if state["speed"] <= 0:
        raise InputError("On a sandbox that stands still nothing comes later.", "Start one with a --speed.")
    agenda, rng = Agenda(state["speed"]), random.Random(f"{kind}/{variant}/{seed}")
    transport, system = HttpTransport(state["url"]), system_of(state["system"])
    try:
        going, said = begin(kind, variant or rng.choice(COURSES[kind]), transport, system, rng, agenda.later)
    except faults.CannotInject as error:
        raise InputError(f"{error}.", "Try another --seed or --variant, or start another --system.") from None
    _breaking.keep(folder, going.injected)
    report(_breaking.kept_report(folder, said))
    told = dict.fromkeys(_lines(going))

    def look() -> None:
        _breaking.keep(folder, going.injected[sum(line.startswith("now ") for line in told) :])
        _breaking.unkeep(folder, going.passed)
        for line in _lines(going):
            if line not in told:
                told[line] = None
                tell(line)

    agenda.run(look)


def _lines(going: Unfolding) -> list[str]:
    """What has come of a course by now, in words: a line for each thing."""
    return [
        *(f"now {item.fault} on {item.workload['name']}" for item in going.injected),
        *(f"could not come: {what}" for what in going.missed),
        *(f"did not spread, as its cause was over: {what}" for what in going.averted),
        *(f"passed: {item.fault} on {item.workload['name']}" for item in going.passed),
    ]
