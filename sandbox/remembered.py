"""What was worked out from a thing that nobody ever changes, such as a part of a stored object: kept with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_KEPT = 1024


class Remembered(Generic[T]):
    """Calls ``work`` once for the very same thing, as long as no more than ``most`` others came in between. Another
    thing is another one, even where it is equal."""

    def __init__(self, work: Callable[[Any], T], most: int = _KEPT) -> None:
        self._work, self._most = work, most
        self._known: dict[int, tuple[Any, T]] = {}  # id of the thing, which so stays -> the thing, what came of it

    def __call__(self, thing: Any) -> T:
        known = self._known.get(id(thing))
        if known is not None and known[0] is thing:
            return known[1]
        made = self._work(thing)
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[id(thing)] = (thing, made)
        return made
