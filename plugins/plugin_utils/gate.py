# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the model's text to a Playbook that may run, or to everything that is wrong with it.

The stations: YAML, shape, arguments, what it does, policy, names against the cluster, lint. Each
looks at what the ones before could read, so that one answer brings all Findings.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..module_utils.evidence import Inventory
from .argspec import Objection, check_arguments
from .changes import READ, Change, describe
from .emit import emit
from .lint import lint, warm_lint
from .names import check_names
from .network_rules import check_openings
from .playbook import Finding, Playbook
from .policy import Policy
from .revisions import spelled_out
from .safety import check_policy
from .tasks import Shape
from .yamltree import Tree, Where, place, read_yaml

__all__ = ["gate", "warm_lint"]

_MAX_FINDINGS = 50


def gate(text: str, inventory: Inventory | None, policy: Policy, namespace: str) -> Playbook | tuple[Finding, ...]:
    """A Playbook whose text is our own, or the Findings in the order of the model's lines.

    Without an Inventory nothing is held against the cluster: enough for a report on a text, never for a run.
    """
    known = inventory or Inventory(namespace, "", {})
    tree = read_yaml(text)
    if not isinstance(tree, Tree):
        return tree[:_MAX_FINDINGS]
    found: list[Objection] = []
    shape = Shape(lambda rule, where, what: found.append((rule, where, what)), policy)
    play = shape.play(tree.data)
    changes: list[Change] = []
    for task in shape.tasks:
        objections = list(check_arguments(task, policy))
        found += objections
        if any(rule == "args.type" for rule, _, _ in objections):
            continue  # what such a task does cannot be made out
        described = describe(task, known)
        found += described.objections
        changes += described.changes
    found += check_policy(changes, policy, namespace)
    if inventory is not None:
        found += check_names(changes, inventory, policy)
    found += check_openings(changes, known)
    if found or play is None:
        return _findings(found, tree)
    name = str(play.get("name") or f"Repair {namespace}")
    return _linted(name, tree, changes, known)


def _linted(name: str, tree: Tree, changes: list[Change], known: Inventory) -> Playbook | tuple[Finding, ...]:
    tasks = tuple(tree.data[0]["tasks"])
    runs = spelled_out(tasks, known)
    text, owners = emit(name, runs)
    linted = lint(text)
    if linted.remarks:
        objections: list[Objection] = []
        for remark in linted.remarks:
            owner = owners[min(max(remark.line, 1), len(owners)) - 1]
            where: Where = (0, "tasks", owner) if owner >= 0 else (0,)
            objections.append((f"lint.{remark.rule}", where, remark.what))
        return _findings(objections, tree)
    touched = dict.fromkeys(change.ref for change in changes if change.verb != READ)
    read = dict.fromkeys(change.ref for change in changes if change.verb == READ and change.ref.name)
    reads = tuple(ref for ref in read if ref not in touched)
    return Playbook(tasks, text, tuple(touched), reads, linted.state, runs if runs != tasks else ())


def _findings(found: Iterable[Objection], tree: Tree) -> tuple[Finding, ...]:
    listed = dict.fromkeys(
        Finding(rule, place(_within_play(where)), what, tree.line(where)) for rule, where, what in found
    )
    return tuple(sorted(listed, key=lambda finding: finding.line))[:_MAX_FINDINGS]


def _within_play(where: Where) -> Where:
    """There is one play, so a place begins with what is in it."""
    return where[1:] if where[:1] == (0,) and len(where) > 1 else where
