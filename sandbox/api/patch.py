"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396). Neither changes what it is given."""

from __future__ import annotations

from typing import Any

from .status import StatusError, bad_request

_OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")


def merge_patch(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def json_patch(target: Any, operations: Any) -> Any:
    """Raises 400 for what is no patch, 422 for one that does not fit."""
    if not isinstance(operations, list):
        got = "object" if isinstance(operations, dict) else "string"
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {got} into Go value of type []handlers.jsonPatchOp"
        )
    result = target
    for operation in operations:
        if not isinstance(operation, dict) or operation.get("op") not in _OPERATIONS:
            raise _does_not_fit()
        result = _apply(result, operation)
    return result


def _apply(target: Any, operation: dict[str, Any]) -> Any:
    op, path = operation["op"], _steps(operation.get("path"))
    if op == "test":
        if _at(target, path) != operation.get("value"):
            raise _does_not_fit()
        return target
    if op == "remove":
        _at(target, path)
        return _changed(target, path, _REMOVE)
    if op in ("move", "copy"):
        source = _steps(operation.get("from"))
        value = _at(target, source)
        if op == "move":
            target = _changed(target, source, _REMOVE)
        return _changed(target, path, value)
    if op == "replace":
        _at(target, path)
        return _changed(target, path, operation.get("value"), replace=True)
    return _changed(target, path, operation.get("value"))


_REMOVE = object()


def _changed(target: Any, path: list[str], value: Any, replace: bool = False) -> Any:
    """A copy of ``target`` along ``path`` with the value put in, or taken out."""
    if not path:
        return None if value is _REMOVE else value
    step, rest = path[0], path[1:]
    if isinstance(target, dict):
        result = dict(target)
        if rest:
            if step not in result:
                raise _does_not_fit()
            result[step] = _changed(result[step], rest, value, replace)
        elif value is _REMOVE:
            del result[step]
        else:
            result[step] = value
        return result
    if isinstance(target, list):
        items = list(target)
        if rest:
            index = _index(step, len(items) - 1)
            items[index] = _changed(items[index], rest, value, replace)
        elif value is _REMOVE:
            del items[_index(step, len(items) - 1)]
        elif replace:
            items[_index(step, len(items) - 1)] = value
        else:
            items.insert(len(items) if step == "-" else _index(step, len(items)), value)
        return items
    raise _does_not_fit()


def _at(target: Any, path: list[str]) -> Any:
    for step in path:
        if isinstance(target, dict):
            if step not in target:
                raise _does_not_fit()
            target = target[step]
        elif isinstance(target, list):
            target = target[_index(step, len(target) - 1)]
        else:
            raise _does_not_fit()
    return target


def _steps(pointer: Any) -> list[str]:
    if pointer == "":
        return []
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        raise _does_not_fit()
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]


def _index(step: str, highest: int) -> int:
    if not step.isdigit() or int(step) > highest:
        raise _does_not_fit()
    return int(step)


def _does_not_fit() -> StatusError:
    return StatusError(422, "Invalid", "the server rejected our request due to an error in our request", {})
