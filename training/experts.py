"""Expert Episodes: a scripted author who knows what was broken answers as a good engineer would.

The expert sees the same Evidence as the model, through the product's own probe and loop, and may
say only what that Evidence supports: it probes when the cause is not in view, writes the repair
when the right value is, and hands over when the policy or the Evidence does not carry a repair.
An Episode teaches only if it ended as it should. This module may map faults to repairs; the
product must not, and does not, import it.

    python -m ansible_collections.e2ereme.remediate.training.experts --episodes 700 --out examples.jsonl
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import yaml

from ..model import answer as answers
from ..model import fields, grammar, prompt
from ..model.fields import ABSENT, Field
from ..plugins.module_utils.evidence import Evidence, Fact, ObjectRef
from ..plugins.module_utils.kinds import KINDS
from ..plugins.plugin_utils.policy import Policy
from ..plugins.plugin_utils.report import Report
from ..plugins.plugin_utils.step import Answer
from ..plugins.plugin_utils.wishes import Write
from .examples import Example, write

PLENTY = {"cpu": "500m", "memory": "256Mi"}
"""What an engineer gives a starved container when nothing tells what it had."""


@dataclass(frozen=True)
class Truth:
    """What the fault's file says: ground-truth edits, whether to resolve, and why not if not."""

    fault: str
    culprit: ObjectRef
    edits: tuple[Any, ...]  # of sandbox.systems.edits.Edit
    right: str  # resolve or escalate
    why: str


