"""Which courses there are, how two reports become one, and what of a change is the course's own."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.benchmark import courses
from ansible_collections.e2ereme.remediate.benchmark.conclude import merged
from ansible_collections.e2ereme.remediate.sandbox.faults import FAULTS

MANY = [random.Random(seed) for seed in range(200)]


@pytest.mark.parametrize(
    ("kind", "variant"), [(kind, each) for kind, names in courses.COURSES.items() for each in names]
)
def test_a_course_is_made_of_faults_that_are_there(kind: str, variant: str) -> None:
    drawn = [courses.draw(kind, variant, rng) for rng in MANY]

    blows = [blow for plan in drawn for blow in plan.blows]
    assert all(blow.variant in FAULTS[blow.fault].variants for blow in blows)
    assert len({blow.fault for blow in blows}) >= (1 if variant == "rebooting" else 5)


@pytest.mark.parametrize(("kind", "variant", "beyond"), [
    ("pair", "repairable", 0), ("pair", "one_beyond", 1), ("late", "repairable", 0), ("late", "beyond", 1),
])  # fmt: skip
def test_the_variant_says_how_many_are_beyond_every_repair(kind: str, variant: str, beyond: int) -> None:
    for rng in MANY:
        plan = courses.draw(kind, variant, rng)
        rights = [FAULTS[blow.fault].right_in(blow.variant) for blow in plan.blows]
        assert rights.count("escalate") == beyond


def test_what_passes_has_passed_when_it_is_judged() -> None:
    for variant in courses.COURSES["passing"]:
        assert all(0 < courses.draw("passing", variant, rng).blows[0].lasts <= courses.LONGEST for rng in MANY)


def webhook(name: str) -> dict[str, Any]:
    labels = {"alertname": "Down", "namespace": "shop", "severity": "critical", "deployment": name}
    common = {"commonLabels": labels, "commonAnnotations": {"summary": name}, "groupLabels": {"alertname": "Down"}}
    return {"version": "4", "groupKey": "", **common, "alerts": [{"labels": labels}]}


def test_two_alerts_come_in_one_webhook() -> None:
    (made,) = courses.joined([webhook("cart")], [webhook("web")])

    assert [alert["labels"]["deployment"] for alert in made["alerts"]] == ["cart", "web"]
    assert made["commonLabels"] == {"alertname": "Down", "namespace": "shop", "severity": "critical"}
    assert made["groupLabels"] == {"namespace": "shop"}


def test_texts_follow_each_other_and_findings_are_told_once() -> None:
    finding, other = {"kind": "Pod", "name": "shop/cart"}, {"kind": "Pod", "name": "shop/web"}

    made = courses.joined(["cart fails", {"results": [finding]}], ["web fails", {"results": [finding, other]}])

    assert made == [
        "cart fails\nweb fails",
        {"results": [finding, other], "problems": 2, "status": "ProblemDetected"},
    ]


def test_what_the_course_changed_is_laid_over_what_the_episode_began_with() -> None:
    base = {"replicas": 2, "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "mine": "yes"}
    before = {**base, "mine": "changed by the Episode"}
    after = {**before, "replicas": 0, "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "9"}]}

    assert merged(base, before, after) == {
        "replicas": 0,
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "9"}],
        "mine": "yes",
    }


def test_what_the_course_took_away_is_gone_and_what_it_added_is_there() -> None:
    assert merged({"a": 1, "b": 2}, {"a": 1, "b": 2}, {"a": 1, "c": 3}) == {"a": 1, "c": 3}
    assert merged([{"name": "x"}, {"name": "y"}], [{"name": "x"}, {"name": "y"}], [{"name": "y"}]) == [{"name": "y"}]
