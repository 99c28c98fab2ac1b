# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The safety file: what may be touched. The gate checks by it, the model's grammar is built from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from ..module_utils.errors import InputError, Refused
from ..module_utils.quantity import parse_quantity
from .fieldpaths import Path, covers, parse_pattern, reaches

_HERE = FilePath(__file__).parent
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class KindRule:
    """What may be done to one kind. ``pod_spec`` is where its PodSpec lies, empty where it has none."""

    api_version: str
    verbs: frozenset[str]
    fields: tuple[Path, ...] = ()
    deny: tuple[Path, ...] = ()
    keep: tuple[Path, ...] = ()
    pod_spec: Path = ()


@dataclass(frozen=True)
class Window:
    """A time of the week in UTC, minutes since midnight; ``until`` before ``since`` ends on the next day."""

    days: tuple[int, ...]
    since: int
    until: int

    def holds(self, now: datetime) -> bool:
        """Whether ``now`` lies in it."""
        minute, day = now.hour * 60 + now.minute, now.weekday()
        if self.since <= self.until:
            return day in self.days and self.since <= minute < self.until
        return (day in self.days and minute >= self.since) or ((day - 1) % 7 in self.days and minute < self.until)


@dataclass(frozen=True)
class Policy:
    """A parsed policy file. Every question the gate and the grammar ask is a method here."""

    namespaces: tuple[str, ...]
    protected_namespaces: tuple[str, ...]
    modules: frozenset[str]
    kinds: Mapping[str, KindRule]
    ceilings: Mapping[str, float]
    images: tuple[str, ...] = ("@known",)
    windows: tuple[Window, ...] = ()
    approval_by_risk: Mapping[str, str] = field(default_factory=dict)
    kill_switch_file: str = ""
    plan_minutes: float = 60.0
    deduplicate_minutes: float = 0.0
    source: str = "built-in"
    digest: str = ""

    def allows(self, kind: str, verb: str) -> bool:
        """Whether a verb (read, create, patch, replace, scale, rollback, delete) may be used on a kind."""
        rule = self.kinds.get(kind)
        return rule is not None and verb in rule.verbs

    def api_version(self, kind: str) -> str:
        """The apiVersion under which a kind is meant; empty for a kind the policy does not name."""
        rule = self.kinds.get(kind)
        return rule.api_version if rule else ""

    def fields_of(self, kind: str) -> tuple[Path, ...]:
        """The patterns of the fields that may be written."""
        rule = self.kinds.get(kind)
        return rule.fields if rule else ()

    def field_allowed(self, kind: str, path: Path) -> bool:
        """Whether a field may be written: under an allowed pattern and under no denied one."""
        rule = self.kinds.get(kind)
        if rule is None or any(covers(pattern, path) for pattern in rule.deny):
            return False
        return any(covers(pattern, path) for pattern in rule.fields)

    def removable(self, kind: str, path: Path) -> bool:
        """Whether a field that may be written may also be taken away."""
        rule = self.kinds.get(kind)
        return (
            self.field_allowed(kind, path) and rule is not None and not any(reaches(keep, path) for keep in rule.keep)
        )

    def ceiling(self, name: str) -> float:
        """A ceiling: replicas, min_replicas, cpu (cores), memory (bytes), objects, tasks, wait_seconds …"""
        return self.ceilings[name]

    def namespace_allowed(self, namespace: str, report_namespace: str) -> bool:
        """Whether objects of a namespace may be read and touched for a report on ``report_namespace``."""
        if not namespace or namespace in self.protected_namespaces:
            return False
        return any(
            namespace == report_namespace if entry == "@report" else fnmatchcase(namespace, entry)
            for entry in self.namespaces
        )

    def window_open(self, now: datetime) -> bool:
        """Whether changes may be made at this time (UTC)."""
        return not self.windows or any(window.holds(now) for window in self.windows)

    def require_window(self, now: datetime) -> None:
        """Refused when no change may be made now."""
        if not self.window_open(now):
            raise Refused(
                f"The policy {self.source} allows no change at {now:%a %H:%M} UTC.",
                "Wait for a window, or widen windows in the policy.",
            )

    def approval(self, risk: str) -> str:
        """auto, person or never, for a risk of low, medium or high."""
        return self.approval_by_risk.get(risk, "person")


def load_policy(path: str | FilePath | None = None) -> Policy:
    """The policy of a file over the built-in one, or the built-in one; InputError says where it is wrong.

    A key of the file takes the place of the built-in key. Under ``kinds``, ``pod``, ``ceilings``
    and ``approval_by_risk`` that holds entry by entry, and a kind set to null is taken away.
    """
    if path is None:
        return _built_in()
    source = FilePath(path)
    try:
        raw = source.read_bytes()
    except OSError as error:
        raise InputError(
            f"The policy file {source} cannot be read ({error.strerror}).", "Check the path and its permissions."
        ) from error
    own = _yaml(raw, str(source))
    _check(own, str(source))
    return _parse(_overlay(_default(), own), str(source))


