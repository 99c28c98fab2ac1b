"""managedFields: who set which field, how and when."""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

from .fields import Path, changed, from_tree, item_step, owned_by, to_tree
from .schema import Node
from .status import StatusError

Object = dict[str, Any]


def after_update(
    node: Node, old: Object | None, new: Object, manager: str, time: str, api_version: str, subresource: str = ""
) -> list[Object]:
    """The managedFields of ``new`` after ``manager`` wrote it in another way than by apply."""
    touched, removed = changed(node, _plain(old, subresource), _plain(new, subresource) or {})
    if subresource == "scale" and not (new.get("spec") or {}).get("replicas"):
        touched, removed = set(), removed | touched  # a Scale of zero does not name the field
    entries = list((old or {}).get("metadata", {}).get("managedFields") or ())
    if not touched and not removed:
        return entries
    kept: list[Object] = []
    mine: Object | None = None
    for entry in entries:
        if _is(entry, manager, "Update", subresource):
            mine = entry
            continue
        kept += _without(entry, touched | removed)
    before = from_tree(mine["fieldsV1"]) if mine else frozenset()
    owned = before - removed | touched
    if owned:
        moved = mine is None or bool(touched) or owned != before
        stamp = time if moved or mine is None else mine.get("time", time)
        kept.append(_entry(manager, "Update", stamp, api_version, owned, subresource))
    return in_order(kept)


def after_apply(
    node: Node, live: Object | None, applied: Object, manager: str, time: str, api_version: str, force: bool
) -> tuple[list[Object], set[Path]]:
    """The managedFields after a server-side apply, and the paths to take away: this manager had applied them
    before, leaves them out now, and nobody else owns them. Raises 409 on conflicts unless forced."""
    entries = list((live or {}).get("metadata", {}).get("managedFields") or ())
    owned = owned_by(node, _plain(applied) or {})
    touched, _ = changed(node, _plain(live), _overlaid(live, applied, node))
    before: Set[Path] = frozenset()
    others: list[Object] = []
    for entry in entries:
        if _is(entry, manager, "Apply", ""):
            before = from_tree(entry["fieldsV1"])
        else:
            others.append(entry)
    disputed = {path for path in owned & touched if _is_leaf(path, owned)}
    conflicts = [(entry, sorted(disputed & from_tree(entry["fieldsV1"]))) for entry in others]
    conflicts = [(entry, paths) for entry, paths in conflicts if paths]
    if conflicts and not force:
        raise _conflict(conflicts)
    kept: list[Object] = []
    for entry in others:
        kept += _without(entry, disputed)
    elsewhere = set().union(*(from_tree(entry["fieldsV1"]) for entry in kept)) if kept else set()
    dropped = {path for path in before - owned if path not in elsewhere}
    kept = [left for entry in kept for left in _without(entry, _inside(dropped, elsewhere))]
    old = next((entry for entry in entries if _is(entry, manager, "Apply", "")), None)
    stamp = old["time"] if old and owned == before and not touched else time
    kept.append(_entry(manager, "Apply", stamp, api_version, owned, ""))
    return in_order(kept), dropped


def overlaid(node: Node, live: Any, applied: Any) -> Any:
    """``live`` with every field that ``applied`` names: maps and keyed lists merge, all else is replaced."""
    if isinstance(live, dict) and isinstance(applied, dict) and not node.atomic:
        result = dict(live)
        for key, part in applied.items():
            result[key] = overlaid(node.below(key), live[key], part) if key in live else part
        return result
    if node.shape == "list" and not node.atomic and isinstance(live, list) and isinstance(applied, list):
        item_node = node.item
        assert item_node is not None
        wanted = {item_step(node, item): item for item in applied}
        result_list = []
        for item in live:
            key = item_step(node, item)
            result_list.append(overlaid(item_node, item, wanted.pop(key)) if key in wanted else item)
        return [*result_list, *wanted.values()]
    return applied


def _overlaid(live: Object | None, applied: Object, node: Node) -> Object:
    return _plain(overlaid(node, live or {}, applied)) or {}


def without_paths(node: Node, value: Any, dropped: set[Path]) -> Any:
    """``value`` without the fields at these paths (an inner path goes only when nothing is left in it)."""
    if not dropped:
        return value
    return _prune(node, value, (), dropped)


