"""Objects as JSON. What many of them share, such as the tree of fields that the kubelets own of a ReplicaSet's Pods, is
encoded once: stored values are never changed, so that they are known again by their identity."""

from __future__ import annotations

import json
from typing import Any

Object = dict[str, Any]

_KEPT = 4096
_MARK = "\x00kept\x00"
_text = json.JSONEncoder(separators=(",", ":")).encode
_texts: dict[int, tuple[Any, str]] = {}  # by the id of a value, with the value itself, so that the id stays its own


def encoded(obj: Object) -> bytes:
    """As ``json.dumps`` without spaces."""
    meta = obj.get("metadata") or {}
    entries = meta.get("managedFields")
    if not entries:
        return _text(obj).encode()
    marked = [{**entry, "fieldsV1": _MARK} if "fieldsV1" in entry else entry for entry in entries]
    rest = _text({**obj, "metadata": {**meta, "managedFields": marked}})
    first, *pieces = rest.split(_MARKED)
    trees = [kept_text(entry["fieldsV1"]) for entry in entries if "fieldsV1" in entry]
    if len(pieces) != len(trees):  # somebody wrote the mark itself
        return _text(obj).encode()
    return "".join([first, *(part for pair in zip(trees, pieces, strict=True) for part in pair)]).encode()


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


_MARKED = _text(_MARK)
