"""What keeps one source from flooding the API with Events about one object.

As client-go's EventSourceObjectSpamFilter does: twenty-five at once, then one in five minutes. What it holds back
counts all the same: the next that passes tells of all there were.
"""

from __future__ import annotations

from typing import Any

from ..shared import Copied

_AT_ONCE = 25.0
_SECONDS = 300.0  # until one more may pass

Key = tuple[str, ...]


class SpamFilter:
    """Knows of each source and object how many more may pass."""

    def __init__(self) -> None:
        self._left: dict[Key, tuple[float, float]] = {}  # how many may pass, and when that was so
        self._held: dict[Key, int] = {}  # how often an Event was held back since it was last written

    def __getstate__(self) -> dict[str, Any]:
        return {"_left": Copied(self._left), "_held": Copied(self._held)}

    def passing(self, source: Key, event: Key, times: int, now: float) -> int:
        """How often the event has come since it was last written, now being one or more (``times``); 0 where it must
        wait. ``now``: in virtual seconds."""
        left, since = self._left.get(source, (_AT_ONCE, now))
        left = min(_AT_ONCE, left + (now - since) / _SECONDS)
        if left < 1.0:
            self._left[source] = (left, now)
            self._held[event] = self._held.get(event, 0) + times
            return 0
        self._left[source] = (max(0.0, left - times), now)
        return times + self._held.pop(event, 0)

    def forget(self, now: float) -> None:
        """Drops what would be as if nothing had ever come."""
        whole = _AT_ONCE * _SECONDS
        self._left = {key: item for key, item in self._left.items() if now - item[1] < whole}
        if not self._left:  # nobody waits to be told of any more
            self._held = {}
