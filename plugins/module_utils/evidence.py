# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was read from the cluster (Inventory) and what is worth saying of it (Evidence)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EVIDENCE_FORMAT = "1"
"""Raised when the wording or the order of facts changes so much that an adapter must be trained anew."""

Manifest = Mapping[str, Any]
"""A Kubernetes object as the API server sends it."""


@dataclass(frozen=True, order=True)
class ObjectRef:
    """Names one object. ``namespace`` is empty for cluster-scoped kinds."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Measurement:
    """One series of timed requests through the API server's proxy.

    ``status`` is the HTTP code seen most (0: no connection), ``seconds`` the median, ``failed``
    the share of samples that failed or answered 5xx, ``error`` the last failure's text.
    """

    target: ObjectRef  # a Service or a Pod
    port: int
    path: str
    samples: int
    failed: float
    status: int
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class Inventory:
    """One reading of a namespace and what it leans on; never the values of a Secret.

    ``objects`` maps a kind to its objects. ReplicaSets and ControllerRevisions, which carry the
    history of revisions, are kinds like any other. ``logs`` maps (pod, container, previous) to the
    tail of the log, ``usage`` (pod, container) to cpu (cores) and memory (bytes). ``unseen`` says
    what could not be read, and why.
    """

    namespace: str
    time: str  # API-server time, RFC 3339
    objects: Mapping[str, tuple[Manifest, ...]]
    measurements: tuple[Measurement, ...] = ()
    logs: Mapping[tuple[str, str, bool], str] = field(default_factory=dict)
    usage: Mapping[tuple[str, str], Mapping[str, float]] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()

    def of(self, kind: str) -> tuple[Manifest, ...]:
        """All objects of a kind; empty when there are none or they could not be read."""
        return self.objects.get(kind, ())

    def get(self, ref: ObjectRef) -> Manifest | None:
        """The object itself, or None."""
        for item in self.of(ref.kind):
            if item["metadata"]["name"] == ref.name:
                return item
        return None


@dataclass(frozen=True)
class Fact:
    """One line of Evidence.

    ``kind``: state, event, log, drift, peers, usage, request, reference, spec or unseen.
    ``weight`` ranks it; above 0 it tells of an anomaly, 0 is context.
    """

    id: str  # e1, e2, … in the order of rank
    kind: str
    subject: ObjectRef
    text: str  # one bounded, redacted line that begins with the subject
    weight: float
    source: str  # what was read or measured
    time: str = ""


@dataclass(frozen=True)
class Evidence:
    """The ranked facts, and the Inventory they were found in.

    ``near`` are the objects around the suspects and anomalies (one dependency hop further),
    most suspect first: what a Step may be about.
    """

    facts: tuple[Fact, ...]
    near: tuple[ObjectRef, ...]
    inventory: Inventory

    @property
    def anomalies(self) -> tuple[Fact, ...]:
        """The facts that tell of something wrong."""
        return tuple(fact for fact in self.facts if fact.weight > 0)
