"""What a copy of a sandbox need not copy (freezing.py)."""

from __future__ import annotations

from typing import Any


class Shared:
    """Wraps, in a class's ``__getstate__``, what nobody ever changes: a clone has the very same, not a copy.
    ``kept``: what is written down instead, where that is less."""

    __slots__ = ("kept", "value")

    def __init__(self, value: Any, kept: Any = None) -> None:
        self.value, self.kept = value, kept


class Copied(Shared):
    """As ``Shared``, for a dict or list that changes but whose content nobody ever changes: a clone has a dict or list
    of its own, with the very same in it."""

    __slots__ = ()
