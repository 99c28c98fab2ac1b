"""What of an exchange is kept in a committed recording: what is compared, and nothing of anybody else's."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from .comparison import made_by_session
from .exchange import Exchange

_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.S)
_RECORDED = "-----BEGIN CERTIFICATE-----\nrecorded\n-----END CERTIFICATE-----"
_OF_A_MACHINE = ("OS-Image", "Kernel-Version", "Container-Runtime")


def slim(exchange: Exchange) -> Exchange:
    """Without tokens, certificates, the make of machines, foreign objects, and the prose of OpenAPI documents."""
    answer = _slim(exchange.answer)
    if exchange.area == "openapi" and isinstance(answer, dict):
        answer = _without(answer, ("description", "paths")) if "paths" in answer and len(answer) > 1 else answer
    return replace(exchange, answer=answer, body=_slim(exchange.body))


def _slim(value: Any, key: str = "") -> Any:
    if isinstance(value, str):
        return _CERTIFICATE.sub(_RECORDED, _TOKEN.sub("eyJh.eyJz.c2Fu", value))
    if isinstance(value, list):
        if key in ("items", "rows"):
            value = [item for item in value if not isinstance(item, dict) or _kept(item)]
        return [_slim(part) for part in value]
    if not isinstance(value, dict):
        return value
    value = {name: _slim(part, name) for name, part in value.items() if name != "extra"}
    if "nodeInfo" in (value.get("status") or {}):
        value["status"] = {"conditions": value["status"].get("conditions", [])}
    if value.get("kind") == "Table" and value.get("columnDefinitions"):
        names = [column["name"] for column in value["columnDefinitions"]]
        for row in value.get("rows") or ():
            row["cells"] = [
                "<recorded>" if name in _OF_A_MACHINE else cell for name, cell in zip(names, row["cells"], strict=True)
            ]
    return value


def _kept(item: dict[str, Any]) -> bool:
    """Lists hold objects (or rows about them), but some hold other things, as discovery's groups do."""
    obj = item.get("object") or item
    meta = obj.get("metadata")
    if not isinstance(meta, dict) or "uid" not in meta:
        return "usage" not in str(item) or made_by_session(obj)
    return made_by_session(obj)


def _without(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _without(part, names) for key, part in value.items() if key not in names or not _prose(part)}
    if isinstance(value, list):
        return [_without(part, names) for part in value]
    return value


def _prose(part: Any) -> bool:
    """A description's text, or the whole of the paths (a field of that name is a schema and stays)."""
    return isinstance(part, str) or (isinstance(part, dict) and all(str(key).startswith("/") for key in part))
