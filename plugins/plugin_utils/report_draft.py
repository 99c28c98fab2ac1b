# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a format's reader makes of a report, before it is checked and bounded."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .report import Suspect


@dataclass(frozen=True)
class ReportDraft:
    """Fields as in Report, none of them bounded or checked yet."""

    summary: str
    suspects: tuple[Suspect, ...]
    namespace: str
    severity: str
    source: str
    resolved: bool = False
    fingerprint: str = ""


KIND_NAMES = {
    "pod": "Pod", "po": "Pod", "deployment": "Deployment", "deploy": "Deployment",
    "service": "Service", "svc": "Service",
    "statefulset": "StatefulSet", "sts": "StatefulSet", "daemonset": "DaemonSet", "ds": "DaemonSet",
    "replicaset": "ReplicaSet", "rs": "ReplicaSet", "job": "Job", "cronjob": "CronJob", "configmap": "ConfigMap",
    "cm": "ConfigMap", "secret": "Secret", "node": "Node", "ingress": "Ingress", "ing": "Ingress",
    "persistentvolumeclaim": "PersistentVolumeClaim", "pvc": "PersistentVolumeClaim",
    "hpa": "HorizontalPodAutoscaler", "horizontalpodautoscaler": "HorizontalPodAutoscaler",
    "networkpolicy": "NetworkPolicy", "netpol": "NetworkPolicy",
}  # fmt: skip
"""Kinds by the words that people and labels use for them."""


def suspect(name: str, kind: str = "") -> Suspect:
    """A Suspect; of a Pod whose name carries generated suffixes, the workload that the name tells."""
    name = name.strip().lower().rstrip(".")
    if kind in ("Pod", "ReplicaSet", ""):
        for pattern in (r"^(.+)-[0-9a-f]{7,10}-[a-z0-9]{5}$", r"^(.+)-[0-9a-f]{8,10}$"):
            match = re.match(pattern, name)
            if match and any(character.isdigit() for character in name[len(match.group(1)) :]):
                return Suspect(match.group(1), "Deployment" if kind in ("Pod", "ReplicaSet") else "")
    return Suspect(name, kind)
