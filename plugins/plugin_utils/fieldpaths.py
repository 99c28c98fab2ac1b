# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Paths into a manifest, the patterns that match them, and how the API server merges lists.

A path is a tuple of dict keys in which an entry of a list map is "[*]", for instance
("spec", "template", "spec", "containers", "[*]", "image"). A pattern is written with dots:
``spec.template.spec.containers[*].image``; a key with dots in it stands in brackets and quotes:
``metadata.annotations["example.com/key"]``; ``*`` matches any one part, ``**`` any number of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..module_utils.errors import InputError

Path = tuple[str, ...]
ENTRY = "[*]"

_PART = re.compile(r'\[\*\]|\["([^"]+)"\]|\.?([^.\[\]"]+)')
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")
_NAMED = {"containers", "initContainers", "ephemeralContainers", "env", "volumes", "imagePullSecrets", "secrets"}
_KEYED = {
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}


@dataclass(frozen=True)
class Leaf:
    """One value that a change writes. ``removed``: it takes the field away. ``where`` has real list entries."""

    path: Path
    value: Any
    removed: bool
    where: tuple[str | int, ...]


def parse_pattern(text: str) -> Path:
    """The parts of a pattern; InputError when it cannot be read."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        match = _PART.match(text, at)
        if match is None or (at == 0 and match.group().startswith(".")):
            raise InputError(
                f"The field pattern {text!r} cannot be read at character {at + 1}.",
                'Write it like spec.template.spec.containers[*].image or metadata.annotations["example.com/key"].',
            )
        parts.append(match.group(1) or match.group(2) or ENTRY)
        at = match.end()
    if not parts:
        raise InputError("A field pattern is empty.", "Name a field, for instance spec.replicas.")
    return tuple(parts)


def covers(pattern: Path, path: Path) -> bool:
    """Whether a pattern matches the path or a prefix of it."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(covers(pattern[1:], path[start:]) for start in range(len(path) + 1))
    return bool(path) and pattern[0] in ("*", path[0]) and covers(pattern[1:], path[1:])


def reaches(pattern: Path, path: Path) -> bool:
    """Whether the path is what the pattern matches, or lies above it."""
    return len(path) <= len(pattern) and all(part in ("*", key) for part, key in zip(pattern, path, strict=False))


def merge_key(path: Path) -> str:
    """The key by which the API server merges the list at this path, or "" where a list is one value.

    Source: patchMergeKey in the Kubernetes API reference. Rules of a NetworkPolicy, metrics of an
    HPA, tolerations and the like are replaced as a whole.
    """
    name = path[-1] if path else ""
    if name in _NAMED:
        return "name"
    if name == "ports" and len(path) > 2 and path[-2] == ENTRY and path[-3] in _NAMED:
        return "containerPort"
    if path == ("spec", "ports"):
        return "port"
    return _KEYED.get(name, "")


def leaves(tree: Any, path: Path = (), where: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    """What a strategic merge of the tree writes: every leaf, lists without a merge key in one piece."""
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from leaves(value, (*path, str(key)), (*where, key))
    elif isinstance(tree, list) and tree and merge_key(path):
        for index, item in enumerate(tree):
            yield from leaves(item, (*path, ENTRY), (*where, index))
    elif isinstance(tree, list) and tree and any(isinstance(item, (dict, list)) for item in tree):
        for index, item in enumerate(tree):  # one value, but what is in it must be looked at
            yield from leaves(item, (*path, ENTRY), (*where, index))
    else:
        yield Leaf(path, tree, tree is None, where)


def differences(old: Any, new: Any, path: Path = (), where: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    """What turns ``old`` into ``new``, leaf by leaf; ``None`` stands for absent."""
    if old == new and type(old) is type(new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            yield from differences(old.get(key), new.get(key), (*path, str(key)), (*where, key))
        return
    key = merge_key(path)
    if key and _keyed(old, key) and _keyed(new, key):
        before = {item[key]: item for item in old}
        after = {item[key]: (index, item) for index, item in enumerate(new)}
        for name, (index, item) in after.items():
            yield from differences(before.get(name), item, (*path, ENTRY), (*where, index))
        for name in before:
            if name not in after:
                yield Leaf((*path, ENTRY), None, True, where)
        return
    if new is None:
        yield Leaf(path, None, True, where)
    else:
        yield from leaves(new, path, where)


def at(tree: Any, pointer: Sequence[str]) -> Any:
    """The value at a JSON pointer's parts; KeyError or IndexError when there is none."""
    for part in pointer:
        if isinstance(tree, Mapping):
            tree = tree[part]
        elif isinstance(tree, list):
            tree = tree[list_index(part)]
        else:
            raise KeyError(part)
    return tree


def list_index(part: str) -> int:
    """The index that a part of a JSON pointer names (RFC 6901: no sign, no leading zero); KeyError otherwise."""
    if not _INDEX.fullmatch(part):
        raise KeyError(part)
    return int(part)


def below(tree: Any, path: Sequence[str]) -> Mapping[str, Any]:
    """The mapping at a path of dict keys; an empty one where there is none."""
    for part in path:
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree if isinstance(tree, Mapping) else {}


def merged(live: Any, patch: Any, path: Path = ()) -> Any:
    """What the API server makes of an object and a strategic merge patch without directives."""
    if isinstance(patch, dict):
        base = live if isinstance(live, dict) else {}
        kept = {key: value for key, value in base.items() if key not in patch}
        new = {key: merged(base.get(key), value, (*path, key)) for key, value in patch.items() if value is not None}
        return {**kept, **new}
    key = merge_key(path)
    if not (key and _keyed(live, key) and _keyed(patch, key)):
        return patch
    changes = {item[key]: item for item in patch}
    entries = [merged(item, changes.pop(item[key], {}), (*path, ENTRY)) for item in live]
    return [*entries, *changes.values()]


def _keyed(items: Any, key: str) -> bool:
    return isinstance(items, list) and all(
        isinstance(item, dict) and isinstance(item.get(key), (str, int)) for item in items
    )