@dataclass
class Expert:
    """Answers for one Episode and keeps what it taught. ``stumble``: begins with a plausible wrong try."""

    truth: Truth
    origin: dict[str, Any]
    rng: random.Random
    stumble: bool = False
    taught: list[Example] = field(default_factory=list)

    def __call__(self, report: Report, wish: Write, policy: Policy) -> Answer:
        """The Answer, as model/client.ask gives it."""
        if self.stumble and not wish.attempts and "playbook" in wish.steps and self.truth.right == "resolve":
            wrong = self._restart(wish)
            if wrong:
                return wrong
        text = self._text(report, wish, policy)
        lark = grammar.build(
            wish.evidence, policy, steps=wish.steps, looked=wish.looked, attempts=wish.attempts, report=report.raw
        )
        messages = prompt.render(report, wish.evidence, wish.attempts)
        origin = {**self.origin, "step": len(self.taught), "kind": text.split("step: ", 1)[1].split("\n", 1)[0]}
        self.taught.append(Example(tuple(messages), lark, text, origin))
        return Answer(answers.parse(text, wish.evidence), text, 0, 0, 0.0)

    def _text(self, report: Report, wish: Write, policy: Policy) -> str:
        evidence = wish.evidence
        shown = prompt.evidence_text(evidence)
        culprits = [ObjectRef(edit.kind, evidence.inventory.namespace, edit.name) for edit in self.truth.edits]
        cites = _cites(evidence, [*culprits, self.truth.culprit], [str(edit.right) for edit in self.truth.edits])
        if self.truth.right == "escalate":
            return self._hand_over(wish, cites)
        written = [self._write(edit, report, evidence, policy, shown) for edit in self.truth.edits]
        if all(written) and "playbook" in wish.steps:
            return (
                _head(cites, self._diagnosis(), "playbook")
                + "- tasks:\n"
                + _tasks([pair for pairs in written if pairs for pair in pairs], report, evidence, policy)
            )
        searching = len(wish.looked) < 2
        unseen = [ref for ref in culprits if ref not in wish.looked and ref in evidence.near]
        if unseen and searching and "probe" in wish.steps:
            return _head(cites, "not fully seen", "probe") + f"look: {unseen[0]}\n"
        towards = _towards(evidence, self.truth.culprit, wish.looked)
        if towards and searching and self.truth.culprit not in wish.looked and "probe" in wish.steps:
            return _head(cites, "the cause is not in view", "probe") + f"look: {towards}\n"
        leaf = _leaf(self.truth.edits[0].path)
        reason = f"the right {leaf} of {self.truth.edits[0].kind} {self.truth.edits[0].name} is not known here"
        return _head(cites, self._diagnosis(), "escalate") + f"reason: {_words(reason, 110)}\n"

    def _hand_over(self, wish: Write, cites: list[str]) -> str:
        culprit = self.truth.culprit
        seen = any(fact.subject == culprit or culprit.name in fact.text for fact in wish.evidence.anomalies)
        towards = _towards(wish.evidence, culprit, wish.looked)
        if not seen and towards and "probe" in wish.steps:
            return _head(cites, "the cause is not in view", "probe") + f"look: {towards}\n"
        return _head(cites, "outside of what may be changed", "escalate") + f"reason: {_words(self.truth.why, 110)}\n"

    def _diagnosis(self) -> str:
        leaves = dict.fromkeys(_leaf(edit.path) for edit in self.truth.edits)
        return _words(f"wrong {' and '.join(leaves)}", 60)

    def _write(
        self, edit: Any, report: Report, evidence: Evidence, policy: Policy, shown: str
    ) -> list[tuple[Field, Any]] | None:
        """The leaves of one edit with a value that the Evidence supports; None where it does not."""
        ref = ObjectRef(edit.kind, evidence.inventory.namespace, edit.name)
        if ref not in evidence.near:
            return None
        offered = {entry.path: entry for entry in fields.fields_of(ref, evidence, policy, report.raw)}
        live = evidence.inventory.get(ref) or {}
        found = []
        for path, right in (
            fields.leaves(edit.right, _path(edit.path, live))
            if edit.right is not None
            else [(_path(edit.path, live), None)]
        ):
            entry = offered.get(path)
            if entry is None:
                return None
            value = _supported(entry, right, shown)
            if value is ABSENT:
                return None
            if value != entry.current:
                found.append((entry, value))
        return found

    def _restart(self, wish: Write) -> Answer | None:
        """The commonest wrong try: restart, or roll back, what the report names."""
        target = next((ref for ref in wish.evidence.near if ref.kind == "Deployment"), None)
        if target is None:
            return None
        verb = self.rng.choice(["restart", "rollback"])
        head = f"  - name: Try\n    kubernetes.core.{'k8s' if verb == 'restart' else 'k8s_rollback'}:\n"
        names = f"      api_version: apps/v1\n      kind: Deployment\n      namespace: {target.namespace}\n"
        names += f"      name: {target.name}\n"
        if verb == "restart":
            stamp = {"kubectl.kubernetes.io/restartedAt": wish.evidence.inventory.time}
            tree = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
            body = yaml.safe_dump({"state": "patched", "definition": tree})
            names += "".join(f"      {line}\n" for line in body.splitlines())
        text = _head(["e1"], "a restart may help", "playbook") + "- tasks:\n" + head + names
        return Answer(answers.parse(text, wish.evidence), text, 0, 0, 0.0)


def _supported(entry: Field, right: Any, shown: str) -> Any:
    """The right value where the Evidence shows it; a sensible one for resources and replicas; else None."""
    if right is None and entry.removable:
        return None
    if right is None:
        return PLENTY.get(entry.free, ABSENT)
    text = " ".join(map(str, right)) if isinstance(right, list) else str(right)
    unit = {"cpu": "m", "memory": "Mi"}.get(entry.free)
    free = entry.free in ("int", "digits", "text") or (unit is not None and text.endswith(unit))
    sayable = free or right in entry.known
    if sayable and _in_text(text, shown):
        return right
    if entry.free in PLENTY:
        return PLENTY[entry.free]
    if entry.path[-1] == "replicas":
        return 1
    repository, _, tag = text.rpartition(":")
    if entry.path[-1] == "image" and right in entry.known and repository in shown and _in_text(tag, shown):
        return right
    # An address may be told by its parts: the Service's name and port.
    parts = [
        part for part in text.replace("://", "/").replace(":", "/").split("/") if part not in ("http", "https", "")
    ]
    if right in entry.known and len(parts) > 1 and all(_in_text(part.partition(".")[0], shown) for part in parts):
        return right
    # A slip of the pen is put right by what is most like it among what is offered, or by its digits alone.
    wrong = "" if entry.current is ABSENT else json.dumps(entry.current)
    if right in entry.known and SequenceMatcher(None, wrong, json.dumps(right)).ratio() > 0.75:
        likest = max(
            (value for value in entry.known if value != entry.current),
            key=lambda value: SequenceMatcher(None, wrong, json.dumps(value)).ratio(),
        )
        if likest == right:
            return right
    # A key that is lacking, beside one spelled almost like it: what that one holds stands first among the known.
    if entry.current is ABSENT and entry.path[0] == "data" and entry.known[:1] == (right,):
        words = set(re.findall(r"[\w.-]+", shown)) - {entry.path[-1]}
        if any(SequenceMatcher(None, entry.path[-1], word.strip(".")).ratio() > 0.85 for word in words):
            return right
    if entry.free in ("text", "digits") and text.isdigit() and re.sub(r"\D", "", wrong) == text:
        return right
    return ABSENT


