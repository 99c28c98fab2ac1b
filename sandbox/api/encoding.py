"""Objects as JSON. What many of them share, such as the environment of a ReplicaSet's Pods or the tree of fields that
their kubelets own, is encoded once: stored values are never changed, so that they are known again by their identity."""

from __future__ import annotations

import json
from typing import Any

Object = dict[str, Any]

_KEPT = 4096
_text = json.JSONEncoder(separators=(",", ":")).encode
_texts: dict[int, tuple[Any, str]] = {}  # by the id of a value, with the value itself, so that the id stays its own
_SHARED = ("env", "command", "args", "livenessProbe", "readinessProbe", "startupProbe")


def encoded(obj: Object) -> bytes:
    """As ``json.dumps`` without spaces."""
    parts = []
    for key, value in obj.items():
        if key == "metadata" and "managedFields" in value:
            text = _joined(value, "managedFields", _owners)
        elif key == "spec" and "containers" in value:
            text = _joined(value, "containers", _containers)
        else:
            text = _text(value)
        parts.append(f"{_text(key)}:{text}")
    return f"{{{','.join(parts)}}}".encode()


def _joined(value: Object, special: str, act: Any) -> str:
    """An object of which one part is encoded in its own way."""
    names = list(value)
    at = names.index(special)
    before = _text({name: value[name] for name in names[:at]})[:-1]
    after = _text({name: value[name] for name in names[at + 1 :]})[1:]
    here = f'"{special}":{act(value[special])}'
    return before + ("," if at else "") + here + ("," if after != "}" else "") + after


def _owners(entries: list[Object]) -> str:
    return f"[{','.join(_joined(entry, 'fieldsV1', kept_text) for entry in entries)}]"


def _containers(containers: list[Object]) -> str:
    made = []
    for container in containers:
        parts = [f'"{key}":{kept_text(value) if key in _SHARED else _text(value)}' for key, value in container.items()]
        made.append(f"{{{','.join(parts)}}}")
    return f"[{','.join(made)}]"


def kept_text(value: Any) -> str:
    """A value that others have too, as JSON."""
    found = _texts.get(id(value))
    if found is not None:
        return found[1]
    if len(_texts) >= _KEPT:
        _texts.clear()
    text = _text(value)
    _texts[id(value)] = (value, text)
    return text
