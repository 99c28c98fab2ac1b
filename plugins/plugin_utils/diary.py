# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When what happened in an Episode, what was ordered, and by which versions: what a later reader wants to know beside
what came of it.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .spans import Block, Spans
from .wishes import Tell

MOST_LINES = 500
"""Lines of progress that are kept; an Episode of three attempts has about 40."""
_PACKAGES = ("ansible-core", "kubernetes", "ansible-lint")


@dataclass(frozen=True)
class Told:
    """A line of progress, ``at`` seconds after the Episode began."""

    at: float
    station: str
    attempt: int
    text: str


@dataclass(frozen=True)
class Record:
    """``started``: the controller's time, RFC 3339. ``order``: options by name, without the connection."""

    started: str
    order: Mapping[str, Any]
    versions: Mapping[str, str]
    blocks: tuple[Block, ...]
    told: tuple[Told, ...]


@dataclass
class Diary:
    """Keeps what is told, with the moment."""

    spans: Spans
    started: str
    told: list[Told] = field(default_factory=list)
    order: dict[str, Any] = field(default_factory=dict)

    def hear(self, tell: Tell) -> None:
        """Keeps a line; beyond MOST_LINES none."""
        if len(self.told) < MOST_LINES:
            self.told.append(Told(round(self.spans.elapsed(), 3), tell.station, tell.attempt, tell.text))

    def record(self) -> Record:
        """What is known by now."""
        return Record(self.started, dict(self.order), versions(), tuple(self.spans.blocks), tuple(self.told))


def versions() -> dict[str, str]:
    """Of Python and of the packages that an Episode leans on; ``none`` for one that is not there."""
    from importlib import metadata  # takes milliseconds, which are not to be spent before the Episode

    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "none"
    return found


def without_credentials(model: str) -> str:
    """The model option; of an address only what names the server."""
    if "://" not in model:
        return model
    try:
        parts = urlsplit(model)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that is none"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
