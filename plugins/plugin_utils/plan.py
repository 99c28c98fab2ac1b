# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Plan: a Playbook that passed the gate, what it would change, its risk, and a digest over all that it rests on.

An approval is bound to the digest. What is said of an object before is kept with it, so that apply
can tell what has changed since. docs/plan.md describes the file, docs/plan.schema.json is its schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from ..module_utils.documents import object_document, object_named
from ..module_utils.errors import InputError
from ..module_utils.evidence import Manifest, ObjectRef
from .differences import FieldChange
from .playbook import Playbook
from .report import Report, Suspect
from .risk import Reason, Risk, risk_document

SCHEMA = 1
"""Version of the form of plan.json; it rises when a reader must change."""
FILE = "plan.json"
_MAX_BYTES = 8 << 20
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Effect:
    """What the Playbook does to one object. ``basis``: ``dry run`` on the API server, or ``computed``, with why."""

    ref: ObjectRef
    verb: str  # create, patch, replace, scale, rollback, delete
    basis: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True)
class Seen:
    """An object as the Plan saw it. ``content`` is what people write of it, None when it was not there."""

    ref: ObjectRef
    uid: str = ""
    generation: int | None = None
    resource_version: str = ""
    content: Manifest | None = None


@dataclass(frozen=True)
class Target:
    """Which cluster and namespace. ``marks``: uids of objects that tell this cluster from any other, by name."""

    namespace: str
    marks: Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """Times are API-server times. ``path``: where it was written to or read from."""

    report: Report
    diagnosis: str
    playbook: Playbook
    effects: tuple[Effect, ...]
    risk: Risk
    policy: str  # the digest of the policy
    policy_source: str
    target: Target
    seen: tuple[Seen, ...]
    created: datetime
    expires: datetime
    author: str
    path: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over everything in the file."""
        return _digest(_document(self))

    @property
    def in_words(self) -> str:
        """Each field with its old and its new value, on one line."""
        return "; ".join(
            f"{effect.ref} {change}" for effect in self.effects for change in effect.fields or (f"is {effect.verb}d",)
        )


def as_text(plan: Plan) -> str:
    """plan.json."""
    document = _document(plan)
    return json.dumps({**document, "digest": _digest(document)}, indent=2, ensure_ascii=False) + "\n"


def read_plan(path: str | Path) -> Plan:
    """The Plan in a file, or in the folder of an Episode; InputError where it cannot be used or was altered.

    The digest shows a careless hand, not a clever one: what stands in the file is checked again, as
    the model's own text was, before anything of it runs.
    """
    source = Path(path).expanduser()
    source = source / FILE if source.is_dir() else source
    try:
        if source.stat().st_size > _MAX_BYTES:
            raise InputError(f"The Plan {source} is larger than 8 MB.", "Is it the right file?")
        document = json.loads(source.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"The Plan {source} cannot be read ({error.strerror}).", "Check the path.") from error
    except ValueError as error:
        raise InputError(f"The Plan {source} is not JSON: {error}.", "Make a new one with mode: plan.") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError(f"{source} is no Plan of form {SCHEMA}.", "Give the plan.json of an Episode that was planned.")
    stated = document.pop("digest", "")
    if stated != _digest(document):
        raise InputError(
            f"The Plan {source} was altered: it does not have the digest that it states.", "Make a new one."
        )
    try:
        return replace(_parsed(document), path=str(source.absolute()))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"The Plan {source} lacks something: {error}.", "Make a new one with mode: plan.") from error


def ungated(playbook: Playbook) -> str:
    """The text of a Plan's Playbook in a form that the gate reads; InputError where it is no YAML of ours."""

    class Loader(yaml.SafeLoader):
        """Knows the one tag that our own re-emit writes."""

    Loader.add_constructor("!unsafe", lambda loader, node: str(node.value))
    try:
        return json.dumps(yaml.load(playbook.text, Loader=Loader), ensure_ascii=False)
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"The playbook of the Plan cannot be read: {error}.", "Make a new Plan.") from error


def _digest(document: Mapping[str, Any]) -> str:
    return sha256(json.dumps(document, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _document(plan: Plan) -> dict[str, Any]:
    report = plan.report
    return {
        "schema": SCHEMA,
        "created": plan.created.strftime(_STAMP),
        "expires": plan.expires.strftime(_STAMP),
        "author": plan.author,
        "report": {
            "summary": report.summary,
            "suspects": [{"name": s.name, "kind": s.kind, "sure": s.sure} for s in report.suspects],
            "severity": report.severity,
            "source": report.source,
            "fingerprint": report.fingerprint,
        },
        "diagnosis": plan.diagnosis,
        "target": {"namespace": plan.target.namespace, "marks": dict(plan.target.marks)},
        "policy": {"digest": plan.policy, "source": plan.policy_source},
        "risk": risk_document(plan.risk),
        "effects": [
            {
                **object_document(effect.ref),
                "verb": effect.verb,
                "basis": effect.basis,
                "fields": [{"path": field.path, "old": field.old, "new": field.new} for field in effect.fields],
            }
            for effect in plan.effects
        ],
        "seen": [
            {
                **object_document(seen.ref),
                "uid": seen.uid,
                "generation": seen.generation,
                "resourceVersion": seen.resource_version,
                "content": seen.content,
            }
            for seen in plan.seen
        ],
        "playbook": {
            "text": plan.playbook.text,
            "digest": plan.playbook.digest,
            "touches": [object_document(ref) for ref in plan.playbook.touches],
        },
    }


def _parsed(document: Mapping[str, Any]) -> Plan:
    report, target, playbook = document["report"], document["target"], document["playbook"]
    return Plan(
        report=Report(
            summary=str(report["summary"]),
            suspects=tuple(Suspect(s["name"], s["kind"], s["sure"]) for s in report["suspects"]),
            namespace=str(target["namespace"]),
            severity=str(report["severity"]),
            source=str(report["source"]),
            raw=str(report["summary"]),
            fingerprint=str(report["fingerprint"]),
        ),
        diagnosis=str(document["diagnosis"]),
        playbook=Playbook((), str(playbook["text"]), tuple(object_named(item) for item in playbook["touches"])),
        effects=tuple(
            Effect(
                object_named(item),
                item["verb"],
                item["basis"],
                tuple(FieldChange(field["path"], field["old"], field["new"]) for field in item["fields"]),
            )
            for item in document["effects"]
        ),
        risk=Risk(
            document["risk"]["level"],
            tuple(Reason(item["level"], item["text"]) for item in document["risk"]["reasons"]),
        ),
        policy=str(document["policy"]["digest"]),
        policy_source=str(document["policy"]["source"]),
        target=Target(str(target["namespace"]), dict(target["marks"])),
        seen=tuple(
            Seen(object_named(item), item["uid"], item["generation"], item["resourceVersion"], item["content"])
            for item in document["seen"]
        ),
        created=_moment(document["created"]),
        expires=_moment(document["expires"]),
        author=str(document["author"]),
    )


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
