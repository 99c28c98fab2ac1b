"""One trial on one side: deploy, break, look, then treat not at all, wrongly and rightly, judging each time."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass, field, replace
from typing import Any

from ...model.prompt import evidence_text
from ...plugins.module_utils.cluster import Cluster
from ...plugins.module_utils.evidence import Evidence, ObjectRef
from ...plugins.module_utils.near import found_suspects
from ...plugins.module_utils.probe import look
from ...plugins.module_utils.verdict import Verdict
from ...plugins.module_utils.verify import verify
from ...plugins.module_utils.workloads import View
from ...sandbox import faults
from ...sandbox.systems import System, deploy
from ...sandbox.systems.system import on_lab
from ..oracle import Charge, Judgement, Observation, judge, observe, observe_steady
from ..site import TransportSite
from . import repairs
from .repairs import Repair
from .sides import SIDES, YARDSTICK

TREATMENTS = ("none", "wrong", "right")

_UP_SECONDS = 240.0
_SETTLED_SECONDS = 15.0  # from "everything answers" to the baseline: usage and routes are there then
_LINGER = (20.0, 20.0)
_TAKEN_BACK_SECONDS = 10.0
_WATCH, _RENEWAL = 30.0, 30.0
_SAMPLES, _BASELINE_SAMPLES = 5, 10
_OUTCOMES = {"none": "exhausted", "wrong": "resolved", "right": "resolved"}


@dataclass(frozen=True, order=True)
class Trial:
    """What is tried: a system's fault in one variant."""

    system: str
    fault: str
    variant: str
    seed: int = 0

    @property
    def namespace(self) -> str:
        """Where it runs: the same on both sides, as lines of Evidence name it. The yardstick's has a longer name."""
        name = re.sub(r"[^a-z0-9]+", "-", f"fidelity-{self.system}-{self.fault}-{self.variant}-{self.seed}")
        return name[: 63 - len(YARDSTICK)].rstrip("-")


@dataclass(frozen=True)
class Treated:
    """What verify and the oracle said after one treatment. ``failed``: verify's checks, ``why``: the oracle's ills."""

    did: str
    healthy: bool
    resolved: bool
    failed: tuple[str, ...] = ()
    harm: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of a trial on one side. ``refused``: why the fault could not be put; then nothing else is there."""

    injected: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    treated: dict[str, Treated] = field(default_factory=dict)
    refused: str = ""
    seconds: float = 0.0


class NotUp(Exception):
    """The system did not come up: nothing was tried."""


def run(trial: Trial, system: System, side: str) -> Outcome:
    """Carries a trial out on a side, ``sandbox`` or ``cluster``. Raises NotUp."""
    started = time.monotonic()
    system = on_lab(system, trial.namespace)
    with SIDES[side](system, trial.seed) as (transport, site):
        outcome = Stage(trial, system, transport, site).played()
    return replace(outcome, seconds=round(time.monotonic() - started, 1))


class Stage:
    """A trial under way on one side."""

    def __init__(self, trial: Trial, system: System, transport: Any, site: TransportSite) -> None:
        self.trial, self.system, self.transport, self.site = trial, system, transport, site
        self.cluster = Cluster(transport)

    def played(self) -> Outcome:
        deploy(self.transport, self.system)
        self._until_well()
        self.site.sleep(_SETTLED_SECONDS)
        healthy = observe(self.site, self.system.namespace, _BASELINE_SAMPLES)
        self.require_quiet(healthy)
        rng = random.Random(f"fidelity {self.trial.fault} {self.trial.variant} {self.trial.seed}")
        try:
            injected = faults.inject(
                self.trial.fault, self.transport, self.system, rng, self.trial.variant, linger=_LINGER
            )
        except faults.CannotInject as error:
            return Outcome(refused=str(error))
        try:
            if not faults.confirm(self.transport, injected):
                return Outcome(_edits(injected), refused="the fault does not show")
            with faults.following(self.transport, injected):
                return self._treated(injected, healthy)
        finally:
            faults.withdraw(self.transport, injected)

    def _treated(self, injected: faults.Injected, healthy: Observation) -> Outcome:
        before = self._looked_at(injected)
        charge = Charge(
            self.system.namespace,
            "resolve",  # also where a person would have to do it: what the repair does is compared, not who may
            healthy,
            observe_steady(self.site, self.system.namespace),
            ObjectRef(injected.culprit["kind"], self.system.namespace, injected.culprit["name"]),
            lambda: faults.confirm(self.transport, injected),
        )
        treated = {"none": self._judged(injected, before, charge, "none", Repair("nothing", ()))}
        mistake = repairs.wrong(self.transport, injected, self.system)
        treated["wrong"] = self._judged(injected, before, charge, "wrong", mistake)
        repairs.take_back(self.transport, mistake, charge.broken.state)
        self.site.sleep(_TAKEN_BACK_SECONDS)
        truth = repairs.right(self.transport, injected, self.system)
        treated["right"] = self._judged(injected, before, charge, "right", truth)
        return Outcome(_edits(injected), tuple(evidence_text(before).splitlines()), treated)

    def _until_well(self) -> None:
        waited = 0.0
        while wrong := faults.healthy(self.transport, self.system):
            if waited >= _UP_SECONDS:
                raise NotUp(f"{self.trial.namespace} is not up after {_UP_SECONDS:.0f} s: {'; '.join(wrong)}")
            self.site.sleep(2.0)
            waited += 2.0

    def require_quiet(self, healthy: Observation) -> None:
        """Where probes killed sound programs before anything was broken, the cluster is too busy to say anything."""
        restarted = [str(ref) for ref, (_, restarts) in healthy.pods.items() if restarts]
        if self.site.yardstick and restarted:
            raise NotUp(f"{self.trial.namespace}: the cluster is too busy: {', '.join(restarted)} restarted by itself")

    def _looked_at(self, injected: faults.Injected) -> Evidence:
        named = ((injected.workload["name"], injected.workload["kind"]),)
        return look(self.cluster, self.system.namespace, guesses=named)

    def _judged(
        self, injected: faults.Injected, before: Evidence, charge: Charge, treatment: str, repair: Repair
    ) -> Treated:
        named = ((injected.workload["name"], injected.workload["kind"]),)
        suspects = found_suspects(View(before.inventory), named)
        verdict = verify(self.cluster, before, repair.touched, suspects=suspects)
        judgement = judge(self.site, charge, _OUTCOMES[treatment], _WATCH, _RENEWAL, _SAMPLES)
        return _treated(repair, verdict, judgement)


def _treated(repair: Repair, verdict: Verdict, judgement: Judgement) -> Treated:
    failed = [f"{check.subject} {check.name}: {check.measured}" for check in verdict.failed]
    return Treated(
        repair.what,
        verdict.healthy,
        judgement.resolved,
        (*failed, *(f"worse: {line}" for line in verdict.worse)),
        judgement.harm,
        judgement.why,
    )


def _edits(injected: faults.Injected) -> tuple[str, ...]:
    return tuple(
        f"{edit.kind} {edit.name} {'.'.join(map(_key, edit.path))}: {edit.right!r} -> {edit.wrong!r}"
        for edit in injected.edits
    )


def _key(part: Any) -> str:
    return str(next(iter(part.values())) if isinstance(part, dict) else part)
