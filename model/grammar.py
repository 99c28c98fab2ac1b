"""The grammar of one answer: what can be said about this incident, and nothing else.

A Lark grammar for llguidance. An answer cites Evidence, names the diagnosis, chooses a Step and,
for a playbook, walks from object to field to value. It is built from what the cluster has around
the suspects (fields.py) and from the policy; it knows no fault and lists no repairs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from ..plugins.module_utils.evidence import Evidence, ObjectRef
from ..plugins.module_utils.kinds import KINDS
from ..plugins.plugin_utils.episode import Attempt
from ..plugins.plugin_utils.policy import Policy
from .fields import Field, Offer, Path, revisions
from .tried import Tried, tried

FORMAT = "2"
"""Version of the answer's format; part of the adapter's hash."""

MAX_TASKS = 3
DIAGNOSIS = r"[a-zA-Z][a-zA-Z0-9 ,.:_-]{2,60}"
REASON = r"[a-zA-Z][a-zA-Z0-9 ,.:_-]{2,110}"


@dataclass
class _Rules:
    """Lark rules under construction; equal bodies share one rule."""

    bodies: dict[str, str] = field(default_factory=dict)  # body -> name
    named: list[str] = field(default_factory=list)

    def add(self, body: str, hint: str) -> str:
        if body not in self.bodies:
            name = f"{hint}_{len(self.bodies)}"
            self.bodies[body] = name
            self.named.append(f"{name}: {body}")
        return self.bodies[body]


def build(
    evidence: Evidence,
    policy: Policy,
    *,
    steps: tuple[str, ...] = ("probe", "playbook", "escalate"),
    looked: tuple[ObjectRef, ...] = (),
    attempts: Sequence[Attempt] = (),
    report: str = "",
    now: str = "",
) -> str:
    """The Lark text. ``steps`` are the Step kinds allowed now; ``now`` dates a restart.

    What ``attempts`` tried is not offered again.
    """
    rules = _Rules()
    done = tried(attempts)
    tasks = _tasks(evidence, policy, report, now or evidence.inventory.time, done, rules) if "playbook" in steps else []
    choices = []
    if "playbook" in steps and tasks:
        task = rules.add(" | ".join(tasks), "task")
        more = "".join(f" ({task}" for _ in range(MAX_TASKS - 1)) + ")?" * (MAX_TASKS - 1)
        choices.append(f'"playbook\\n- tasks:\\n" {task}{more}')
    targets = [ref for ref in evidence.near if ref not in looked]
    if "probe" in steps and targets:
        target = rules.add(_either(map(str, targets)), "target")
        choices.append(f'"probe\\nlook: " {target} (", " {target})? "\\n"')
    choices.append('"escalate\\nreason: " REASON "\\n"')
    facts = rules.add(_either(fact.id for fact in evidence.facts) if evidence.facts else '"none"', "cite")
    head = f'"cites: " {facts} (", " {facts})? (", " {facts})? "\\ndiagnosis: " DIAGNOSIS "\\nstep: "'
    lines = [
        f"start: {head} ({' | '.join(choices)})",
        *rules.named,
        f"DIAGNOSIS: /{DIAGNOSIS}/",
        f"REASON: /{REASON}/",
        "INT: /[0-9]{1,5}/",
        "WORD: /[a-zA-Z0-9][a-zA-Z0-9._:\\/-]{0,62}/",
    ]
    return "\n".join(lines) + "\n"


def _tasks(evidence: Evidence, policy: Policy, report: str, now: str, done: Tried, rules: _Rules) -> list[str]:
    found: list[str] = []
    offer = Offer(evidence, policy, report)
    for ref in evidence.near:
        if evidence.inventory.get(ref) is None:
            continue
        if policy.allows(ref.kind, "patch"):
            found += _patches(ref, tuple(filter(None, map(done.left, offer.fields(ref)))), policy, rules)
        rolls = ref.kind in ("Deployment", "StatefulSet", "DaemonSet") and policy.allows(ref.kind, "patch")
        if rolls and not done.acted("Restart", ref):
            found.append(_task(rules, ref, "Restart", "k8s", "state: patched", _restart(now)))
        back = policy.allows(ref.kind, "rollback") and len(revisions(ref, evidence.inventory)) > 1
        if back and not done.acted("Roll back", ref):
            found.append(_task(rules, ref, "Roll back", "k8s_rollback", "", '""'))
        if ref.kind == "Pod" and policy.allows("Pod", "delete") and not done.acted("Delete", ref):
            found.append(_task(rules, ref, "Delete", "k8s", "state: absent", '""'))
    return found


def _task(rules: _Rules, ref: ObjectRef, verb: str, module: str, state: str, body: str) -> str:
    lines = [
        f"  - name: {verb} {ref.kind} {ref.name}",
        f"    kubernetes.core.{module}:",
        *([f"      {state}"] if state else []),
        f"      api_version: {KINDS[ref.kind].api_version}",
        f"      kind: {ref.kind}",
        f"      namespace: {ref.namespace}",
        f"      name: {ref.name}",
    ]
    return rules.add(f"{_text(chr(10).join(lines) + chr(10))} {body}", "do")


def _restart(now: str) -> str:
    tree = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}}}
    text = yaml.safe_dump({"definition": tree}, default_style=None)
    return _text("".join(f"      {line}\n" for line in text.splitlines()))


def _patches(ref: ObjectRef, fields: tuple[Field, ...], policy: Policy, rules: _Rules) -> list[str]:
    keys = [entry for entry in fields if entry.pointer]
    tree = _tree([entry for entry in fields if not entry.pointer])
    tasks = []
    if tree:
        body = '"      definition:\\n" ' + _node(tree, 8, ref.kind, policy, rules)
        tasks.append(_task(rules, ref, "Patch", "k8s", "state: patched", body))
    if keys:
        places = [
            f"{_text(f'      - op: replace{chr(10)}        path: {entry.pointer}{chr(10)}        value: ')} "
            f"{_value(entry, ref.kind, policy, rules)} {_text(chr(10))}"
            for entry in keys
        ]
        body = '"      patch:\\n" ' + rules.add(" | ".join(places), "k")
        tasks.append(_task(rules, ref, "Edit", "k8s_json_patch", "", body))
    return tasks


def _tree(fields: list[Field]) -> dict[Any, Any]:
    """The fields by their paths. Where one version has a leaf and another a branch, the branch stays."""
    tree: dict[Any, Any] = {}
    for entry in sorted(fields, key=lambda entry: -len(entry.path)):
        node: Any = tree
        for part in entry.path[:-1]:
            node = node.setdefault(part, {})
            if isinstance(node, Field):
                break
        else:
            node.setdefault(entry.path[-1], entry)
    return _ordered(tree, [entry.path for entry in fields], ())


def _ordered(tree: dict[Any, Any], paths: list[Path], above: Path) -> dict[Any, Any]:
    """The tree with each node's children in the order in which the paths first name them."""
    depth = len(above)
    first = dict.fromkeys(path[depth] for path in paths if path[:depth] == above and len(path) > depth)
    kept = {part: tree[part] for part in first if part in tree}
    return {
        part: below if isinstance(below, Field) else _ordered(below, paths, (*above, part))
        for part, below in kept.items()
    }


