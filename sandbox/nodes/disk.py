"""Disks: how long a program's writes to a volume take while a chaos layer lies over it, and whether they fail.

The kernel lets one write to a file at a time, so a slow file is a queue: the system's own requests stand in it too,
and when they come faster than the file takes them, the queue grows for as long as the strain lasts. Measured on a real
cluster (5 s on half of the operations): a request that appends one line takes 0, 5 or 10 s, for the kernel asks for the
file's size before it writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..controllers.world import World
from .link import Link
from .run import ContainerRun, PodRun

_ASKED_FIRST = 1  # operations before the program's own: the size of a file that is appended to
_PATIENCE = 2.0  # seconds after which a visitor gives a request up, and comes again later
_LONGEST_QUEUE = 900.0  # seconds; by then callers have long given up, and more would tell nobody anything


@dataclass
class _Queue:
    seconds: float = 0.0  # of work that waits
    at: float = 0.0  # when that was true, in virtual seconds


class Disks:
    """The queues of files under a strain."""

    def __init__(self, world: World, link: Link) -> None:
        self._world, self._link = world, link
        self._queues: dict[tuple[str, str, str], _Queue] = {}

    @property
    def queued(self) -> bool:
        """Whether there is a queue anywhere."""
        return bool(self._queues)

    def write(
        self, run: PodRun, item: ContainerRun, path: str, operations: int, rate_of: Callable[[PodRun], float]
    ) -> tuple[float, bool]:
        """(seconds, whether all went well) of the operations of one request on a file, while ``rate_of`` the Pod
        says how many requests a second use it."""
        strains = self._world.strains.on_volume(run.uid, item.name, path)
        key = (run.uid, item.name, path)
        if not strains:
            self._queues.pop(key, None)
            return 0.0, True
        operations += _ASKED_FIRST
        mean = operations * sum(strain.disk_delay * strain.disk_share for strain in strains)
        rate = _slowed(rate_of(run), mean)
        queue, now = self._queues.setdefault(key, _Queue(at=self._world.clock.elapsed)), self._world.clock.elapsed
        queue.seconds = min(_LONGEST_QUEUE, max(0.0, queue.seconds + (rate * mean - 1) * (now - queue.at)))
        queue.at = now
        took = 0.0
        for _ in range(operations):
            for strain in strains:
                if strain.disk_share < 1 and self._link.throw() >= strain.disk_share:
                    continue
                if strain.disk_error:
                    return queue.seconds + took, False
                took += strain.disk_delay
        waited = queue.seconds
        if not waited and self._link.throw() < rate * mean:  # somebody else's write is under way
            waited = self._link.throw() * max(strain.disk_delay for strain in strains)
        queue.seconds = min(_LONGEST_QUEUE, queue.seconds + took)
        return waited + took, True

    def begin(self, run: PodRun, item: ContainerRun) -> None:
        """A strain was put or taken: queues begin empty from here."""
        for _name, _, path in item.settings.files() if item.settings else ():
            key = (run.uid, item.name, path)
            self._queues.pop(key, None)
            if self._world.strains.on_volume(run.uid, item.name, path):
                self._queues[key] = _Queue(at=self._world.clock.elapsed)

    def forget(self, uid: str) -> None:
        for key in [key for key in self._queues if key[0] == uid]:
            del self._queues[key]


def _slowed(rate: float, seconds: float) -> float:
    """Requests a second of visitors who wait for an answer, as long as they have patience, before they ask again."""
    return rate / (1 + rate * min(seconds, _PATIENCE))
