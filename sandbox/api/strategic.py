"""Strategic merge patch: lists merge by the keys that the schema names, and $-directives say the rest.

Its rules are described in the Kubernetes API conventions (strategic merge patch).
"""

from __future__ import annotations

from typing import Any

from .schema import ANY, Node
from .status import StatusError

Object = dict[str, Any]


class Unfit(Exception):
    """The patch does not fit the type; the text is Go's."""


def strategic_merge(node: Node, target: Any, patch: Object) -> Any:
    """The target as the patch makes it. Raises Unfit, or a 500 for a list item without its merge key."""
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    result: Object = dict(target) if isinstance(target, dict) else {}
    retained = patch.get("$retainKeys")
    if retained is not None:
        result = {key: value for key, value in result.items() if key in retained}
    order: dict[str, list[Any]] = {}
    for key, value in patch.items():
        if key.startswith("$setElementOrder/"):
            order[key.partition("/")[2]] = value
        elif key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            result[field] = [item for item in result.get(field) or [] if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(node.below(key), result.get(key), value)
    for field, wanted in order.items():
        if isinstance(result.get(field), list):
            before = (target or {}).get(field) or []
            result[field] = _ordered(node.below(field), result[field], wanted, before)
    return result


def _merged(node: Node, old: Any, new: Any) -> Any:
    if node.shape == "list" and isinstance(new, dict):
        raise Unfit("cannot restore slice from map")
    if node.shape in ("struct", "map") and isinstance(new, list):
        raise Unfit("cannot restore struct from: slice" if node.shape == "struct" else "cannot restore map from slice")
    if isinstance(new, dict) and node.shape in ("struct", "map", "any"):
        return strategic_merge(node, old, new)
    if isinstance(new, list) and node.shape == "list" and "merge" in node.strategy:
        if node.merge_key:
            return _merged_items(node, old if isinstance(old, list) else [], new)
        kept = old if isinstance(old, list) else []
        return [*kept, *(item for item in new if item not in kept)]
    return new


def _merged_items(node: Node, old: list[Any], new: list[Any]) -> list[Any]:
    key = node.merge_key
    item_node = node.item or ANY
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in new):
        return [item for item in new if not (isinstance(item, dict) and "$patch" in item)]
    result = list(old)
    for item in new:
        if not isinstance(item, dict):
            raise Unfit("unable to find api field in struct for the json field")
        if key not in item:
            shown = " ".join(f"{name}:{_go(value)}" for name, value in sorted(item.items()))
            raise StatusError(500, "", f"map: map[{shown}] does not contain declared merge key: {key}")
        index = next((i for i, there in enumerate(result) if _same(there, item, key)), None)
        if item.get("$patch") == "delete":
            result = [there for there in result if not _same(there, item, key)]
        elif index is None:
            result.append(strategic_merge(item_node, {}, item))
        else:
            result[index] = strategic_merge(item_node, result[index], item)
    return _ordered(node, result, [item for item in new if item.get("$patch") != "delete"], old)


def _same(there: Any, item: Object, key: str) -> bool:
    return isinstance(there, dict) and there.get(key) == item[key]


def _ordered(node: Node, items: list[Any], wanted: list[Any], before: list[Any]) -> list[Any]:
    """Items that the patch names (``wanted``) in its order, the others in theirs; between the two, an item goes by
    where both stood before, and a new one comes first."""
    key = node.merge_key

    def name(item: Any) -> Any:
        return _hashable(item.get(key) if key and isinstance(item, dict) else item)

    rank = {name(item): place for place, item in reversed(list(enumerate(wanted)))}
    stood = {name(item): place for place, item in reversed(list(enumerate(before)))}
    named = sorted((item for item in items if name(item) in rank), key=lambda item: rank[name(item)])
    others = [item for item in items if name(item) not in rank]
    result: list[Any] = []
    while named and others:
        left, right = stood.get(name(named[0])), stood.get(name(others[0]))
        result.append((others if left is not None and right is not None and right < left else named).pop(0))
    return [*result, *named, *others]


def _hashable(value: Any) -> Any:
    return value if not isinstance(value, (dict, list)) else repr(value)


def _go(value: Any) -> str:
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_go(part)}" for key, part in sorted(value.items())) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_go(part) for part in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<nil>" if value is None else str(value)


def go_map(patch: Object) -> str:
    """The patch as Go prints it in error messages."""
    return _go(patch)
