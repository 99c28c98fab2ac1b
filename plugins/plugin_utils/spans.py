# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the time of an Episode went, by name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..module_utils.cluster import Answered, Transport

NAMES = ("import", "probe", "write", "gate", "snapshot", "run", "verify", "settle", "undo")
FOREIGN = ("probe", "write", "run", "settle")
"""Spans that are not the product's own cost: reading the cluster, the model, Ansible, waiting."""


@dataclass(frozen=True)
class Block:
    """One stay at a station, with all that ran inside it: ``start`` counts from the beginning, both are seconds."""

    station: str
    start: float
    seconds: float


class Spans:
    """Adds up seconds. Spans nest: time in an inner one does not count for the outer one."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._started = now()
        self._seconds = dict.fromkeys(NAMES, 0.0)
        self._stack: list[str] = []
        self._since = self._started
        self.blocks: list[Block] = []  # those that are over

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Counts the block's time for ``name``."""
        self._switch()
        self._stack.append(name)
        began = self._since
        try:
            yield
        finally:
            self._switch()
            self._stack.pop()
            if not self._stack:
                start = round(began - self._started, 3)
                self.blocks.append(Block(name, start, round(self._since - began, 3)))

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._now() - self._started

    def seconds(self) -> Mapping[str, float]:
        """Each span, ``wall``, and ``own``: the wall time less FOREIGN."""
        self._switch()
        wall = self._now() - self._started
        own = wall - sum(self._seconds[name] for name in FOREIGN)
        return {name: round(value, 3) for name, value in {**self._seconds, "own": own, "wall": wall}.items()}

    def _switch(self) -> None:
        now = self._now()
        if self._stack:
            self._seconds[self._stack[-1]] += now - self._since
        self._since = now


class TimedTransport:
    """A Transport whose waiting counts as ``settle``."""

    def __init__(self, transport: Transport, spans: Spans) -> None:
        self._transport = transport
        self._spans = spans

    def request(self, *args: Any, **options: Any) -> Answered:
        """As the Transport's."""
        return self._transport.request(*args, **options)

    def sleep(self, seconds: float) -> None:
        """As the Transport's."""
        with self._spans("settle"):
            self._transport.sleep(seconds)
