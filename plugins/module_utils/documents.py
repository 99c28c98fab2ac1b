# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Evidence and Verdict as plain data, for results of plugins and for files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .evidence import Evidence, ObjectRef
from .verdict import Verdict


def evidence_document(evidence: Evidence) -> dict[str, Any]:
    """The facts, most telling first, what they are about, and what could not be read."""
    return {
        "namespace": evidence.inventory.namespace,
        "time": evidence.inventory.time,
        "facts": [
            {
                "id": fact.id,
                "kind": fact.kind,
                "subject": object_document(fact.subject),
                "text": fact.text,
                "anomaly": fact.weight > 0,
                "source": fact.source,
                "time": fact.time,
            }
            for fact in evidence.facts
        ],
        "near": [object_document(ref) for ref in evidence.near],
        "unseen": list(evidence.inventory.unseen),
    }


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """Each check's measured value beside its bound, and for how long it held."""
    return {
        "healthy": verdict.healthy,
        "held_seconds": round(verdict.held_seconds, 3),
        "checks": [
            {
                "name": check.name,
                "subject": check.subject,
                "passed": check.passed,
                "measured": check.measured,
                "bound": check.bound,
                "detail": check.detail,
            }
            for check in verdict.checks
        ],
        "worse": list(verdict.worse),
        "unseen": list(verdict.unseen),
    }


def object_document(ref: ObjectRef) -> dict[str, str]:
    """What names an object."""
    return {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name}


def object_named(document: Mapping[str, Any]) -> ObjectRef:
    """The other way round: the object that ``object_document`` names; KeyError where that is not said."""
    return ObjectRef(str(document["kind"]), str(document["namespace"]), str(document["name"]))
