"""The roles that every cluster starts with, as captured from a real API server (capture.py)."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

Object = dict[str, Any]


@cache
def bootstrap_roles() -> tuple[Object, ...]:
    """ClusterRoles and ClusterRoleBindings, each with a uid that its name decides."""
    items = json.loads((Path(__file__).parent / "roles.json").read_bytes())["items"]
    return tuple({**item, "metadata": {**item["metadata"], "uid": _uid(item)}} for item in items)


def _uid(item: Object) -> str:
    digits = hashlib.sha256(f"{item['kind']}/{item['metadata']['name']}".encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"