def _node(tree: Mapping[Any, Any], indent: int, kind: str, policy: Policy, rules: _Rules) -> str:
    """A non-empty choice of the children, in their order."""
    children = [_child(part, below, indent, kind, policy, rules) for part, below in tree.items()]
    follow = ""
    for child in reversed(children):
        body = f"{child} {follow}? | {follow}" if follow else child
        follow = rules.add(body, "n")
    return follow


def _child(part: Any, below: Any, indent: int, kind: str, policy: Policy, rules: _Rules) -> str:
    pad = " " * indent
    if isinstance(below, Field):
        return rules.add(
            f"{_text(f'{pad}{scalar(part)}: ')} {_value(below, kind, policy, rules)} {_text(chr(10))}", "f"
        )
    if all(isinstance(key, tuple) for key in below):  # a list map
        items = dict(below)
        entries = []
        for (key, value), inner in items.items():
            head = _text(f"{pad}- {key}: {scalar(value)}\n")
            entries.append(rules.add(f"{head} {_node(inner, indent + 2, kind, policy, rules)}", "i"))
        follow = ""
        for entry in reversed(entries):
            follow = rules.add(f"{entry} {follow}? | {follow}" if follow else entry, "n")
        return rules.add(f"{_text(f'{pad}{scalar(part)}:{chr(10)}')} {follow}", "l")
    return rules.add(f"{_text(f'{pad}{scalar(part)}:{chr(10)}')} {_node(below, indent + 2, kind, policy, rules)}", "m")


def _value(entry: Field, kind: str, policy: Policy, rules: _Rules) -> str:
    """The values to choose among. The present one repairs nothing; it stays only where one other would be left."""
    values = [value for value in entry.known if _within(entry.path, value, policy)]
    others = [value for value in values if value != entry.current]
    known = [_text(scalar(value)) for value in (others if len(others) > 1 or entry.free else values)]
    if entry.removable:
        known.append('"null"')
    return rules.add(" | ".join([*known, *_free(entry, policy)]) or '"null"', "v")


def _free(entry: Field, policy: Policy) -> list[str]:
    if entry.free == "int":
        counts = entry.path[-1] == "replicas"
        least, most = (policy.ceiling("min_replicas"), policy.ceiling("replicas")) if counts else (0, 65535)
        return ["%json " + json.dumps({"type": "integer", "minimum": int(least), "maximum": int(most)})]
    if entry.free == "cpu":
        top = int(float(policy.ceiling("cpu")) * 1000)
        return ["%json " + json.dumps({"type": "integer", "minimum": 1, "maximum": top}) + ' "m"']
    if entry.free == "memory":
        top = int(float(policy.ceiling("memory")) / 2**20)
        return ["%json " + json.dumps({"type": "integer", "minimum": 1, "maximum": top}) + ' "Mi"']
    if entry.free == "digits":
        return ['"\\"" INT "\\""']
    if entry.free == "text":
        return ['"\\"" WORD "\\""']
    return []


def _within(path: Path, value: Any, policy: Policy) -> bool:
    """Whether a known value stays under the policy's ceiling."""
    if path[-1] == "replicas" and isinstance(value, int):
        return bool(policy.ceiling("min_replicas") <= value <= policy.ceiling("replicas"))
    return True


def scalar(value: Any) -> str:
    """One line of YAML that reads back as the value."""
    if isinstance(value, str):
        plain = (
            bool(value) and "\n" not in value and value.strip() == value and not set(value) & set("{}[]%\"'#,&*!|>@`")
        )
        if plain and _reads_back(value):
            return value
    return json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=4096)
def _reads_back(text: str) -> bool:
    """Whether YAML takes it, written without quotes, for this very text. (The same few come up again and again.)"""
    try:
        return bool(yaml.safe_load(f"k: {text}") == {"k": text})
    except yaml.YAMLError:
        return False


def _text(text: str) -> str:
    """A Lark literal."""
    return json.dumps(text, ensure_ascii=False)


def _either(texts: Iterable[str]) -> str:
    return " | ".join(_text(text) for text in dict.fromkeys(texts))
