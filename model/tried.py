"""What was tried already and did not help: taken away from the next answer, so that a try is never wasted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from ..plugins.module_utils.evidence import ObjectRef
from ..plugins.plugin_utils.episode import Attempt
from ..plugins.plugin_utils.step import PlaybookStep
from .fields import Field, Path, leaves

_RESTART = "kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True)
class Tried:
    """``values``: (kind, name, path, value as JSON) of tries that wrote one field; ``acts``: (verb, kind, name)."""

    values: frozenset[tuple[str, str, Path, str]] = frozenset()
    acts: frozenset[tuple[str, str, str]] = frozenset()

    def left(self, field: Field) -> Field | None:
        """The field without what was tried; None where nothing else is left to write."""
        mine = {value for kind, name, path, value in self.values if (kind, name, path) == _key(field)}
        if not mine:
            return field
        known = tuple(value for value in field.known if json.dumps(value) not in mine)
        removable = field.removable and "null" not in mine
        others = [value for value in known if value != field.current]
        return replace(field, known=known, free="", removable=removable) if others or removable else None

    def acted(self, verb: str, ref: ObjectRef) -> bool:
        """Whether this object was restarted, rolled back or deleted already."""
        return (verb, ref.kind, ref.name) in self.acts


def tried(attempts: Sequence[Attempt]) -> Tried:
    """Read off the Attempts. One that wrote several fields forbids none of them: another mix may be right."""
    values, acts = set(), set()
    for attempt in attempts:
        written = [change for task in _tasks(attempt) for change in _changes(task)]
        fields = [change for change in written if isinstance(change[2], tuple)]
        if len(fields) == 1:
            values.add(fields[0])
        acts |= {(str(verb), kind, name) for kind, name, verb, _ in written if not isinstance(verb, tuple)}
    return Tried(frozenset(values), frozenset(acts))


def _key(field: Field) -> tuple[str, str, Path]:
    return field.ref.kind, field.ref.name, ("patch", field.pointer) if field.pointer else field.path


def _tasks(attempt: Attempt) -> Sequence[Any]:
    if attempt.playbook is not None:
        return attempt.playbook.tasks
    step = attempt.answer.step
    if not isinstance(step, PlaybookStep):
        return ()
    try:
        plays = yaml.safe_load(step.text)
        return [task for task in plays[0]["tasks"] if isinstance(task, dict)]
    except (yaml.YAMLError, TypeError, KeyError, IndexError):
        return ()  # what cannot be read cannot be said under the grammar again


def _changes(task: Any) -> Iterator[tuple[str, str, Any, str]]:
    """(kind, name, path or verb, value as JSON) of a task."""
    for module, args in task.items():
        if not isinstance(args, dict) or "." not in str(module):
            continue
        kind, name = str(args.get("kind", "")), str(args.get("name", ""))
        if str(module).endswith("k8s_rollback"):
            yield kind, name, "Roll back", ""
        elif args.get("state") == "absent":
            yield kind, name, "Delete", ""
        elif isinstance(patch := args.get("patch"), list):
            for entry in patch:
                yield kind, name, ("patch", str(entry.get("path"))), json.dumps(entry.get("value"))
        else:
            for path, value in leaves(args.get("definition") or {}):
                if path and path[-1] == _RESTART:
                    yield kind, name, "Restart", ""
                elif path:
                    yield kind, name, path, json.dumps(value)
