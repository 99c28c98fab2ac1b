"""The virtual clock: time passes only when somebody advances it, and whatever is due then runs in order."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_TOO_MANY_AT_ONCE = 200_000


class Event:
    """Something that is to happen; ``cancel()`` makes it not happen."""

    __slots__ = ("cancelled", "fn")

    def __init__(self, fn: Callable[[], object]) -> None:
        self.fn = fn
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """Virtual time in whole microseconds since ``start``. Events due at the same instant run in the order
    in which they were asked for, so that a run repeats exactly."""

    def __init__(self, start: datetime) -> None:
        self.start = start.astimezone(UTC)
        self._micros = 0
        self._asked = 0
        self._queue: list[tuple[int, int, Event]] = []
        self._running = False
        self._stamp: tuple[int, str] = (-1, "")

    @property
    def now(self) -> datetime:
        return self.start + timedelta(microseconds=self._micros)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._micros / 1e6

    def stamp(self) -> str:
        """Now as the API server writes times: RFC 3339 in whole seconds."""
        second = self._micros // 1_000_000
        if self._stamp[0] != second:
            self._stamp = (second, f"{self.now.isoformat()[:19]}Z")
        return self._stamp[1]

    def stamp_of(self, timestamp: float) -> str:
        """A moment (seconds since 1970) as the API server writes times."""
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def micro_stamp(self) -> str:
        """Now as a MicroTime (Lease, Event)."""
        return self.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def at(self, when: datetime, fn: Callable[[], object]) -> Event:
        """Runs ``fn`` at ``when``; a moment that has passed means now."""
        return self._push(round((when - self.start).total_seconds() * 1e6), fn)

    def after(self, seconds: float, fn: Callable[[], object]) -> Event:
        """Runs ``fn`` in ``seconds``; 0 means within the current instant, after what is already due."""
        return self._push(self._micros + round(seconds * 1e6), fn)

    def advance(self, seconds: float) -> None:
        """Lets ``seconds`` pass, running everything that falls due, each at its own moment."""
        if self._running:
            raise RuntimeError("the clock cannot be advanced from inside an event: use after() instead")
        self._run_until(self._micros + max(0, round(seconds * 1e6)))

    def settle(self) -> None:
        """Runs what is due now. Inside an event it does nothing: the outer run goes on by itself."""
        if not self._running:
            self._run_until(self._micros)

    def next_due(self) -> float | None:
        """Seconds until the next event, or None when nothing is planned."""
        while self._queue and self._queue[0][2].cancelled:
            heapq.heappop(self._queue)
        return (self._queue[0][0] - self._micros) / 1e6 if self._queue else None

    def planned(self) -> list[tuple[float, str]]:
        """What is going to happen, in order: at how many seconds since the start, and the name of its code."""
        waiting = sorted((*item[:2], item[2].fn) for item in self._queue if not item[2].cancelled)
        return [(micros / 1e6, str(getattr(fn, "__qualname__", fn))) for micros, _, fn in waiting]

    def _push(self, micros: int, fn: Callable[[], object]) -> Event:
        event = Event(fn)
        self._asked += 1
        heapq.heappush(self._queue, (max(micros, self._micros), self._asked, event))
        return event

    def _run_until(self, end: int) -> None:
        self._running = True
        at_once = 0
        try:
            while self._queue and self._queue[0][0] <= end:
                micros, _, event = heapq.heappop(self._queue)
                if event.cancelled:
                    continue
                at_once = at_once + 1 if micros == self._micros else 0
                if at_once > _TOO_MANY_AT_ONCE:
                    raise RuntimeError(f"events without end at {self.now.isoformat()}: last was {event.fn!r}")
                self._micros = micros
                event.fn()
            self._micros = end
        finally:
            self._running = False
