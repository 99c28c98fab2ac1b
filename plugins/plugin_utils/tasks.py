# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The shape of a playbook: which keys a play and a task may have, read into plain Tasks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .expressions import objections
from .policy import Policy
from .yamltree import Where

PLAY_KEYS = ("name", "tasks")
# We write these ourselves; the same constants in the model's text say nothing new.
PLAY_CONSTANTS: Mapping[str, Any] = {"hosts": "localhost", "connection": "local", "gather_facts": False}
TASK_KEYS = ("name", "register", "when", "until", "retries", "delay", "timeout", "no_log", "ignore_errors")
BLOCK_KEYS = ("name", "when", "block", "rescue")

_REGISTER = re.compile(r"[a-z][a-z0-9_]{0,63}")
_BOUNDS = {"retries": 60, "delay": 30, "timeout": 600}
_MAX_NAME = 200
_MAX_NESTING = 4
# Names that Ansible or Jinja give a meaning.
_TAKEN = frozenset(
    {"vars", "omit", "hostvars", "groups", "environment", "playbook_dir", "role_path", "true", "false", "none"}
)


@dataclass(frozen=True)
class Task:
    """One module call. ``where`` leads to the task, ``at`` to the module's arguments."""

    where: Where
    name: str
    module: str
    args: Mapping[str, Any]

    @property
    def at(self) -> Where:
        return (*self.where, self.module)


