# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an Episode changed, field by field, for its page: by the states on disk, a Plan, or the Episode's own words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from ..module_utils.errors import InputError
from ..module_utils.redact import names_a_secret
from .differences import field_changes
from .html_parts import Document, Part
from .html_room import Room
from .html_text import visible
from .states import AFTER, BEFORE, read_state, side_by_side
from .undo import written

_VALUE = 200  # characters of a field's value


def changed(document: Document, folder: Path, plan: Document | None, room: Room) -> Part:
    """Field by field: what is different now, what was tried and undone, or what a Plan would change."""
    outcome = document["outcome"]
    ran = [item for item in document["attempts"] if item["run"]]
    if document["changed"]:
        last = ran[-1] if ran else (document["attempts"] or [None])[-1]
        rows = _rows(folder, last, room) if last else []
        rows = rows or [{"object": room.named(ref), "field": "", "old": "", "new": ""} for ref in document["changed"]]
        kept, more = room.first(rows)
        if outcome in ("resolved", "running"):
            return {"headline": _count(rows), "tone": "", "rows": kept, "more": more, "struck": False}
        return {"headline": "Changed, and not undone", "tone": "bad", "rows": kept, "more": more, "struck": False}
    if plan is not None and outcome == "planned":
        rows = [row for effect in plan["effects"] for row in _effect(effect, room)]
        kept, more = room.first(rows)
        return {
            "headline": f"Nothing yet. It would change {_count(rows)}",
            "tone": "",
            "rows": kept,
            "more": more,
            "struck": False,
        }
    if ran:
        rows = [row for item in ran for row in _rows(folder, item, room)]
        kept, more = room.first(rows)
        return {
            "headline": "Nothing is left changed: what was tried is undone",
            "tone": "",
            "rows": kept,
            "more": more,
            "struck": True,
        }
    return {"headline": "Nothing was changed", "tone": "", "rows": [], "more": 0, "struck": False}


def _count(rows: list[Part]) -> str:
    objects = list(dict.fromkeys(row["object"] for row in rows))
    fields = f"{len(rows)} field" + "s" * (len(rows) != 1)
    return f"{fields} of {objects[0] if len(objects) == 1 else f'{len(objects)} objects'}"


def _rows(folder: Path, item: Document, room: Room) -> list[Part]:
    """From the states on disk what really changed; without them what the playbook was to change."""
    attempt = folder / f"attempt-{int(item['number'])}"
    try:
        before, after = read_state(attempt / BEFORE), read_state(attempt / AFTER)
    except InputError:
        before = after = None
    if before is None or after is None:
        return [{"object": room.short(line), "field": "", "old": "", "new": ""} for line in item.get("changes", [])]
    rows = []
    for beside in side_by_side(before, after):
        old, new = (written(state) if state else None for state in (beside.before, beside.after))
        if old is None or new is None:
            what = "was not there" if old is None else "there", "created" if old is None else "deleted"
            rows.append({"object": room.short(visible(str(beside.ref))), "field": "", "old": what[0], "new": what[1]})
            continue
        rows += [_row(str(beside.ref), change.path, change.old, change.new, room) for change in field_changes(old, new)]
    return rows


def _effect(effect: Document, room: Room) -> list[Part]:
    what = f"{effect['kind']} {effect['name']}"
    if not effect["fields"]:
        return [{"object": room.short(what), "field": "", "old": "", "new": room.short(effect["verb"], 40)}]
    return [_row(what, field["path"], field["old"], field["new"], room) for field in effect["fields"]]


def _row(what: str, path: str, old: Any, new: Any, room: Room) -> Part:
    secret = isinstance(new, str | None) and any(map(names_a_secret, re.findall(r"[\w-]+", path)))
    hidden = secret and not path.endswith(("Name", "name", "key"))
    return {
        "object": room.short(visible(what)),
        "field": room.short(visible(path)),
        "old": "***" if hidden and old is not None else _value(old, room),
        "new": "***" if hidden and new is not None else _value(new, room),
    }


def _value(value: Any, room: Room) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) and value else yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return room.short(visible(text.removesuffix("\n").removesuffix("\n...")), _VALUE)
