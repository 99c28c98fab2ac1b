# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A manifest as a flat map from paths to leaf values, list entries named by their key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .redact import names_a_secret

_FRONT = re.compile(r"^(?:spec\.)?(?:template\.)?(?:spec\.)?(?:containers\[[^\]]*\]\.)?")
_KEYS = ("name", "containerPort", "port", "mountPath", "ip", "key", "type", "host", "path")


def leaves(tree: Mapping[str, Any]) -> dict[str, Any]:
    """``{"spec.containers[app].image": "shop/cart:1"}``; lists of plain values are leaves."""
    return dict(_walk(tree, ""))


def _walk(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _walk(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list) and node and all(isinstance(item, Mapping) for item in node):
        for index, item in enumerate(node):
            label = next((item[key] for key in _KEYS if key in item and not isinstance(item[key], Mapping)), index)
            yield from _walk(
                {key: value for key, value in item.items() if key != "name"} or {"name": label}, f"{path}[{label}]"
            )
    elif node not in (None, {}, []):
        yield path, node


def shown(path: str, value: Any) -> str:
    """A leaf's value for people; hidden where its path names a credential."""
    if value is None:
        return "(none)"
    last = path.replace("]", "").replace("[", ".").split(".")
    if any(names_a_secret(part) for part in last[-2:]) and "Ref" not in path:
        return "***"
    if isinstance(value, list):
        return " ".join(str(item) for item in value)[:80]
    text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def short(path: str) -> str:
    """A path without what every workload's path begins with: ``image``, ``env[PORT]``."""
    path = _FRONT.sub("", path)
    return path.removesuffix(".value") if path.startswith("env[") else path
