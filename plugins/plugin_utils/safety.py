# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changes against the Policy: kinds, verbs, namespaces, fields, ceilings, and what weakens a system."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..module_utils.quantity import parse_quantity
from .argspec import Objection
from .changes import READ, Change
from .fieldpaths import ENTRY, Leaf
from .killswitch import CONFIG_MAP
from .policy import Policy

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_COUNTS = frozenset({"replicas", "minReplicas", "maxReplicas", "parallelism"})
_CONTAINERS = frozenset({"containers", "initContainers"})


def check_policy(changes: Sequence[Change], policy: Policy, namespace: str) -> Iterator[Objection]:
    """All objections of the policy to what a playbook does."""
    for change in changes:
        yield from _object(change, policy, namespace)
        if change.verb in ("create", "patch", "replace"):
            for leaf in change.leaves:
                yield from _field(change, leaf, policy)
        for leaf in change.leaves:
            yield from _ceiling(leaf, policy)
            yield from _value(change, leaf)
    touched = {change.ref for change in changes if change.verb != READ}
    if len(touched) > policy.ceiling("objects"):
        yield (
            "policy.objects",
            (0, "tasks"),
            f"{len(touched)} objects would be touched; {int(policy.ceiling('objects'))} are allowed",
        )


def names_container(leaf: Leaf) -> bool:
    """Whether a leaf only says which container a merge is about."""
    return len(leaf.path) > 2 and leaf.path[-1] == "name" and leaf.path[-2] == ENTRY and leaf.path[-3] in _CONTAINERS


def _object(change: Change, policy: Policy, namespace: str) -> Iterator[Objection]:
    ref = change.ref
    if ref.kind and ref.kind not in policy.kinds:
        yield (
            "policy.kind",
            change.where,
            f"the kind {ref.kind} is not allowed; allowed are {', '.join(sorted(policy.kinds))}",
        )
    elif ref.kind and not policy.allows(ref.kind, change.verb):
        verbs = ", ".join(sorted(policy.kinds[ref.kind].verbs))
        yield "policy.verb", change.where, f"a {ref.kind} may not be given the verb {change.verb}; allowed are {verbs}"
    elif change.api_version and change.api_version != policy.api_version(ref.kind):
        yield (
            "policy.api-version",
            change.where,
            f"{ref.kind} is meant as {policy.api_version(ref.kind)}, not {change.api_version}",
        )
    if ref.namespace and not policy.namespace_allowed(ref.namespace, namespace):
        yield "policy.namespace", change.where, f"the namespace {ref.namespace} is not allowed here"
    if ref.name and not _NAME.fullmatch(ref.name):
        yield "manifest.name", change.where, f"{ref.name!r} is no name of an object"
    if ref.name == CONFIG_MAP and change.verb != READ:
        yield "policy.kill-switch", change.where, f"{ref.name} pauses this product; a repair may not touch it"


def _field(change: Change, leaf: Leaf, policy: Policy) -> Iterator[Objection]:
    kind = change.ref.kind
    if kind not in policy.kinds or names_container(leaf):
        return
    if not policy.field_allowed(kind, leaf.path):
        yield "policy.field", leaf.where, f"{_dotted(leaf)} of a {kind} may not be written"
    elif leaf.removed and not policy.removable(kind, leaf.path):
        yield "policy.removal", leaf.where, f"{_dotted(leaf)} of a {kind} may not be taken away"


def _ceiling(leaf: Leaf, policy: Policy) -> Iterator[Objection]:
    name = leaf.path[-1]
    if name in _COUNTS and leaf.path[0] == "spec" and not leaf.removed:
        low, high = int(policy.ceiling("min_replicas")), int(policy.ceiling("replicas"))
        if isinstance(leaf.value, bool) or not isinstance(leaf.value, int) or not low <= leaf.value <= high:
            yield "policy.ceiling", leaf.where, f"{name} must be a whole number from {low} to {high}"
    if "resources" in leaf.path[:-2] and leaf.path[-2] in ("limits", "requests") and not leaf.removed:
        yield from _resource(leaf, name, policy)
    elif (
        "resources" in leaf.path
        and not leaf.removed
        and leaf.path[-1] in ("resources", "limits", "requests")
        and leaf.value != {}
    ):
        yield "manifest.type", leaf.where, f"{_dotted(leaf)} must be a mapping"


def _resource(leaf: Leaf, name: str, policy: Policy) -> Iterator[Objection]:
    if name not in ("cpu", "memory", "ephemeral-storage"):
        yield "policy.resource", leaf.where, f"the resource {name} may not be set"
        return
    try:
        amount = parse_quantity(leaf.value)
    except ValueError:
        yield "manifest.quantity", leaf.where, f"{leaf.value!r} is no quantity; write it like 500m, 2 or 256Mi"
        return
    if not 0 < amount <= policy.ceiling(name):
        unit = "cores" if name == "cpu" else "bytes"
        yield "policy.ceiling", leaf.where, f"{name} must be above 0 and at most {policy.ceiling(name):g} {unit}"


def _value(change: Change, leaf: Leaf) -> Iterator[Objection]:
    path, value = leaf.path, leaf.value
    if (
        change.ref.kind == "ConfigMap"
        and path[0] == "data"
        and not leaf.removed
        and not (len(path) == 2 and isinstance(value, str))
    ):
        yield "manifest.type", leaf.where, "values in data must be strings: quote them"
    if path[-1] == "value" and "env" in path and not leaf.removed and not isinstance(value, str):
        yield "manifest.type", leaf.where, "the value of an environment variable must be a string: quote it"


def _dotted(leaf: Leaf) -> str:
    text = ""
    for part in leaf.path:
        text += part if part == ENTRY else f'["{part}"]' if "." in part else f".{part}" if text else part
    return text
