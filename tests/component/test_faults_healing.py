"""Each fault in each variant: healthy before, visible after, and well again by its ground truth."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.sandbox.faults import (
    FAULTS,
    FIRST_SEVEN,
    CannotInject,
    Injected,
    confirm,
    false_report,
    heal,
    healthy,
    inject,
)
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import System, generate, prepare
from ansible_collections.e2ereme.remediate.sandbox.systems.published import published

CASES = [(name, variant) for name, fault in sorted(FAULTS.items()) for variant in fault.variants]
SPENT: list[float] = []


def broken(name: str, variant: str, first_seed: int = 0) -> tuple[Sandbox, System, Injected]:
    """The first system, by seed, in which the fault finds something to break; what needs a volume finds it in
    Simple-Micro."""
    for seed in range(first_seed, first_seed + 13):
        system = generate(seed) if seed < first_seed + 12 else published("simple-micro")
        sandbox = Sandbox(system, seed)
        prepare(sandbox, system)
        assert healthy(sandbox.transport(), system) == ()
        try:
            return sandbox, system, inject(name, sandbox.transport(), system, random.Random(seed), variant)
        except CannotInject:
            continue
    raise AssertionError(f"{name} ({variant}) fits none of thirteen systems")


@pytest.fixture(scope="module", autouse=True)
def pace() -> Iterator[None]:
    yield
    pace_ = len(SPENT) / max(sum(SPENT), 1e-9)
    print(f"\n{len(SPENT)} episodes, {pace_:.1f} a second (system with its past, fault, repair)")


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_a_fault_shows_and_its_ground_truth_heals_it(name: str, variant: str) -> None:
    began = time.perf_counter()
    sandbox, system, injected = broken(name, variant)
    transport = sandbox.transport()
    assert confirm(transport, injected)
    if injected.right == "resolve":
        heal(transport, injected, system)
        transport.sleep(330)
        assert not confirm(transport, injected)
        assert healthy(transport, system) == ()
    SPENT.append(time.perf_counter() - began)


def test_the_first_seven_are_there() -> None:
    assert set(FIRST_SEVEN) <= FAULTS.keys()


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_fault_says_why_it_is_resolved_or_handed_over(name: str) -> None:
    fault = FAULTS[name]
    assert {fault.right_in(variant) for variant in fault.variants} <= {"resolve", "escalate"} and fault.why


def test_a_variant_against_which_nothing_helps_is_handed_over_in_a_family_that_is_resolved() -> None:
    fault = FAULTS["network_delay"]
    assert (fault.right_in("once"), fault.right_in("follows")) == ("resolve", "escalate")


def undone(variant: str) -> bool:
    """Whether going back one revision of the workload heals a bad image."""
    sandbox, system, injected = broken("bad_image_tag", variant)
    revisions = [
        item
        for item in sandbox.store.list("ReplicaSet", system.namespace)
        if item["metadata"]["ownerReferences"][0]["name"] == injected.workload["name"]
    ]
    revisions.sort(key=lambda item: int(item["metadata"]["annotations"]["deployment.kubernetes.io/revision"]))
    template = revisions[-2]["spec"]["template"]
    labels = {key: value for key, value in template["metadata"]["labels"].items() if key != "pod-template-hash"}
    live = sandbox.store.get("Deployment", system.namespace, injected.workload["name"])
    assert live is not None
    template = {**template, "metadata": {**template["metadata"], "labels": labels}}
    path = f"/apis/apps/v1/namespaces/{system.namespace}/deployments/{injected.workload['name']}"
    answer = sandbox.handle("PUT", path, None, {**live, "spec": {**live["spec"], "template": template}})
    assert answer.status == 200
    sandbox.advance(300)
    return not confirm(sandbox.transport(), injected)


@pytest.mark.parametrize(("variant", "heals"), [("latest", True), ("buried", False), ("moved_on", False)])
def test_undo_heals_only_what_came_with_the_last_revision(variant: str, heals: bool) -> None:
    assert undone(variant) is heals


def test_a_fault_of_the_first_day_leaves_no_revision_to_go_back_to() -> None:
    sandbox, system, injected = broken("wrong_command", "first")
    owners = [
        item["metadata"]["ownerReferences"][0]["name"] for item in sandbox.store.list("ReplicaSet", system.namespace)
    ]
    assert owners.count(injected.workload["name"]) == 1


def test_reports_come_in_every_format() -> None:
    _, _, injected = broken("scaled_to_zero", "live")
    texts = [report for report in injected.reports if isinstance(report, str)]
    tools = [report for report in injected.reports if isinstance(report, dict)]
    assert len(texts) == 2
    assert {report.get("version", "k8sgpt") for report in tools} == {"4", "k8sgpt"}


def test_reports_name_the_culprit_a_sufferer_or_nobody() -> None:
    named = []
    for seed in range(14):
        _, _, injected = broken("scaled_to_zero", "live", seed)
        named.append("nobody" if injected.named is None else injected.named["name"] == injected.workload["name"])
    assert {True, False, "nobody"} <= set(named) or {True, "nobody"} <= set(named) or {True, False} <= set(named)


def test_values_vary_from_case_to_case() -> None:
    wrong = {broken("bad_image_tag", "latest", seed)[2].edits[0].wrong for seed in range(6)}
    assert len(wrong) == 6


def test_the_same_seed_breaks_the_same_way() -> None:
    first, second = (broken("wrong_env_value", "buried")[2] for _ in range(2))
    assert first == second


def test_a_false_report_names_what_is_well_or_not_there() -> None:
    system = generate(2)
    names = {spec.name for spec in system.services}
    made = [false_report(system, random.Random(seed)) for seed in range(20)]
    assert all((report.named["name"] in names) is report.exists for report in made)
    assert {report.exists for report in made} == {True, False}


def test_the_page_of_faults_has_each_of_them_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
    rows = {row.split("`")[1]: row for row in page.splitlines() if row.startswith("| `")}
    told = {name: [part.strip() for part in rows[name].split("|")[3:5]] for name in FAULTS}
    assert told == {
        name: [
            ", ".join(fault.variants),
            "; ".join([fault.right, *(f"{variant}: escalate" for variant in fault.beyond)]),
        ]
        for name, fault in FAULTS.items()
    }
