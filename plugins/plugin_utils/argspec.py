# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A task's arguments against the allow-list and against what the module itself declares."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from .policy import Policy
from .tasks import Task
from .yamltree import Where

Objection = tuple[str, Where, str]
"""Rule, place, what."""

_OBJECT = frozenset({"kind", "api_version", "name", "namespace"})
_WAIT = frozenset({"wait", "wait_timeout", "wait_sleep", "wait_condition"})
ARGUMENTS: Mapping[str, frozenset[str]] = {
    "kubernetes.core.k8s": _OBJECT
    | _WAIT
    | {"state", "definition", "resource_definition", "merge_type", "force", "delete_options"},
    "kubernetes.core.k8s_info": _OBJECT | _WAIT | {"label_selectors", "field_selectors", "hidden_fields"},
    "kubernetes.core.k8s_scale": _OBJECT
    | {"replicas", "current_replicas", "resource_version", "wait", "wait_timeout", "wait_sleep"},
    "kubernetes.core.k8s_rollback": _OBJECT,
    "kubernetes.core.k8s_json_patch": _OBJECT | _WAIT | {"patch", "hidden_fields"},
}
"""What may be given to each module, without aliases. What is not named here, connection options
above all, reaches the controller or hides what is touched."""

_DELETE_OPTIONS = {"propagationPolicy", "gracePeriodSeconds"}


def check_arguments(task: Task, policy: Policy) -> Iterator[Objection]:
    """All objections to one task's arguments."""
    allowed = ARGUMENTS.get(task.module)
    spec = _specs().get(task.module)
    if allowed is None or spec is None:
        yield "task.module", task.at, f"the arguments of {task.module} are not known here"
        return
    refused = [key for key in task.args if key not in allowed]
    for key in refused:
        yield "args.refused", (*task.at, key), _why_refused(key, spec, allowed)
    for key, value in task.args.items():
        if value is None:
            yield "args.empty", (*task.at, key), "the value is missing"
    yield from _types(task, spec, refused)
    yield from _validated(task, spec, refused)
    yield from _bounded(task, policy)


def _why_refused(key: str, spec: Mapping[str, Any], allowed: frozenset[str]) -> str:
    for name, declared in spec["argument_spec"].items():
        if key in declared.get("aliases", ()) and name in allowed:
            return f"{key} is an alias; write {name}"
    return f"the argument {key} is not allowed; allowed are {', '.join(sorted(allowed))}"


def _types(task: Task, spec: Mapping[str, Any], refused: list[str]) -> Iterator[Objection]:
    """Ansible would turn a mapping into the text of a mapping; whoever writes one means something else."""
    aliases = {alias: declared for declared in spec["argument_spec"].values() for alias in declared.get("aliases", ())}
    for key, value in task.args.items():
        declared = spec["argument_spec"].get(key, aliases.get(key, {})).get("type", "str")
        good = {
            "str": isinstance(value, (str, int, float)) and not isinstance(value, bool),
            "int": isinstance(value, int) and not isinstance(value, bool),
            "bool": isinstance(value, bool),
            "list": isinstance(value, list),
            "dict": isinstance(value, dict),
            "raw": isinstance(value, (dict, list)),
        }.get(declared, True)
        if value is not None and key not in refused and not good:
            wanted = (
                "mapping or list"
                if declared == "raw"
                else {"dict": "mapping", "str": "string", "int": "whole number"}.get(declared, declared)
            )
            yield "args.type", (*task.at, key), f"{key} must be a {wanted}"


def _validated(task: Task, spec: Mapping[str, Any], refused: list[str]) -> Iterator[Objection]:
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

    rules = {name: value for name, value in spec.items() if name != "argument_spec"}
    validator = ArgumentSpecValidator(deepcopy(spec["argument_spec"]), **rules)
    given = {key: value for key, value in task.args.items() if key not in refused and value is not None}
    for message in validator.validate(deepcopy(given)).error_messages:
        yield "args.spec", task.at, message


def _bounded(task: Task, policy: Policy) -> Iterator[Objection]:
    ceiling = int(policy.ceiling("wait_seconds"))
    for key, bound in (("wait_timeout", ceiling), ("wait_sleep", 30)):
        value = task.args.get(key, 1)
        if isinstance(value, int) and not 1 <= value <= bound:
            yield "policy.wait", (*task.at, key), f"{key} must be from 1 to {bound} seconds"
    options = task.args.get("delete_options")
    if isinstance(options, dict):
        for key in options:
            if key not in _DELETE_OPTIONS:
                yield "args.refused", (*task.at, "delete_options", key), f"{key} is not allowed in delete_options"
        if options.get("propagationPolicy") == "Orphan":
            yield (
                "args.refused",
                (*task.at, "delete_options", "propagationPolicy"),
                "Orphan leaves Pods behind that nobody owns",
            )


@lru_cache(maxsize=1)
def _specs() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(Path(__file__).with_name("argspecs.json").read_text())
    return found
