# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much of each thing the page of an Episode shows, so that it stays small whatever an Episode brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .html_text import cut

EPISODE = "episode.json"


@dataclass(frozen=True)
class Room:
    """Numbers of things, and characters of a ``line`` and of a ``block`` of code."""

    attempts: int = 6
    looks: int = 4
    facts: int = 60
    rows: int = 25
    told: int = 160
    line: int = 300
    block: int = 5_000

    def halved(self) -> Room:
        """Half of each, and at least one."""
        return Room(*(max(1, getattr(self, name) // 2) for name in self.__dataclass_fields__))

    def short(self, text: Any, limit: int = 0) -> str:
        """One value of episode.json; its arrows in one piece, so that no line ends within one."""
        return cut(str(text), min(limit or self.line, 3 * self.line), EPISODE).replace(" -> ", " → ")

    def shorts(self, texts: Sequence[Any]) -> list[str]:
        """The first rows of a list, each short."""
        return [self.short(text) for text in texts[: self.rows]]

    def named(self, ref: Mapping[str, Any]) -> str:
        """An object as people call it."""
        return self.short(f"{ref['kind']} {ref['name']}")

    def first(self, items: Sequence[Any], most: int = 0) -> tuple[list[Any], int]:
        """The first rows, at most ``most``, and how many are left."""
        most = min(most or self.rows, self.rows)
        return list(items[:most]), max(0, len(items) - most)
