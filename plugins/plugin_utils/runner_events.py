# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is told of a task's result, whichever way the playbook was run."""

from __future__ import annotations

import difflib
import json
from typing import Any

import yaml

MESSAGE = 500  # characters
DIFF = 20000
SERVER_KEEPS = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")


def message(data: Any, status: str) -> str:
    """What a task's result says, on one bounded line."""
    text = str(data.get("msg") or data.get("censored") or data.get("skip_reason") or "")
    if status == "ok" and isinstance(data.get("resources"), list):
        text = f"{len(data['resources'])} found"
    return text if len(text) <= MESSAGE else text[: MESSAGE - 1] + "…"


def difference(diff: Any) -> str:
    """The unified difference of what the module says was before and is after, less what the server keeps."""
    if not isinstance(diff, dict) or "before" not in diff or "after" not in diff:
        return ""
    before, after = (_lines(diff[side]) for side in ("before", "after"))
    return "".join(difflib.unified_diff(before, after, "before", "after"))[:DIFF]


def _lines(value: Any) -> list[str]:
    if not isinstance(value, str):
        plain = json.loads(json.dumps(value, default=str))
        if isinstance(plain, dict):
            plain.pop("status", None)
            kept = plain.get("metadata")
            if isinstance(kept, dict):
                plain["metadata"] = {key: item for key, item in kept.items() if key not in SERVER_KEEPS}
        value = yaml.safe_dump(plain, default_flow_style=False) if plain else ""
    return str(value).splitlines(keepends=True)
