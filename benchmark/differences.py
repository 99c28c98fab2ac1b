"""What differs between two moments of a system, one line a field: for people who read a result."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..plugins.module_utils.evidence import Manifest, ObjectRef

_BODY = ("spec", "data")
_LONGEST = 60
_KEYS = ("name", "containerPort", "port", "type")


def differences(before: Mapping[ObjectRef, Manifest], after: Mapping[ObjectRef, Manifest]) -> tuple[str, ...]:
    """``Deployment cart: spec.replicas: 0 -> 2``, for each field that people write; Nodes are left out."""
    lines = []
    for ref in sorted({*before, *after}):
        old, new = before.get(ref), after.get(ref)
        if ref.kind == "Node" or old is new:
            continue
        if old is None or new is None:
            lines.append(f"{ref}: {'created' if old is None else 'deleted'}")
            continue
        then, now = dict(_leaves(_body(old))), dict(_leaves(_body(new)))
        moved = [path for path in dict.fromkeys((*then, *now)) if then.get(path) != now.get(path)]
        lines += [f"{ref}: {path}: {_shown(then.get(path))} -> {_shown(now.get(path))}" for path in moved]
    return tuple(lines)


def _body(item: Manifest) -> dict[str, Any]:
    return {key: item[key] for key in _BODY if key in item}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _leaves(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(part, Mapping) for part in value):
        for index, part in enumerate(value):
            name = next((part[key] for key in _KEYS if key in part), index)
            yield from _leaves(part, f"{path}[{name}]")
    else:
        yield path, value


def _shown(value: Any) -> str:
    text = "nothing" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