def _in_text(value: str, text: str) -> bool:
    """Whether the value stands in the text as a word of its own."""
    return bool(re.search(rf"(?<![\w.]){re.escape(value)}(?![\w])", text))


def _path(path: Sequence[Any], live: Any) -> fields.Path:
    """A fault's path in the words of model/fields.py: list entries by their merge key."""
    out: list[Any] = []
    node: Any = live
    for part in path:
        if isinstance(part, str):
            out.append(part)
            node = node.get(part) if isinstance(node, dict) else None
            continue
        key = fields.merge_key(str(out[-1]), node)
        if isinstance(part, int):
            item = node[part] if isinstance(node, list) and part < len(node) else None
        else:
            item = next((i for i in node or () if all(i.get(k) == v for k, v in part.items())), None)
            key = key or next(iter(part))
        if item is None and isinstance(part, dict):
            out.append((key, part.get(key)))
        elif item is not None and key:
            out.append((key, item.get(key)))
        else:
            out.append(str(part))
        node = item
    return tuple(out)


def _tasks(changes: Sequence[tuple[Field, Any]], report: Report, evidence: Evidence, policy: Policy) -> str:
    """The tasks' YAML in the grammar's own order."""
    text = ""
    for ref in [ref for ref in evidence.near if any(entry.ref == ref for entry, _ in changes)]:
        for entry, value in [(entry, value) for entry, value in changes if entry.ref == ref and entry.pointer]:
            text += "\n".join(
                [
                    f"  - name: Edit {ref.kind} {ref.name}",
                    "    kubernetes.core.k8s_json_patch:",
                    f"      api_version: {KINDS[ref.kind].api_version}",
                    f"      kind: {ref.kind}",
                    f"      namespace: {ref.namespace}",
                    f"      name: {ref.name}",
                    "      patch:",
                    "      - op: replace",
                    f"        path: {entry.pointer}",
                    f"        value: {grammar.scalar(value)}",
                    "",
                ]
            )
        mine = [(entry, value) for entry, value in changes if entry.ref == ref and not entry.pointer]
        if not mine:
            continue
        order = [entry.path for entry in fields.fields_of(ref, evidence, policy, report.raw)]
        mine.sort(key=lambda pair: order.index(pair[0].path))
        lines = [
            f"  - name: Patch {ref.kind} {ref.name}",
            "    kubernetes.core.k8s:",
            "      state: patched",
            f"      api_version: {KINDS[ref.kind].api_version}",
            f"      kind: {ref.kind}",
            f"      namespace: {ref.namespace}",
            f"      name: {ref.name}",
            "      definition:",
        ]
        text += "\n".join(lines) + "\n" + _definition(mine)
    return text


