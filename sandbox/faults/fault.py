"""What a fault is, what it does to one system, and what is known of it afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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

ONCE, VARIED, FOLLOWS, ON_NODE = "once", "varied", "follows", "on_node"
"""How an experiment presses: on the Pods that it found, as strongly as the paper has it; the same as strongly as
chance has it; on whatever Pods the workload will ever have; or on those on one node, to
which somebody has bound the workload."""

PRESSED_VARIANTS = (ONCE, VARIED, FOLLOWS, ON_NODE)

SYMPTOMS = ("unready", "unanswered", "absent", "slow", "busy", "full", "starved")
"""Pods of the workload are not ready; requests to its Service fail; it has no Pods; its answers take long, fail, or its
Pods come and go; its containers use up their CPU limit; or their memory limit; or it has too little CPU for anything of
these."""


@dataclass(frozen=True)
class Experiment:
    """An experiment of Chaos Mesh on the Pods with these labels (or only those on ``node``). ``follow``: also on those
    that come later."""

    kind: str
    spec: Mapping[str, Any]  # without selector and mode
    labels: Mapping[str, str]
    node: str = ""
    follow: bool = False


@dataclass(frozen=True)
class Damage:
    """What is to be broken. ``edits`` must be undone for health, ``also`` came along and may stay.

    ``symptom``: one of SYMPTOMS. ``experiments`` break it in place of edits, or beside them; ``renew`` then says that
    new Pods are free of them, ``repair`` what else helps. ``why``, where given, takes the place of the family's.
    ``space``: the namespace of the edits, where it is not the system's; ``ends``: the labels of Pods there that are
    ended after the edits, as they would read them too late otherwise. ``switched``: what becomes of the machine
    ``name``, one of switches.STATES.
    """

    kind: str
    name: str  # of the object that is at fault
    workload: str  # whose Pods or Service suffer
    symptom: str
    edits: tuple[Edit, ...]
    also: tuple[Edit, ...] = ()
    restart: bool = False  # its Pods are replaced afterwards, so that it shows
    alongside: tuple[Object, ...] = ()  # objects created before
    experiments: tuple[Experiment, ...] = ()
    renew: bool = False
    repair: tuple[Edit, ...] = ()
    why: str = ""
    space: str = ""
    ends: Mapping[str, str] = field(default_factory=dict)
    switched: str = ""


@dataclass(frozen=True)
class Fault:
    """One family. ``damage`` chooses a victim and values in a healthy system, or None when there is none.

    ``right``: resolve, or escalate where the default policy forbids every repair. ``taught``: used in training;
    the others are for tests of what was never seen. ``touches_cluster``: not for a cluster that others use.
    ``simulated``: for a sandbox only; a real cluster cannot be broken so.
    ``beyond``: variants that no repair within the default policy helps against, in a family where it does otherwise.
    """

    name: str
    right: str
    why: str
    variants: tuple[str, ...]
    damage: Callable[[Scene, random.Random, str], Damage | None]
    taught: bool = True
    touches_cluster: bool = False
    beyond: tuple[str, ...] = ()
    simulated: bool = False

    def right_in(self, variant: str) -> str:
        """What is right in this variant: resolve or escalate."""
        return "escalate" if variant in self.beyond else self.right


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
    container: str = ""  # the workload's main one
    experiments: tuple[tuple[str, str], ...] = ()  # (kind, name) of what presses on it
    usual: float = 0.0  # what the symptom is measured against: seconds, cores or bytes before the fault
    space: str = ""  # the namespace of the edits, where it is not the system's
    ends: Mapping[str, str] = field(default_factory=dict)  # labels of Pods there that must be new to see the edits
    switched: str = ""  # the machine that has been switched off


class CannotInject(Exception):
    """This system has nothing that this fault can break."""
