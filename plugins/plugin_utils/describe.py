# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A task in a few words, for progress, messages and reflection."""

from __future__ import annotations

from typing import Any

import yaml


def describe(task: Any) -> list[str]:
    """A task in a few words: ``Deployment cart replicas=2``."""
    for module, args in task.items():
        if not isinstance(args, dict) or "." not in str(module):
            continue
        subject = f"{args.get('kind', '')} {args.get('name', '')}"
        definition = args.get("definition")
        if isinstance(definition, dict):
            return [f"{subject} {where}={value}" for where, value in _flat(definition)] or [subject]
        patch = args.get("patch")
        if isinstance(patch, list):
            return [f"{subject} {str(entry.get('path', '')).strip('/')}={entry.get('value')}" for entry in patch]
        verb = str(module).rsplit(".", 1)[-1]
        return [f"{verb} {subject}" + (f" replicas={args['replicas']}" if "replicas" in args else "")]
    return []


def _flat(node: Any, path: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    if isinstance(node, dict):
        items = {key: value for key, value in node.items() if key not in ("apiVersion", "kind", "metadata") or path}
        return [pair for key, value in items.items() for pair in _flat(value, (*path, str(key)))]
    if isinstance(node, list) and node and all(isinstance(item, dict) for item in node):
        return [pair for item in node for pair in _flat({k: v for k, v in item.items() if k != "name"}, path)]
    return [(".".join(path[-2:]), yaml.safe_dump(node, default_flow_style=True).removesuffix("\n...\n").strip())]
