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
    """As ``Shared``, for a dict, list or set that changes but whose content nobody ever changes: a clone has one of its
    own, with the very same in it. ``depth``: 2 for a dict of such dicts, and so on."""

    __slots__ = ("depth",)

    def __init__(self, value: Any, kept: Any = None, depth: int = 1) -> None:
        super().__init__(value, kept)
        self.depth = depth


def copied(value: Any, depth: int) -> Any:
    """A copy of a container, and of those in it down to this depth."""
    if depth == 1:
        return value.copy()
    return {key: copied(part, depth - 1) for key, part in value.items()}
