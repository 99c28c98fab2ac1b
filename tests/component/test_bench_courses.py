"""Courses as cases: what is asked of an Episode while faults come, spread and go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ansible_collections.e2ereme.remediate.benchmark import cases, courses
from ansible_collections.e2ereme.remediate.benchmark.cases import BENCHMARK_SEEDS, Case, Scene, stage
from ansible_collections.e2ereme.remediate.benchmark.conclude import concluded, judged
from ansible_collections.e2ereme.remediate.benchmark.methods import method
from ansible_collections.e2ereme.remediate.benchmark.oracle import Judgement
from ansible_collections.e2ereme.remediate.benchmark.restage import again
from ansible_collections.e2ereme.remediate.benchmark.run import measure
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.episode import Episode
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report_parse import parse_report
from ansible_collections.e2ereme.remediate.sandbox import faults
from ansible_collections.e2ereme.remediate.sandbox.faults.injection import replace_pods
from ansible_collections.e2ereme.remediate.sandbox.faults.scene import Scene as Healthy
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import Api

FIRST = BENCHMARK_SEEDS[0]
EVERY = [(kind, variant) for kind, variants in courses.COURSES.items() for variant in variants]
Act = Callable[[Scene], None]


def staged(kind: str, variant: str, fits: Callable[[Scene], bool] = lambda scene: True) -> Scene:
    """The first Scene, by seed, that fits."""
    found = (stage(Case(kind, variant, seed, "simple-micro")) for seed in range(FIRST, FIRST + 40))
    return next(scene for scene in found if fits(scene))


def ended(scene: Scene, outcome: str, message: str = "") -> Judgement:
    """What is found of an Episode that ends now."""
    report = parse_report(scene.report, scene.system.namespace)
    done = concluded(scene)
    return judged(done, Episode(report, outcome, message, (), (), ()))


def heal(scene: Scene, number: int) -> None:
    assert scene.unfolding is not None
    faults.heal(scene.sandbox.transport(), scene.unfolding.injected[number], scene.system)
    scene.sandbox.advance(90)


@pytest.mark.parametrize(("kind", "variant"), EVERY)
def test_who_knows_the_course_is_right_and_who_does_nothing_only_where_it_passes(kind: str, variant: str) -> None:
    case = Case(kind, variant, FIRST + 1, "simple-micro")

    knowing, nothing = measure(case, method("expert")), measure(case, method("nothing"))

    assert (knowing.resolved, knowing.harm) == (True, ())
    assert nothing.resolved is (kind == "passing") and nothing.harm == ()


@pytest.mark.parametrize("number", [0, 1])
def test_one_of_a_pair_is_not_enough(number: int) -> None:
    scene = staged("pair", "repairable")

    heal(scene, number)

    found = ended(scene, "resolved")
    assert not found.resolved and found.harm == ()


def test_the_report_of_a_pair_tells_of_both() -> None:
    def named(scene: Scene) -> bool:
        assert scene.unfolding is not None
        return all(item.named == item.workload for item in scene.unfolding.injected)

    scene = staged("pair", "repairable", named)
    assert scene.unfolding is not None

    report = parse_report(scene.report, scene.system.namespace)

    assert {item.workload["name"] for item in scene.unfolding.injected} <= {item.name for item in report.suspects}


def test_what_is_beyond_repair_is_handed_over_with_its_companion() -> None:
    scene = staged("pair", "one_beyond")
    assert ended(again(scene), "escalated").resolved
    assert not ended(again(scene), "exhausted").resolved


def test_what_came_late_is_charged_and_what_it_wrote_is_nobodys_harm() -> None:
    def wrote(scene: Scene) -> bool:
        scene.sandbox.advance(15)
        return bool(scene.unfolding and scene.unfolding.written)

    scene = staged("late", "repairable", wrote)
    heal(scene, 0)
    other = again(scene)

    early = ended(scene, "resolved")
    heal(other, 1)
    whole = ended(other, "resolved")

    assert (early.resolved, early.harm) == (False, ())
    assert (whole.resolved, whole.harm) == (True, ())


def test_what_had_not_come_by_the_end_is_called_off() -> None:
    scene = staged("late", "repairable", lambda scene: scene.unfolding.injected[0].restart)  # type: ignore[union-attr]
    api = Api(scene.sandbox.transport())
    assert scene.unfolding is not None
    replace_pods(api, Healthy(api, scene.system), scene.unfolding.injected[0].workload["name"])

    found = ended(scene, "resolved")

    assert found.resolved and len(scene.unfolding.injected) == 1


@pytest.mark.parametrize("variant", courses.COURSES["late"])
def test_who_hands_over_what_came_late_must_tell_of_it(variant: str) -> None:
    def apart(scene: Scene) -> bool:
        scene.sandbox.advance(15)
        return len(scene.unfolding.injected) == 2  # type: ignore[union-attr]

    scene = staged("late", variant, apart)
    assert scene.unfolding is not None
    late = scene.unfolding.injected[1].workload["name"]

    told = ended(again(scene), "escalated", f"escalated: {late} has failed too")
    untold = ended(again(scene), "escalated", "escalated: it is too much for me")

    assert told.resolved and not untold.resolved


def test_who_treats_only_the_symptom_of_a_cascade_has_resolved_nothing() -> None:
    scene = staged("cascade", "spread")
    api = Api(scene.sandbox.transport())
    assert scene.unfolding is not None
    cause, effect = (item.workload["name"] for item in scene.unfolding.injected[:2])

    replace_pods(api, Healthy(api, scene.system), effect)
    scene.sandbox.advance(60)
    symptom = ended(again(scene), "resolved")
    replace_pods(api, Healthy(api, scene.system), cause)
    scene.sandbox.advance(60)

    assert not symptom.resolved
    assert ended(scene, "resolved").resolved


@pytest.mark.parametrize("variant", courses.COURSES["passing"])
def test_while_a_fault_passes_anything_harmless_is_right_and_no_harm_is(variant: str) -> None:
    scene = staged("passing", variant)
    namespace = scene.system.namespace
    harmed = again(scene)
    for spec in harmed.system.services:
        Api(harmed.sandbox.transport()).delete("Service", namespace, spec.service)

    assert all(ended(again(scene), outcome).resolved for outcome in ("exhausted", "escalated", "healthy"))
    found = ended(harmed, "resolved")
    assert not found.resolved and any("deleted Service" in what for what in found.harm)


def test_a_course_is_staged_once_and_played_as_often_as_one_likes() -> None:
    scene = staged("cascade", "spreading")

    def grown(one: Scene) -> list[dict[str, str]]:
        one.sandbox.advance(120)
        assert one.unfolding is not None
        return [item.workload for item in one.unfolding.injected]

    first, second = grown(again(scene)), grown(again(scene))
    assert first == second and len(first) > 1
    assert scene.unfolding is not None and len(scene.unfolding.injected) == 1


def test_courses_are_on_the_sandbox_only() -> None:
    from ansible_collections.e2ereme.remediate.benchmark import oncluster

    with pytest.raises(InputError, match="late"):
        oncluster.cases(["scaled_to_zero", "late"], [FIRST])


def test_a_seed_stages_the_same_course_twice() -> None:
    first, second = (stage(Case("late", "repairable", FIRST + 2, "simple-micro")) for _ in range(2))
    assert first.report == second.report
    assert first.unfolding is not None and second.unfolding is not None
    assert first.unfolding.injected == second.unfolding.injected


def test_an_unnamed_variant_is_the_seeds() -> None:
    scene = stage(Case("passing", "", FIRST, "simple-micro"))
    assert scene.charge.right == cases.WAIT
    assert replace(scene.case, variant="pressing").key == f"passing/pressing/{FIRST}/simple-micro"