@lru_cache(maxsize=1)
def _built_in() -> Policy:
    return _parse(_default(), "built-in")


def _default() -> dict[str, Any]:
    return _yaml((_HERE / "default_policy.yml").read_bytes(), "built-in")


def _yaml(raw: bytes, source: str) -> dict[str, Any]:
    from .yamltree import read_yaml

    if len(raw) > _MAX_BYTES:
        raise InputError(f"The policy file {source} is larger than 1 MB.", "Is it the right file?")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"The policy file {source} is not UTF-8 at byte {error.start}.", "Save it as UTF-8."
        ) from error
    parsed = read_yaml(text)
    if isinstance(parsed, tuple):
        first = parsed[0]
        raise InputError(
            f"The policy file {source} is not usable YAML in line {first.line}: {first.what}.", "Correct it there."
        )
    if not isinstance(parsed.data, dict):
        raise InputError(f"The policy file {source} is not a mapping.", "Begin it with version: 1.")
    return parsed.data


def _check(own: Mapping[str, Any], source: str) -> None:
    try:
        import jsonschema
    except ImportError as error:
        raise InputError(
            f"The policy file {source} cannot be checked: the Python package jsonschema is not installed.",
            "Install jsonschema beside Ansible.",
        ) from error
    schema = json.loads((_HERE / "policy_schema.json").read_text())
    errors = sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(own), key=lambda error: list(map(str, error.absolute_path))
    )
    if errors:
        deepest = jsonschema.exceptions.best_match(errors) or errors[0]
        where = ".".join(map(str, deepest.absolute_path)) or "the top"
        raise InputError(f"The policy file {source} is wrong at {where}: {deepest.message}.", _allowed(deepest))


def _allowed(error: Any) -> str:
    if error.validator == "additionalProperties":
        return f"Allowed there: {', '.join(sorted(error.schema.get('properties', {})))}."
    if error.validator == "enum":
        return f"Allowed: {', '.join(map(str, error.validator_value))}."
    if error.validator == "not" or "propertyNames" in error.absolute_schema_path:
        return "Secrets, RBAC, webhooks and what is cluster-scoped can never be given to a repair."
    return "docs/policy.md shows each key."


def _overlay(base: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**base, **own}
    for key in ("kinds", "pod", "ceilings", "approval_by_risk"):
        merged[key] = {name: value for name, value in {**base[key], **own.get(key, {})}.items() if value is not None}
    return merged


def _parse(tree: Mapping[str, Any], source: str) -> Policy:
    from hashlib import sha256

    try:
        return Policy(
            namespaces=tuple(tree["namespaces"]),
            protected_namespaces=tuple(tree["protected_namespaces"]),
            modules=frozenset(tree["modules"]),
            kinds={name: _kind(rule, tree["pod"]) for name, rule in tree["kinds"].items()},
            ceilings={name: parse_quantity(value) for name, value in tree["ceilings"].items()},
            images=tuple(tree["images"]),
            windows=tuple(map(_window, tree["windows"])),
            approval_by_risk=dict(tree["approval_by_risk"]),
            kill_switch_file=tree["kill_switch_file"],
            plan_minutes=float(tree["plan_minutes"]),
            deduplicate_minutes=float(tree["deduplicate_minutes"]),
            source=source,
            digest=sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest(),
        )
    except ValueError as error:
        raise InputError(
            f"The policy file {source} has a ceiling that is no quantity: {error}.", "Write it like 500m, 2 or 4Gi."
        ) from error
    except InputError as error:
        raise InputError(f"The policy file {source} is wrong: {error.what}", error.hint) from error


def _kind(rule: Mapping[str, Any], pod: Mapping[str, list[str]]) -> KindRule:
    base = parse_pattern(rule["pod_spec"]) if rule.get("pod_spec") else ()

    def patterns(name: str) -> tuple[Path, ...]:
        own = tuple(parse_pattern(text) for text in rule.get(name, ()))
        below = tuple((*base, *parse_pattern(text)) for text in pod.get(name, ())) if base else ()
        return own + below

    return KindRule(
        rule["api_version"], frozenset(rule["verbs"]), patterns("fields"), patterns("deny"), patterns("keep"), base
    )


def _window(entry: Mapping[str, Any]) -> Window:
    def minutes(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    days = tuple(_DAYS.index(day) for day in entry.get("days", _DAYS))
    return Window(days, minutes(entry["from"]), minutes(entry["to"]))
