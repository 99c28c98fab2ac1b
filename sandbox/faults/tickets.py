"""Longer reports of what was measured: a ticket of a help desk, and a root cause analysis as JSON."""

from __future__ import annotations

import random
from typing import Any

from ..systems.system import System
from .wordings import NOBODY, UNREADY, WORDS

Object = dict[str, Any]
Named = dict[str, str] | None

_HEADINGS = (
    ("Title", "Affected", "Environment", "Observed", "Priority"),
    ("Summary", "Service", "Namespace", "Details", "Severity"),
    ("Subject", "Component", "Where", "What we see", "Urgency"),
)
_CHECKED = (
    "The team has deployed nothing today.",
    "It was fine yesterday.",
    "Dashboards of the nodes look normal.",
    "Callers report time-outs now and then.",
    "We have not touched anything yet.",
)
_METRICS = {
    "slow": (("request_duration_seconds_p95", "s", 0.6, 6.0), ("request_duration_seconds_p50", "s", 0.3, 3.0)),
    "busy": (("container_cpu_usage_ratio", "", 0.8, 1.0), ("container_cpu_throttled_ratio", "", 0.4, 0.95)),
    "starved": (("container_cpu_throttled_ratio", "", 0.7, 0.99), ("request_duration_seconds_p95", "s", 0.4, 4.0)),
    "full": (("container_memory_working_set_ratio", "", 0.75, 0.98), ("memory_growth_ratio", "", 1.6, 9.0)),
}


def ticket(named: Named, system: System, symptom: str, rng: random.Random) -> str:
    """A form with headings that somebody has filled in."""
    title, who, where, seen, urgency = rng.choice(_HEADINGS)
    said = _said(named, system, symptom, rng)
    lines = [
        f"{title}: {said}",
        f"{where}: {system.namespace}",
        f"{urgency}: {rng.choice(('high', 'medium', 'P2', 'P1'))}",
    ]
    if named is not None:
        lines.insert(1, f"{who}: {named['kind']} {named['name']}")
    lines.append(f"{seen}: {said}. {rng.choice(_CHECKED)}")
    return "\n".join(lines)


def ranking(named: Named, system: System, symptom: str, rng: random.Random) -> Object:
    """Candidates by score with the metric that stood out. Without a name the scores are all alike."""
    others = [spec.name for spec in system.services if named is None or spec.name != named["name"]]
    rng.shuffle(others)
    first = round(rng.uniform(0.6, 0.97), 3)
    metric, unit, least, most = rng.choice(_METRICS[symptom])
    shown = [] if named is None else [(named["kind"], named["name"], first)]
    low = 0.3 if named is None else first * 0.5
    shown += [(system.service(name).kind, name, round(low * rng.uniform(0.6, 1.0), 3)) for name in others[:2]]
    return {
        "namespace": system.namespace,
        "summary": _said(named, system, symptom, rng),
        "severity": rng.choice(("warning", "critical")),
        "anomaly": {"metric": metric, "value": round(rng.uniform(least, most), 2), "unit": unit},
        "candidates": [
            {"rank": n, "kind": kind, "name": name, "score": score} for n, (kind, name, score) in enumerate(shown, 1)
        ],
        **({"service": named["name"]} if named is not None else {}),
    }


def _said(named: Named, system: System, symptom: str, rng: random.Random) -> str:
    if named is None:
        return rng.choice(NOBODY).format(space=system.namespace)
    return rng.choice(WORDS.get(symptom, UNREADY)).format(who=named["name"])
