"""Faults that come and go by themselves: what happens when, to whom, and how strongly, is a seed's."""

from __future__ import annotations

import json
import random

import pytest

from ansible_collections.e2ereme.remediate.sandbox.dump import dump
from ansible_collections.e2ereme.remediate.sandbox.faults import (
    FAULTS,
    PAPER_SEVEN,
    Injected,
    confirm,
    heal,
    healthy,
)
from ansible_collections.e2ereme.remediate.sandbox.faults.dynamic import (
    CASCADE,
    KINDS,
    LATE,
    PAIR,
    PASSING,
    Blow,
    Course,
    Unfolding,
    course,
    later_on_sandbox,
    unfold,
)
from ansible_collections.e2ereme.remediate.sandbox.faults.fault import CannotInject
from ansible_collections.e2ereme.remediate.sandbox.faults.injection import replace_pods
from ansible_collections.e2ereme.remediate.sandbox.faults.scene import Scene
from ansible_collections.e2ereme.remediate.sandbox.freezing import clone
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import System, prepare
from ansible_collections.e2ereme.remediate.sandbox.systems.choose import choose
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import Api

ALL = tuple(FAULTS.values())


def begun(plan: Course, seed: int = 1, name: str = "shop") -> tuple[Sandbox, System, Unfolding]:
    system = choose(name)
    sandbox = Sandbox(system, seed)
    prepare(sandbox, system)
    later = later_on_sandbox(sandbox)
    return sandbox, system, unfold(plan, ALL, sandbox.transport(), system, random.Random(seed), later)


def test_two_faults_at_once_hit_two_workloads_and_both_must_be_healed() -> None:
    plan = Course(PAIR, (Blow("wrong_command", "latest"), Blow("network_delay", "varied")))

    sandbox, system, going = begun(plan)

    first, second = going.injected
    assert first.workload != second.workload
    assert all(confirm(sandbox.transport(), item) for item in (first, second))
    heal(sandbox.transport(), first, system)
    sandbox.advance(120)
    assert going.confirm()
    heal(sandbox.transport(), second, system)
    sandbox.advance(120)
    assert not going.confirm() and healthy(sandbox.transport(), system) == ()


def test_a_late_fault_comes_at_its_moment() -> None:
    plan = Course(LATE, (Blow("scaled_to_zero", "live"), Blow("pod_failure", "once", after=40)))
    sandbox, _, going = begun(plan)
    assert [item.fault for item in going.injected] == ["scaled_to_zero"]
    said = going.reports

    sandbox.advance(39)
    assert len(going.injected) == 1
    sandbox.advance(6)

    assert [item.fault for item in going.injected] == ["scaled_to_zero", "pod_failure"]
    assert confirm(sandbox.transport(), going.injected[1])
    assert going.reports == said  # nobody has reported it yet


def test_a_cascade_goes_on_to_the_callers() -> None:
    plan = Course(CASCADE, (Blow("network_loss", "varied"), Blow("network_loss", "varied", after=20, spreads=True)))

    sandbox, system, going = begun(plan)
    sandbox.advance(30)

    first, second = (item.workload["name"] for item in going.injected)
    assert second in {spec.name for spec in system.callers(first)}


def spreading(fault: str) -> tuple[Sandbox, System, Unfolding]:
    """A cascade of one step, ten seconds before the step."""
    return begun(Course(CASCADE, (Blow(fault, "varied"), Blow(fault, "varied", after=10, spreads=True))))


def replace(sandbox: Sandbox, system: System, injected: Injected) -> None:
    api = Api(sandbox.transport())
    replace_pods(api, Scene(api, system), injected.workload["name"])


@pytest.mark.parametrize("fault", ["network_delay", "cpu_stress"])
def test_who_treats_the_symptom_of_a_cascade_has_it_back_and_who_treats_the_cause_is_rid_of_both(fault: str) -> None:
    sandbox, system, going = spreading(fault)
    sandbox.advance(30)
    cause, effect = going.injected

    replace(sandbox, system, effect)
    sandbox.advance(90)
    assert confirm(sandbox.transport(), cause) and confirm(sandbox.transport(), effect)

    replace(sandbox, system, cause)
    sandbox.advance(90)
    assert not going.confirm()
    assert healthy(sandbox.transport(), system) == ()


