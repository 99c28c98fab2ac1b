# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the same report was given up on a short while ago: alerts are sent again and again until somebody acts.

Remembered in the cluster, so that it holds whichever controller an alert reaches: in the annotations
of a Lease, since those are what the account may write anyway. Nothing is written while the policy's
deduplicate_minutes is 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..module_utils.cluster import Cluster
from ..module_utils.errors import Conflict, NotFound, Refused
from ..module_utils.evidence import ObjectRef

LEASE = "e2ereme-reports"
ENDED = "e2ereme.remediate/ended"
GIVEN_UP = ("escalated", "exhausted")
"""Outcomes after which only a person can tell whether trying again makes sense."""
_STAMP = "%Y-%m-%dT%H:%M:%SZ"
_TRIES = 3
_MOST = 100  # annotations of an object hold 256 KiB


@dataclass(frozen=True)
class Ended:
    """A report's fingerprint, how its Episode ended, and when."""

    fingerprint: str
    outcome: str
    time: datetime

    def __str__(self) -> str:
        return f"{self.fingerprint}={self.outcome}@{self.time.strftime(_STAMP)}"


def require_fresh(cluster: Cluster, namespace: str, fingerprint: str, minutes: float) -> None:
    """Refused when an Episode on this fingerprint was given up less than ``minutes`` ago."""
    if minutes <= 0 or not fingerprint:
        return
    now = cluster.now()
    found = cluster.find(ObjectRef("Lease", namespace, LEASE))
    for ended in _recent(found, now, minutes):
        if ended.fingerprint == fingerprint:
            again = ended.time + timedelta(minutes=minutes)
            raise Refused(
                f"The same report ended {ended.outcome} at {ended.time:%H:%M} UTC.",
                f"It is taken up again after {again:%H:%M} UTC (deduplicate_minutes of the policy), or with force.",
            )


def remember(cluster: Cluster, namespace: str, fingerprint: str, outcome: str, minutes: float) -> None:
    """Notes how an Episode ended, where that is one to remember; forgets what is older than ``minutes``."""
    if minutes <= 0 or not fingerprint or outcome not in GIVEN_UP:
        return
    ref = ObjectRef("Lease", namespace, LEASE)
    for _ in range(_TRIES):
        now = cluster.now()
        found = cluster.find(ref)
        kept = [ended for ended in _recent(found, now, minutes) if ended.fingerprint != fingerprint]
        text = ",".join(map(str, [*kept[1 - _MOST :], Ended(fingerprint, outcome, now)]))
        try:
            if found is None:
                meta = {"name": ref.name, "namespace": namespace, "annotations": {ENDED: text}}
                cluster.create({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": {}})
            else:
                meta = {**found["metadata"], "annotations": {**_annotations(found), ENDED: text}}
                cluster.replace({**found, "metadata": meta})
            return
        except (Conflict, NotFound):
            continue  # another Episode ended at the same moment


def _recent(lease: Mapping[str, Any] | None, now: datetime, minutes: float) -> Iterator[Ended]:
    for entry in _annotations(lease or {}).get(ENDED, "").split(","):
        fingerprint, _, rest = entry.partition("=")
        outcome, _, stamp = rest.partition("@")
        try:
            time = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
        except ValueError:
            continue  # somebody else's writing
        if time > now - timedelta(minutes=minutes):
            yield Ended(fingerprint, outcome, time)


def _annotations(lease: Mapping[str, Any]) -> Mapping[str, str]:
    return (lease.get("metadata") or {}).get("annotations") or {}
