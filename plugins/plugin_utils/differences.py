# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two states of an object, field by field, in the places that people name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from .fieldpaths import ENTRY, Path, merge_key

_LONGEST_VALUE = 60


@dataclass(frozen=True)
class FieldChange:
    """One field; ``None`` stands for not being there. ``path``: ``spec.template.spec.containers[cart].image``."""

    path: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.path}: {shown(self.old)} -> {shown(self.new)}"


def field_changes(old: Any, new: Any, *, without: tuple[str, ...] = ()) -> tuple[FieldChange, ...]:
    """The fields in which two objects differ, less the top-level keys ``without``."""
    return tuple(FieldChange(*found) for found in differing(old, new, without=without))


def differing(
    old: Any, new: Any, path: Path = (), where: str = "", without: tuple[str, ...] = ()
) -> Iterator[tuple[str, Any, Any]]:
    """Place, old and new value of each leaf that differs; entries of a list map stand by their key."""
    if old == new:
        return
    if isinstance(new, Mapping) and isinstance(old, Mapping | None):
        before = old or {}
        for key in [*new, *(key for key in before if key not in new)]:
            if path or key not in without:
                yield from differing(before.get(key), new.get(key), (*path, str(key)), _below(where, str(key)))
        return
    key = merge_key(path)
    if key and all(_entries(items, key) for items in (old or [], new)):
        entries = {item[key]: item for item in old or ()}
        for item in new:
            yield from differing(entries.pop(item[key], None), item, (*path, ENTRY), f"{where}[{item[key]}]")
        for name, item in entries.items():
            yield f"{where}[{name}]", item, None
        return
    if not _is_key(path):
        yield where, old, new


def shown(value: Any) -> str:
    """A value on one line, cut where it is long."""
    if value is None:
        return "nothing"
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n...\n").strip()
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _below(where: str, key: str) -> str:
    if "." in key:
        return f'{where}["{key}"]'
    return f"{where}.{key}" if where else key


def _is_key(path: Path) -> bool:
    """What names an entry of a list map is in the place already."""
    match path:
        case (*above, entry, last):
            return entry == ENTRY and last == merge_key(tuple(above))
    return False


def _entries(items: Any, key: str) -> bool:
    return isinstance(items, list) and all(isinstance(item, Mapping) and key in item for item in items)
