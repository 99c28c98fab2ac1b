# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names of objects as users write them in a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .errors import InputError
from .kinds import kind_named


def names_and_kinds(given: Iterable[Any], option: str) -> tuple[tuple[str, str], ...]:
    """Pairs of name and kind (empty where it is not said); InputError names the entry that is neither."""
    found = []
    for number, item in enumerate(given, 1):
        name, kind = (item.get("name"), item.get("kind") or "") if isinstance(item, Mapping) else (item, "")
        if not isinstance(name, str) or not name.strip() or not isinstance(kind, str):
            raise InputError(
                f"Entry {number} of {option} names nothing: {item!r:.80}.", "Give a name, or name and kind."
            )
        found.append((name.strip(), kind_named(kind) or kind.strip()))
    return tuple(found)
