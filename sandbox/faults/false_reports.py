"""Reports that are wrong: about healthy services, and about services that do not exist."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from ..systems.names import service_name
from ..systems.system import System
from .reports import alert, prose, sentence

Object = dict[str, Any]


@dataclass(frozen=True)
class FalseReport:
    """``exists``: the service that is named is there (and well)."""

    named: dict[str, str]
    exists: bool
    reports: tuple[str | Object, ...]


def false_report(system: System, rng: random.Random) -> FalseReport:
    """Half of them name a service that is well, half one that is not there."""
    served = [spec for spec in system.services if spec.service]
    exists = rng.random() < 0.5
    if exists:
        spec = rng.choice(served)
        named = {"kind": spec.kind, "name": spec.name}
    else:
        named = {"kind": "Deployment", "name": service_name(rng, {spec.name for spec in system.services})}
    symptom = rng.choice(("unready", "unanswered"))
    reports: list[str | Object] = [
        sentence(named, system, symptom, rng),
        prose(named, system, symptom, rng),
        alert(named, system, symptom, rng),
    ]
    rng.shuffle(reports)
    return FalseReport(named, exists, tuple(reports))