@dataclass
class Shape:
    """What was read: the play's own name, its tasks in order, and every objection."""

    report: Callable[[str, Where, str], None]
    policy: Policy
    tasks: list[Task] = field(default_factory=list)
    registered: set[str] = field(default_factory=set)

    def play(self, data: Any) -> Mapping[str, Any] | None:
        """Reads the one play; None where there is none to read."""
        if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
            self.report("play.shape", (), "a playbook is a list of exactly one play")
            return None
        play = data[0]
        for key, value in play.items():
            if key in PLAY_CONSTANTS:
                if value != PLAY_CONSTANTS[key] or type(value) is not type(PLAY_CONSTANTS[key]):
                    self.report("play.keyword", (0, key), f"{key} can only be {str(PLAY_CONSTANTS[key]).lower()}")
            elif key not in PLAY_KEYS:
                self.report("play.keyword", (0, key), f"a play may have {', '.join(PLAY_KEYS)}, not {key}")
        self._name(play, (0,))
        if not isinstance(play.get("tasks"), list) or not play["tasks"]:
            self.report("play.tasks", (0,), "a play needs a list of tasks")
            return None
        self._list(play["tasks"], (0, "tasks"), 0)
        ceiling = int(self.policy.ceiling("tasks"))
        if len(self.tasks) > ceiling:
            self.report("policy.tasks", (0, "tasks"), f"there are {len(self.tasks)} tasks; {ceiling} are allowed")
        return play

    def _list(self, items: Any, where: Where, depth: int) -> None:
        if not isinstance(items, list) or not items:
            self.report("task.shape", where, "a non-empty list of tasks is needed")
            return
        for index, item in enumerate(items):
            here = (*where, index)
            if not isinstance(item, dict):
                self.report("task.shape", here, "a task is a mapping")
            elif "block" in item:
                self._block(item, here, depth)
            else:
                self._task(item, here)

    def _block(self, block: Mapping[str, Any], where: Where, depth: int) -> None:
        for key in block:
            if key not in BLOCK_KEYS:
                self.report("task.keyword", (*where, key), f"a block may have {', '.join(BLOCK_KEYS)}, not {key}")
        if depth >= _MAX_NESTING:
            self.report("task.nesting", where, f"blocks may be nested {_MAX_NESTING} deep")
            return
        self._name(block, where)
        self._condition(block, "when", where, frozenset(self.registered))
        self._list(block["block"], (*where, "block"), depth + 1)
        if "rescue" in block:
            self._list(block["rescue"], (*where, "rescue"), depth + 1)

    def _task(self, task: Mapping[str, Any], where: Where) -> None:
        modules = [key for key in task if key not in TASK_KEYS]
        for key in modules:
            if key not in self.policy.modules:
                self._unknown(key, (*where, key))
        allowed = [key for key in modules if key in self.policy.modules]
        self._name(task, where)
        before = frozenset(self.registered)
        self._condition(task, "when", where, before)
        self._register(task, where)
        self._condition(task, "until", where, frozenset(self.registered))
        self._plain(task, where)
        if len(allowed) > 1:
            self.report("task.modules", where, f"a task calls one module, not {len(allowed)}")
        if not modules:
            self.report(
                "task.modules", where, f"a module is missing; allowed are {', '.join(sorted(self.policy.modules))}"
            )
        for module in allowed[:1]:
            if not isinstance(task[module], dict):
                self.report("args.shape", (*where, module), "arguments are given as a mapping")
            else:
                self.tasks.append(Task(where, str(task.get("name", "")), module, task[module]))

    def _unknown(self, key: str, where: Where) -> None:
        if "." in key or key in ("k8s", "k8s_info", "k8s_scale", "k8s_rollback", "k8s_json_patch"):
            self.report(
                "task.module",
                where,
                f"the module {key} is not allowed; allowed are {', '.join(sorted(self.policy.modules))}",
            )
        else:
            self.report(
                "task.keyword", where, f"a task may have {', '.join(TASK_KEYS)} and one allowed module, not {key}"
            )

    def _name(self, item: Mapping[str, Any], where: Where) -> None:
        name = item.get("name", "")
        if not isinstance(name, str) or len(name) > _MAX_NAME or "\n" in name:
            self.report("task.name", (*where, "name"), f"a name is one line of at most {_MAX_NAME} characters")

    def _register(self, task: Mapping[str, Any], where: Where) -> None:
        if "register" not in task:
            return
        name = task["register"]
        if not isinstance(name, str) or not _REGISTER.fullmatch(name) or name.startswith("ansible") or name in _TAKEN:
            self.report(
                "task.register",
                (*where, "register"),
                "it must be lower-case letters, digits and underscores, and not begin with ansible",
            )
        else:
            self.registered.add(name)

    def _condition(self, item: Mapping[str, Any], key: str, where: Where, names: frozenset[str]) -> None:
        if key not in item:
            return
        for text in item[key] if isinstance(item[key], list) and item[key] else [item[key]]:
            if isinstance(text, bool):
                continue
            if not isinstance(text, str):
                self.report("expression.shape", (*where, key), "it must be a string, true or false, or a list of these")
                continue
            for what in objections(text, names):
                self.report("expression.node", (*where, key), what)

    def _plain(self, task: Mapping[str, Any], where: Where) -> None:
        for key in ("no_log", "ignore_errors"):
            if key in task and not isinstance(task[key], bool):
                self.report("task.literal", (*where, key), f"{key} must be true or false")
        for key, bound in _BOUNDS.items():
            value = task.get(key, 1)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= bound:
                self.report("task.literal", (*where, key), f"{key} must be a whole number from 1 to {bound}")
        retries, delay = task.get("retries", 3), task.get("delay", 5)
        if isinstance(retries, int) and isinstance(delay, int) and retries * delay > 600:
            self.report("task.literal", (*where, "retries"), "retries times delay must stay within 600 seconds")


def calls(tasks: Any) -> Iterator[Task]:
    """The module calls of a checked tree, in order."""
    for task in walk(tasks):
        for module, args in task.items():
            if "." in str(module) and isinstance(args, Mapping):
                yield Task((), str(task.get("name", "")), str(module), args)


def walk(tasks: Any) -> Iterator[Mapping[str, Any]]:
    """Every task of a checked tree, blocks opened, in order."""
    for task in tasks:
        if "block" in task:
            yield from walk(task["block"])
            yield from walk(task.get("rescue", ()))
        else:
            yield task
