"""Cases: a fault, a variant and a seed; and the Scene that a case is staged as.

A seed decides everything of a case: the system, its past, the fault's place and values, the wording
of the report. Training and benchmark never share one.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..plugins.module_utils.errors import InputError
from ..plugins.module_utils.evidence import ObjectRef
from ..sandbox import faults
from ..sandbox.faults.dynamic import PASSING, Unfolding, later_on_sandbox
from ..sandbox.sandbox import Sandbox
from ..sandbox.systems import System, choose, generate, prepare
from .courses import COURSES, begin
from .oracle import Charge, observe
from .site import SandboxSite, Site

TRAINING_SEEDS = range(100_000)
BENCHMARK_SEEDS = range(1_000_000, 2_000_000)

FALSE_REPORT = "false_report"
"""Stands where a fault would: a report about a system that is sound."""

SEVEN = faults.FIRST_SEVEN
"""The faults of the first table."""

UNSEEN = (
    "configuration_error",
    "cpu_stress",
    "disk_latency",
    "dns_broken",
    "liveness_too_eager",
    "memory_stress",
    "missing_service_account",
    "network_delay",
    "network_loss",
    "network_policy_denies",
    "node_selector_unmatched",
    "pod_failure",
    "pvc_unbound",
    "service_port_mismatch",
    "stuck_rollout",
)
"""Faults that training never shows the model. By name, so that a table of them says the same next year; which others
training does not show either, ``Fault.taught`` tells."""

WAIT = "wait"
"""What is right where the fault goes by itself."""

GROUPS = ("seven", "paper", "unseen", "courses", "all")

_ANOTHER_SYSTEM = 10**9
"""From one system of a seed to the next, where the fault finds nothing to break: never into another seed's."""
_SYSTEMS = 12


class StageError(Exception):
    """The case cannot be staged: in no system of its seed can the fault be put so that it shows. It is no result."""


@dataclass(frozen=True, order=True)
class Case:
    """``variant`` names how the fault is put; empty: one that the seed picks. ``system``: what it is put into, by
    name; empty: the random system of the seed."""

    fault: str
    variant: str
    seed: int
    system: str = ""

    @property
    def key(self) -> str:
        """The case in one word, for seeding what belongs to it."""
        return f"{self.fault}/{self.variant}/{self.seed}" + (f"/{self.system}" if self.system else "")


@dataclass(frozen=True)
class Scene:
    """A case on its stage: a cluster with the fault in it and showing, and what the judge needs to know."""

    case: Case
    sandbox: Any  # None on a real cluster
    system: System
    site: Site
    charge: Charge
    report: Any  # as somebody sends it: text or structure
    injected: faults.Injected | None = None  # None: nothing was broken, or a course is under way
    unfolding: Unfolding | None = None  # the course


def known() -> tuple[str, ...]:
    """Every fault that lies in sandbox/faults; courses are not among them."""
    return tuple(faults.FAULTS)


def group(name: str) -> tuple[str, ...]:
    """The faults of one of GROUPS; ``paper``: MicroRemed's; ``unseen``: those that training never shows the model;
    ``courses``: those that come and go while somebody looks."""
    groups = {
        "seven": SEVEN,
        "paper": faults.PAPER_SEVEN,
        "unseen": UNSEEN,
        "courses": tuple(COURSES),
        "all": known(),
    }
    return groups[name]


def variants(name: str) -> tuple[str, ...]:
    """The variants of a fault or course; of a false report none but the empty one. Raises InputError."""
    if name == FALSE_REPORT:
        return ("",)
    found = COURSES[name] if name in COURSES else faults.FAULTS[name].variants if name in faults.FAULTS else ()
    if not found:
        raise InputError(f"The fault {name!r} is not known.", f"Known are {', '.join((*known(), *COURSES))}.")
    return found


def cases(chosen: Sequence[str], seeds: Iterable[int], system: str = "") -> list[Case]:
    """Each fault on each seed's system, or on the one that is named; a fault's variants take turns.

    Raises InputError.
    """
    every = list(seeds)
    return [
        Case(name, found[turn % len(found)], seed, system)
        for name, found in [(name, variants(name)) for name in chosen]
        for turn, seed in enumerate(every)
    ]