def _prune(node: Node, value: Any, path: Path, dropped: set[Path]) -> Any:
    if isinstance(value, dict) and not node.atomic:
        result = {}
        for key, part in value.items():
            step = (*path, f"f:{key}")
            kept = _prune(node.below(key), part, step, dropped)
            if step in dropped and (not isinstance(kept, (dict, list)) or not kept or node.below(key).atomic):
                continue
            result[key] = kept
        return result
    if node.shape == "list" and not node.atomic and isinstance(value, list):
        kept_items = []
        for item in value:
            key = item_step(node, item)
            step = (*path, key or "")
            if step in dropped:
                continue
            kept_items.append(_prune(node.item, item, step, dropped) if node.keys and node.item else item)
        return kept_items
    return value


def _plain(obj: Object | None, subresource: str = "") -> Object | None:
    """The part that such a write can change: the status through its subresource, else everything but it."""
    if obj is None:
        return None
    if subresource == "status":
        return {"status": obj["status"]} if "status" in obj else {}
    meta = {key: value for key, value in obj.get("metadata", {}).items() if key != "managedFields"}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": meta}


def _is(entry: Object, manager: str, operation: str, subresource: str) -> bool:
    return (
        entry.get("manager") == manager
        and entry.get("operation") == operation
        and entry.get("subresource", "") == subresource
    )


def _entry(manager: str, operation: str, time: str, api_version: str, owned: Set[Path], subresource: str) -> Object:
    entry: Object = {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": to_tree(owned),
    }
    if subresource:
        entry["subresource"] = subresource
    if subresource != "scale":  # the API server leaves the time out there
        entry["time"] = time
    return entry


def _without(entry: Object, paths: set[Path]) -> list[Object]:
    """The entry without these paths; nothing when it owned nothing else."""
    owned = from_tree(entry["fieldsV1"])
    if owned.isdisjoint(paths):
        return [entry]
    left = owned - paths
    return [{**entry, "fieldsV1": to_tree(left)}] if left else []


def in_order(entries: list[Object]) -> list[Object]:
    """As the server sorts them: appliers first, then by time and name."""
    return sorted(
        entries, key=lambda e: (e["operation"] != "Apply", e.get("time", ""), e["manager"], e.get("subresource", ""))
    )


def _inside(dropped: set[Path], paths: set[Path]) -> set[Path]:
    """Those of the paths that lie in a dropped item of a list: it goes as a whole, with what others set in it."""
    items = {path for path in dropped if path[-1][:2] in ("k:", "v:")}
    return {path for path in paths if any(path[:depth] in items for depth in range(1, len(path)))} if items else set()


def _is_leaf(path: Path, owned: set[Path]) -> bool:
    return not any(len(other) > len(path) and other[: len(path)] == path for other in owned)


def _conflict(conflicts: list[tuple[Object, list[Path]]]) -> StatusError:
    causes = []
    lines = []
    for entry, paths in conflicts:
        who = f'"{entry["manager"]}"'
        if entry.get("subresource"):
            who += f' with subresource "{entry["subresource"]}"'
        using = who if entry["operation"] == "Apply" else f"{who} using {entry['apiVersion']}"
        lines.append((using, [_spelled(path) for path in paths]))
        causes += [
            {"reason": "FieldManagerConflict", "message": f"conflict with {using}", "field": _spelled(path)}
            for path in paths
        ]
    count = len(causes)
    if count == 1:
        text = f"Apply failed with 1 conflict: conflict with {lines[0][0]}: {lines[0][1][0]}"
    else:
        listed = "\n".join(f"conflicts with {using}:\n" + "\n".join(f"- {path}" for path in ps) for using, ps in lines)
        text = f"Apply failed with {count} conflicts: {listed}"
    return StatusError(409, "Conflict", text, {"causes": causes})


def _spelled(path: Path) -> str:
    text = ""
    for step in path:
        if step.startswith("f:"):
            text += f".{step[2:]}"
        elif step.startswith("k:"):
            keys = json.loads(step[2:])
            text += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in keys.items()) + "]"
        else:
            text += f"[={step[2:]}]"
    return text