def test_what_is_over_in_time_does_not_spread() -> None:
    sandbox, system, going = spreading("network_loss")

    replace(sandbox, system, going.injected[0])
    sandbox.advance(60)

    assert len(going.injected) == 1 and going.missed == []
    (averted,) = going.averted
    assert averted.startswith("network_loss to ")
    assert not going.confirm()


def test_what_has_not_come_yet_can_be_called_off() -> None:
    plan = Course(LATE, (Blow("scaled_to_zero", "live"), Blow("pod_failure", "once", after=40)))
    sandbox, _, going = begun(plan)

    going.call_off()
    sandbox.advance(60)

    assert [item.fault for item in going.injected] == ["scaled_to_zero"]


def test_a_course_remembers_what_it_wrote_after_it_had_begun() -> None:
    plan = Course(LATE, (Blow("network_delay", "varied"), Blow("scaled_to_zero", "live", after=5)))
    sandbox, _, going = begun(plan)
    assert going.written == []

    sandbox.advance(10)

    (written,) = going.written
    assert (written.kind, written.name) == ("Deployment", going.injected[1].workload["name"])
    assert written.before is not None and written.before["spec"]["replicas"] > 0
    assert written.after is not None and written.after["spec"]["replicas"] == 0


def test_a_course_under_way_goes_on_alike_in_a_clone() -> None:
    sandbox, _, going = spreading("network_delay")
    other, its = clone((sandbox, going))

    for each in (sandbox, other):
        each.advance(60)

    assert [item.workload for item in its.injected] == [item.workload for item in going.injected]
    assert len(its.injected) == 2
    ours, theirs = (json.loads(dump(each)) for each in (sandbox, other))
    assert [ours[key] for key in ("objects", "planned")] == [theirs[key] for key in ("objects", "planned")]


@pytest.mark.parametrize(("fault", "variant"), [("network_delay", "varied"), ("wrong_env_value", "latest")])
def test_a_passing_fault_goes_by_itself(fault: str, variant: str) -> None:
    sandbox, system, going = begun(Course(PASSING, (Blow(fault, variant, lasts=90),)))
    assert going.confirm()

    sandbox.advance(400)

    assert not going.confirm() and healthy(sandbox.transport(), system) == ()


def test_a_repair_that_is_already_under_way_meets_what_comes_late() -> None:
    """What is to be hit may be gone by then: that is told, and ends nothing."""
    plan = Course(LATE, (Blow("scaled_to_zero", "live"), Blow("bad_image_tag", "latest", after=30)))
    sandbox, system, going = begun(plan, seed=3)
    for spec in system.services:
        sandbox.handle("DELETE", f"/apis/apps/v1/namespaces/{system.namespace}/deployments/{spec.name}")

    sandbox.advance(60)

    assert len(going.injected) == 1 and "bad_image_tag" in going.missed[0]


def test_courses_are_a_seeds() -> None:
    made = [course(random.Random(seed), ALL) for seed in range(40)]

    assert made == [course(random.Random(seed), ALL) for seed in range(40)]
    assert {plan.kind for plan in made} == set(KINDS)
    assert len({blow.fault for plan in made for blow in plan.blows}) > 10
    assert all(not FAULTS[blow.fault].touches_cluster for plan in made for blow in plan.blows)


@pytest.mark.parametrize("fault", [name for name in PAPER_SEVEN if "varied" in FAULTS[name].variants])
def test_strength_is_by_chance(fault: str) -> None:
    specs = set()
    for seed in range(4):
        sandbox, _, going = begun(Course(PAIR, (Blow(fault, "varied"),)), seed, "simple-micro")
        ((kind, name),) = going.injected[0].experiments
        found = sandbox.store.get(f"{kind}.chaos-mesh.org", "fault-experiments", name)
        assert found is not None
        specs.add(str({key: value for key, value in found["spec"].items() if key != "selector"}))
    assert len(specs) > 1


def test_a_system_with_too_few_services_takes_no_pair_upon_one_of_them() -> None:
    plan = Course(PAIR, tuple(Blow("network_delay", "varied") for _ in range(3)))

    with pytest.raises(CannotInject):
        begun(plan, name="simple-micro")


@pytest.mark.parametrize("seed", range(6))
def test_random_courses_unfold_and_can_be_healed(seed: int) -> None:
    sandbox, _, going = begun(course(random.Random(seed), [FAULTS[name] for name in sorted(FAULTS)]), seed)
    sandbox.advance(200)

    assert going.missed == []
    going.heal()
    going.withdraw()
    sandbox.advance(330)
    assert not going.confirm() or going.right == "escalate"
