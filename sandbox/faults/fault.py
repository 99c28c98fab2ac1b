"""What a fault is, what it does to one system, and what is known of it afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..systems.edits import Edit
from .scene import Scene

Object = dict[str, Any]
Report = str | Object

LATEST, BURIED, FIRST, MOVED_ON, LIVE = "latest", "buried", "first", "moved_on", "live"
"""How the fault came: with the newest revision; under a later harmless revision; with the first one, so that
there is nothing to go back to; together with a change that the rest of the system has followed, so that the
revision before no longer works; or outside the workload's template, where going back changes nothing."""

TEMPLATE_VARIANTS = (LATEST, BURIED, FIRST, MOVED_ON)


@dataclass(frozen=True)
class Damage:
    """What is to be broken. ``edits`` must be undone for health, ``also`` came along and may stay.

    ``symptom``: unready (Pods of the workload), unanswered (requests to its Service), absent (no Pods at all).
    """

    kind: str
    name: str  # of the object that is at fault
    workload: str  # whose Pods or Service suffer
    symptom: str
    edits: tuple[Edit, ...]
    also: tuple[Edit, ...] = ()
    restart: bool = False  # its Pods are replaced afterwards, so that it shows
    alongside: tuple[Object, ...] = ()  # objects created before


@dataclass(frozen=True)
class Fault:
    """One family. ``damage`` chooses a victim and values in a healthy system, or None when there is none.

    ``right``: resolve, or escalate where the default policy forbids every repair. ``taught``: used in training;
    the others are for tests of what was never seen. ``touches_cluster``: not for a cluster that others use.
    """

    name: str
    right: str
    why: str
    variants: tuple[str, ...]
    damage: Callable[[Scene, random.Random, str], Damage | None]
    taught: bool = True
    touches_cluster: bool = False


@dataclass(frozen=True)
class Injected:
    """A fault in place. ``named`` is what the reports point at; None when they name nothing."""

    fault: str
    variant: str
    namespace: str
    culprit: dict[str, str]
    named: dict[str, str] | None
    reports: tuple[Report, ...]
    right: str
    why: str
    edits: tuple[Edit, ...]
    symptom: str
    workload: dict[str, str]
    service: str
    port: int
    restart: bool = False  # the ground-truth edits show only in new Pods


class CannotInject(Exception):
    """This system has nothing that this fault can break."""