def stage(case: Case) -> Scene:
    """Deploys, takes the baseline, breaks, waits until it shows. Raises StageError."""
    refusal = ""
    for turn in range(_SYSTEMS):
        rng = random.Random(f"case {case.key} {turn}")
        system = choose(case.system) if case.system else generate(case.seed + turn * _ANOTHER_SYSTEM)
        sandbox = Sandbox(system, case.seed)
        prepare(sandbox, system)
        try:
            return _staged(case, sandbox, system, rng)
        except faults.CannotInject as error:
            refusal = str(error)
    raise StageError(f"{case.key}: no luck with {_SYSTEMS} systems, the last: {refusal}")


def culprits(going: Unfolding, namespace: str) -> list[ObjectRef]:
    """Where the faults of a course were put that have come by now."""
    return [ObjectRef(item.culprit["kind"], namespace, item.culprit["name"]) for item in going.injected]


def _staged(case: Case, sandbox: Sandbox, system: System, rng: random.Random) -> Scene:
    site = SandboxSite(sandbox)
    healthy = observe(site, system.namespace)
    failing = [f"{name}:{port}" for (name, port), serving in healthy.serving.items() if not serving.well]
    if failing:
        raise StageError(f"{case.key}: {', '.join(failing)} of the system failed before anything was broken.")
    if case.fault == FALSE_REPORT:
        report = rng.choice(faults.false_report(system, rng).reports)
        return Scene(case, sandbox, system, site, Charge(system.namespace, "leave", healthy, healthy), report)
    transport = sandbox.transport()
    if case.fault in COURSES:
        sound = Scene(case, sandbox, system, site, Charge(system.namespace, "leave", healthy, healthy), "")
        return _on_course(sound, rng)
    injected = faults.inject(case.fault, transport, system, rng, case.variant)
    if not faults.confirm(transport, injected):
        raise faults.CannotInject(f"{injected.fault} does not show in {system.name}")
    charge = Charge(
        system.namespace,
        injected.right,
        healthy,
        observe(site, system.namespace),
        ObjectRef(injected.culprit["kind"], system.namespace, injected.culprit["name"]),
        lambda: faults.confirm(transport, injected),
        _ran_on(site, system.namespace, injected.switched),
    )
    return Scene(case, sandbox, system, site, charge, rng.choice(injected.reports), injected)


def _ran_on(site: Site, namespace: str, node: str) -> tuple[ObjectRef, ...]:
    """The workloads with Pods on a machine that is lost: they are no bystanders. ``node``: empty where none is."""
    items = list(site.objects(namespace)) if node else []
    there = [item for item in items if item["kind"] == "Pod" and item["spec"].get("nodeName") == node]
    labels = [pod["metadata"].get("labels", {}).items() for pod in there]
    return tuple(
        ObjectRef(item["kind"], namespace, item["metadata"]["name"])
        for item in items
        if item["kind"] in ("Deployment", "StatefulSet", "DaemonSet")
        and any(item["spec"]["selector"]["matchLabels"].items() <= own for own in labels)
    )


def _on_course(scene: Scene, rng: random.Random) -> Scene:
    """A Scene on a healthy system, with the course begun. An unnamed variant is the rng's. Raises CannotInject."""
    case, sandbox, namespace = scene.case, scene.sandbox, scene.system.namespace
    variant = case.variant or rng.choice(COURSES[case.fault])
    later = later_on_sandbox(sandbox)
    going, report = begin(case.fault, variant, sandbox.transport(), scene.system, rng, later)
    first, *others = culprits(going, namespace)
    charge = replace(
        scene.charge,
        right=WAIT if case.fault == PASSING else going.right,
        broken=observe(scene.site, namespace),
        culprit=first,
        also=(*others, *_ran_on(scene.site, namespace, going.injected[0].switched)),
        shows=going.confirm,
    )
    return replace(scene, charge=charge, report=report, unfolding=going)
