# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubeconfigs as kubectl reads them: several files as one, what stands first winning, paths from their own folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_KINDS = ("cluster", "user", "context")
_PATHS = {"cluster": ("certificate-authority",), "user": ("client-certificate", "client-key", "tokenFile")}


def read_kubeconfig(where: Any) -> dict[str, Any]:
    """The content of a kubeconfig given inline, by path, or by several paths.

    Raises OSError where there is no file, ValueError where one is no kubeconfig.
    """
    if isinstance(where, Mapping):
        return _absolute(where, Path.cwd())
    paths = [Path(os.path.expanduser(part)) for part in str(where).split(os.pathsep) if part]
    found = [_file(path) for path in paths if len(paths) == 1 or path.exists()]
    if not found:
        raise FileNotFoundError(f"{where} does not exist")
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    merged["current-context"] = next((one["current-context"] for one in found if one.get("current-context")), "")
    for kind in _KINDS:
        entries = [entry for one in found for entry in one.get(f"{kind}s") or ()]
        merged[f"{kind}s"] = list({entry["name"]: entry for entry in reversed(entries)}.values())
    return merged


def entry_of(content: Mapping[str, Any], kind: str, name: Any) -> Mapping[str, Any]:
    """The context, cluster or user of that name; ValueError where there is none."""
    for entry in content.get(f"{kind}s") or ():
        if entry.get("name") == name and isinstance(entry.get(kind), Mapping):
            found: Mapping[str, Any] = entry[kind]
            return found
    raise ValueError(f"there is no {kind} {name!r}")


def chosen_context(content: Mapping[str, Any], context: str | None) -> Mapping[str, Any]:
    """The context that is asked for, or else the current one; ValueError where there is none."""
    return entry_of(content, "context", context or content.get("current-context"))


def _file(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML") from error
    return _absolute(content, path.parent)


def _absolute(content: Any, folder: Path) -> dict[str, Any]:
    """The content with its paths, and programs that are given by one, starting from ``folder``."""
    if not isinstance(content, Mapping):
        raise ValueError("not a mapping")
    found = dict(content)
    for kind in _KINDS:
        entries = found.get(f"{kind}s") or []
        if not all(isinstance(entry, Mapping) and "name" in entry for entry in entries):
            raise ValueError(f"{kind}s: each needs a name")
        if entries:
            found[f"{kind}s"] = [{**entry, kind: _placed(entry.get(kind), kind, folder)} for entry in entries]
    return found


def _placed(section: Any, kind: str, folder: Path) -> Any:
    if not isinstance(section, Mapping):
        return section
    here = os.path.abspath(folder)
    found = dict(section)
    for name in _PATHS.get(kind, ()):
        if found.get(name):
            found[name] = os.path.join(here, os.path.expanduser(str(found[name])))
    call = found.get("exec")
    if isinstance(call, Mapping) and os.sep in str(call.get("command") or ""):
        found["exec"] = {**call, "command": os.path.join(here, str(call["command"]))}
    return found
