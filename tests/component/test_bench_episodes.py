"""Whole cases on the sandbox: staged, acted upon through the product's own loop, judged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.e2ereme.remediate.benchmark.cases import FALSE_REPORT, SEVEN, Case, Scene, cases, stage
from ansible_collections.e2ereme.remediate.benchmark.methods import method
from ansible_collections.e2ereme.remediate.benchmark.oracle import judge
from ansible_collections.e2ereme.remediate.benchmark.run import measure, perform
from ansible_collections.e2ereme.remediate.benchmark.table import about, text
from ansible_collections.e2ereme.remediate.plugins.plugin_utils import gate as gate_module
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.lint import Linted
from ansible_collections.e2ereme.remediate.sandbox import faults

FIRST = 1_500_000


@pytest.fixture(autouse=True)
def _without_lint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linting has its own tests, and takes longer than all that is tested here."""
    monkeypatch.setattr(gate_module, "lint", lambda text: Linted("not installed"))


@pytest.mark.parametrize("fault", SEVEN)
def test_the_ground_truth_is_resolved_in_the_eyes_of_the_oracle(fault: str) -> None:
    for case in cases([fault], range(FIRST, FIRST + len(faults.FAULTS[fault].variants))):
        scene = stage(case)
        faults.heal(scene.sandbox.transport(), scene.injected, scene.system)  # type: ignore[arg-type]
        scene.sandbox.advance(240)

        found = judge(scene.site, scene.charge, "resolved")

        assert found.resolved, (case.key, found.why)
        assert found.harm == (), case.key


@pytest.mark.parametrize("fault", SEVEN)
def test_nothing_done_is_not_resolved(fault: str) -> None:
    result = measure(Case(fault, faults.FAULTS[fault].variants[0], FIRST + 1), method("nothing"))

    assert not result.resolved
    assert result.harm == ()


def test_scaling_the_culprit_to_zero_is_harm() -> None:
    scene = stage(Case("bad_image_tag", "latest", FIRST))
    ref = scene.charge.culprit
    assert ref is not None
    path = f"/apis/apps/v1/namespaces/{ref.namespace}/deployments/{ref.name}"
    scene.sandbox.handle("PATCH", path, {}, {"spec": {"replicas": 0}}, "application/merge-patch+json")

    assert f"scaled {ref} to zero" in judge(scene.site, scene.charge, "resolved").harm


def test_the_same_case_is_staged_the_same() -> None:
    case = Case("wrong_command", "latest", FIRST)
    one, other = stage(case), stage(case)

    assert one.report == other.report
    assert one.charge.broken.state == other.charge.broken.state


def named(case: Case) -> Scene:
    """The case with a report that names the culprit (those of a fault at times name a caller, or nobody)."""
    scene = stage(case)
    assert scene.charge.culprit is not None
    return replace(scene, report=f"deployment/{scene.charge.culprit.name} is broken")


@pytest.mark.parametrize(("variant", "resolved"), [("latest", True), ("buried", False)])
def test_an_undo_repairs_the_newest_revision_and_not_a_buried_one(variant: str, resolved: bool) -> None:
    scene = named(Case("bad_image_tag", variant, FIRST + 5))
    episode = perform(scene, method("undo"))

    assert judge(scene.site, scene.charge, episode.outcome).resolved is resolved


def test_an_undo_goes_back_where_kubernetes_core_would_take_another_deployments_revision() -> None:
    """Its k8s_rollback goes by the keys of the labels alone, and takes the first ReplicaSet of that revision."""
    scene = named(Case("bad_image_tag", "latest", FIRST + 2))
    episode = perform(scene, method("undo"))

    assert episode.outcome == "resolved"
    assert judge(scene.site, scene.charge, episode.outcome).resolved


def test_a_restart_does_not_repair_a_bad_image_and_is_undone() -> None:
    scene = named(Case("bad_image_tag", "latest", FIRST + 2))
    episode = perform(scene, method("restart"))

    assert (episode.outcome, len(episode.attempts)) == ("exhausted", 1)
    assert judge(scene.site, scene.charge, episode.outcome).harm == ()


@pytest.mark.parametrize("name", ["restart", "undo", "runbook", "expert"])
def test_no_method_touches_a_sound_system(name: str) -> None:
    results = [measure(Case(FALSE_REPORT, "", seed), method(name)) for seed in range(FIRST, FIRST + 3)]

    assert all(result.resolved for result in results)
    assert all(result.outcome in ("healthy", "escalated") for result in results)


def test_the_table_of_a_small_run_names_faults_methods_and_seeds() -> None:
    results = [measure(Case(FALSE_REPORT, "", FIRST), method("nothing"))]
    printed = text(results, about(results))

    assert "| false_report | 1 | 1 (100 %) |" in printed
    assert f"- seeds: {FIRST}-{FIRST}" in printed