def _definition(changes: Sequence[tuple[Field, Any]]) -> str:
    out: list[str] = []
    above: tuple[Any, ...] = ()
    for entry, value in changes:
        indent = 8
        for depth, part in enumerate(entry.path):
            shared = above[: depth + 1] == entry.path[: depth + 1]
            last = depth == len(entry.path) - 1
            if isinstance(part, tuple):
                if not shared:
                    out.append(f"{' ' * indent}- {part[0]}: {grammar.scalar(part[1])}")
                indent += 2
                continue
            if last:
                shown = "null" if value is None else grammar.scalar(value)
                if entry.free in ("digits", "text") and isinstance(value, str):
                    shown = grammar.scalar(value) if value in entry.known else f'"{value}"'
                out.append(f"{' ' * indent}{grammar.scalar(part)}: {shown}")
            elif not shared:
                out.append(f"{' ' * indent}{grammar.scalar(part)}:")
            if not last and not isinstance(entry.path[depth + 1], tuple):
                indent += 2
        above = entry.path
    return "\n".join(out) + "\n"


def _head(cites: Sequence[str], diagnosis: str, step: str) -> str:
    return f"cites: {', '.join(cites) or 'none'}\ndiagnosis: {_words(diagnosis, 60)}\nstep: {step}\n"


def _cites(evidence: Evidence, about: Sequence[ObjectRef], values: Sequence[str]) -> list[str]:
    """At most two facts: the worst that is said of the culprit, and the one that shows the right value."""
    mine = [fact for fact in evidence.facts if fact.subject in about]
    worst = sorted((fact for fact in mine or evidence.facts if fact.weight > 0), key=_rank)
    telling = [fact for fact in evidence.facts if any(_in_text(value, fact.text) for value in values)]
    picked = [*worst[:1], *sorted(telling, key=lambda fact: (fact.subject not in about, _rank(fact)))[:1]]
    picked = list(dict.fromkeys(picked)) or list(evidence.facts[:1])
    return [fact.id for fact in sorted(picked, key=_rank)]


def _rank(fact: Fact) -> int:
    return int(fact.id[1:])


def _towards(evidence: Evidence, culprit: ObjectRef, looked: Sequence[ObjectRef]) -> ObjectRef | None:
    """The nearest thing to look at: the culprit itself, something of its name, or what an anomaly is about."""
    fresh = [ref for ref in evidence.near if ref not in looked]
    named = [ref for ref in fresh if ref == culprit] or [ref for ref in fresh if ref.name == culprit.name]
    telling = [ref for ref in fresh if any(fact.subject == ref for fact in evidence.anomalies)]
    return next(iter([*named, *telling, *fresh]), None)


def _leaf(path: Sequence[Any]) -> str:
    words = [
        part if isinstance(part, str) else str(next(iter(part.values()))) for part in path if not isinstance(part, int)
    ]
    last = words[-1]
    return words[-2] if last in ("value", "name") and len(words) > 1 else last


def _words(text: str, limit: int) -> str:
    """Within the characters that the grammar leaves to free text."""
    kept = "".join(c if (c.isalnum() and c.isascii()) or c in " ,.:_-" else " " for c in text)
    kept = " ".join(kept.split()).strip(" ,.:_-")
    return kept if len(kept) <= limit else kept[:limit].rsplit(" ", 1)[0]


def generate(episodes: int, first_seed: int, out: Path) -> None:
    """Runs expert Episodes on random systems in process and writes what the good ones taught.

    Each seed is one case; a case whose Episode does not end as it should is counted and left out.
    """
    from . import rollouts

    taught: list[Example] = []
    tally: Counter[str] = Counter()
    started = time.monotonic()
    with ProcessPoolExecutor() as pool:  # in the order of the seeds, whoever is done first
        played = pool.map(rollouts.expert_episode, range(first_seed, first_seed + episodes), chunksize=4)
        for number, (lessons, why) in enumerate(played, 1):
            tally[why] += 1
            taught += lessons
            if number % 100 == 0:
                print(f"{number} Episodes, {len(taught)} examples, {time.monotonic() - started:.0f} s", flush=True)
    write(out, taught)
    for why, count in sorted(tally.items()):
        print(f"  {why}: {count}")
    print(f"{len(taught)} examples in {out}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the examples."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=700)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    generate(given.episodes, given.first_seed, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
