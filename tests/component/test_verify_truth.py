"""Verify beside the oracle, which looks at other things: it never says healthy where the oracle does not."""

from __future__ import annotations

import random

import pytest

from ansible_collections.e2ereme.remediate.benchmark.cases import Case, Scene, StageError, stage
from ansible_collections.e2ereme.remediate.benchmark.oracle import judge
from ansible_collections.e2ereme.remediate.benchmark.writing import restart
from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Evidence, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.near import found_suspects
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import look
from ansible_collections.e2ereme.remediate.plugins.module_utils.verify import verify
from ansible_collections.e2ereme.remediate.plugins.module_utils.workloads import View
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report_parse import parse_report
from ansible_collections.e2ereme.remediate.sandbox import faults
from ansible_collections.e2ereme.remediate.sandbox.interpret import run_tasks

FIRST = 1_000_001


class Stage:
    """A broken system, with the Evidence and the suspects that the product starts from."""

    def __init__(self, scene: Scene) -> None:
        assert scene.injected is not None
        self.scene, self.injected = scene, scene.injected
        self.cluster = Cluster(scene.sandbox.transport())
        report = parse_report(scene.report, scene.system.namespace)
        named = tuple((item.name, item.kind) for item in report.suspects)
        self.before: Evidence = look(self.cluster, report.namespace, guesses=named)
        self.suspects = found_suspects(View(self.before.inventory), named)

    def ref(self, item: dict[str, str]) -> ObjectRef:
        return ObjectRef(item["kind"], self.injected.namespace, item["name"])

    def bystander(self) -> ObjectRef:
        """The caller that the report names, or any other sound workload: not the one at fault."""
        fault = self.ref(self.injected.workload)
        running = [work.ref for work in View(self.before.inventory).workloads.values() if work.desired]
        others = [ref for ref in running if ref != fault and ref.kind in ("Deployment", "StatefulSet")]
        return next((ref for ref in self.suspects if ref in others), random.Random(1).choice(sorted(others)))

    def restart(self, ref: ObjectRef) -> None:
        run_tasks(self.scene.sandbox.handle, [restart(ref, self.before.inventory.time)])

    def claims(self, *touched: ObjectRef) -> bool:
        return verify(self.cluster, self.before, touched, suspects=self.suspects).healthy

    def truth(self) -> bool:
        return judge(self.scene.site, self.scene.charge, "resolved").resolved


def staged() -> list[tuple[str, str]]:
    """Every fault in every variant."""
    return [(name, variant) for name, fault in faults.FAULTS.items() for variant in fault.variants]


def on_stage(fault: str, variant: str) -> Stage:
    seed = FIRST + 17 * faults.FAULTS[fault].variants.index(variant)
    system = "simple-micro" if fault == "disk_latency" else ""  # random systems have no volume that it could slow
    try:
        found = Stage(stage(Case(fault, variant, seed, system)))
    except StageError as error:
        pytest.skip(str(error))
    if not found.before.anomalies:
        pytest.skip("nobody suffers from it: there is nothing to repair")
    return found


@pytest.mark.parametrize(("fault", "variant"), staged())
def test_doing_nothing_is_not_called_healthy(fault: str, variant: str) -> None:
    here = on_stage(fault, variant)
    assert not here.claims(here.ref(here.injected.workload))


@pytest.mark.parametrize(("fault", "variant"), staged())
def test_restarting_a_sound_caller_is_not_called_healthy(fault: str, variant: str) -> None:
    here = on_stage(fault, variant)
    caller = here.bystander()
    here.restart(caller)
    assert not here.claims(caller)


@pytest.mark.parametrize(
    ("fault", "variant"), [pair for pair in staged() if faults.FAULTS[pair[0]].right_in(pair[1]) == "resolve"]
)
def test_the_ground_truth_is_healthy_for_verify_and_oracle(fault: str, variant: str) -> None:
    here = on_stage(fault, variant)
    faults.heal(here.scene.sandbox.transport(), here.injected, here.scene.system)
    touched = {ObjectRef(edit.kind, here.injected.namespace, edit.name) for edit in here.injected.edits}
    assert (here.claims(*sorted(touched)), here.truth()) == (True, True)


def test_a_stateful_set_at_zero_is_not_healthy_after_a_restart_of_its_caller() -> None:
    here = Stage(stage(Case("scaled_to_zero", "live", 1_000_001)))
    caller = here.bystander()
    here.restart(caller)
    assert (here.claims(caller), here.truth()) == (False, False)
