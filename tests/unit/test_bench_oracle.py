"""The oracle on a hand-made cluster: what clients get decides."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.benchmark.oracle import Charge, Judgement, judge, observe, observe_steady
from ansible_collections.e2ereme.remediate.benchmark.serving import percentile
from ansible_collections.e2ereme.remediate.benchmark.site import Visit
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef

CART = ObjectRef("Deployment", "shop", "cart")


class Cluster:
    """One Deployment behind one Service, whose answers and Pods a test sets; ``later`` runs as time passes."""

    threads = 1

    def __init__(self) -> None:
        self.yardstick: tuple[str, str, int] | None = None
        self.beside = Visit(200, 0.01)  # what the yardstick answers
        self.answers: list[Visit] = []  # the next ones, before ``answer``
        self.answer = Visit(200, 0.01)
        self.running = 2
        self.restarts = 0
        self.elapsed = 0.0
        self.later: Callable[[], Any] = lambda: None
        self.deployment: dict[str, Any] = {
            "kind": "Deployment",
            "metadata": {"name": "cart", "namespace": "shop", "generation": 1},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "cart"}}, "template": {"spec": {}}},
        }
        self.service = {
            "kind": "Service",
            "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"selector": {"app": "cart"}, "ports": [{"port": 80}]},
        }

    def objects(self, namespace: str) -> Iterable[dict[str, Any]]:
        owner = [{"kind": "ReplicaSet", "name": "cart-1"}]
        status = {"restartCount": self.restarts, "state": {"running": {}}}
        yield copy.deepcopy(self.deployment)
        yield self.service
        for number in range(self.running):
            meta = {
                "name": f"cart-1-{number}",
                "namespace": "shop",
                "labels": {"app": "cart"},
                "ownerReferences": owner,
            }
            spec = {"containers": [{"name": "cart"}]}
            yield {"kind": "Pod", "metadata": meta, "spec": spec, "status": {"containerStatuses": [status]}}

    def visit(self, namespace: str, service: str, port: int) -> Visit:
        if (namespace, service, port) == self.yardstick:
            return self.beside
        return self.answers.pop(0) if self.answers else self.answer

    def renew_pods(self, namespace: str) -> None:
        self.restarts = 0

    def sleep(self, seconds: float) -> None:
        self.elapsed += seconds
        self.later()


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def charge(cluster: Cluster) -> Charge:
    """The Service answered, and does not any more."""
    healthy = observe(cluster, "shop")
    cluster.answer = Visit(503, 0.01)
    return Charge("shop", "resolve", healthy, observe(cluster, "shop"), CART)


def test_served_again_and_for_minutes_is_resolved(cluster: Cluster, charge: Charge) -> None:
    cluster.answer = Visit(200, 0.011)

    assert judge(cluster, charge, "resolved") == Judgement(True)
    assert cluster.elapsed >= 180


def test_still_failing_is_not_resolved_whatever_the_episode_says(cluster: Cluster, charge: Charge) -> None:
    found = judge(cluster, charge, "resolved")

    assert not found.resolved
    assert found.why == ("cart:80 answers 503",)


def test_a_repair_that_does_not_last_is_not_resolved(cluster: Cluster, charge: Charge) -> None:
    cluster.answer = Visit(200, 0.01)
    cluster.later = lambda: setattr(cluster, "answer", Visit(503 if cluster.elapsed > 100 else 200, 0.01))

    assert not judge(cluster, charge, "resolved").resolved


@pytest.mark.parametrize(
    ("what", "value", "why"),
    [
        ("answer", Visit(200, 2.0), "cart:80 takes 2.00 s instead of 0.01 s"),
        ("running", 1, "Deployment cart runs 1 of 2 Pods"),
    ],
)
def test_served_worse_than_before_is_not_resolved(
    cluster: Cluster, charge: Charge, what: str, value: Any, why: str
) -> None:
    cluster.answer = Visit(200, 0.01)
    setattr(cluster, what, value)

    assert judge(cluster, charge, "resolved").why == (why,)


def test_restarts_during_the_watch_are_not_health(cluster: Cluster, charge: Charge) -> None:
    cluster.answer = Visit(200, 0.01)
    cluster.later = lambda: setattr(cluster, "restarts", cluster.restarts + 1)

    assert not judge(cluster, charge, "resolved").resolved


def test_a_fault_that_still_shows_is_not_resolved(cluster: Cluster, charge: Charge) -> None:
    cluster.answer = Visit(200, 0.01)

    assert judge(cluster, replace(charge, shows=lambda: True), "resolved").why == ("the fault still shows",)


def test_a_change_left_without_a_repair_is_harm(cluster: Cluster, charge: Charge) -> None:
    cluster.deployment["spec"]["replicas"] = 3

    assert "left behind: changed Deployment cart" in judge(cluster, charge, "exhausted").harm


@pytest.mark.parametrize(("outcome", "right"), [("escalated", True), ("exhausted", False), ("resolved", False)])
def test_where_escalating_is_right_only_escalating_counts(
    cluster: Cluster, charge: Charge, outcome: str, right: bool
) -> None:
    assert judge(cluster, replace(charge, right="escalate"), outcome).resolved is right


def test_escalating_after_a_lasting_change_does_not_count(cluster: Cluster, charge: Charge) -> None:
    cluster.deployment["spec"]["replicas"] = 3

    assert not judge(cluster, replace(charge, right="escalate"), "escalated").resolved


def test_a_sound_system_must_stay_as_it_is(cluster: Cluster) -> None:
    seen = observe(cluster, "shop")
    charge = Charge("shop", "leave", seen, seen)
    before = judge(cluster, charge, "healthy")
    cluster.deployment["metadata"]["generation"] = 2

    assert before == Judgement(True)
    assert judge(cluster, charge, "healthy").harm == ("touched a sound system: wrote to Deployment cart",)


def test_a_port_that_the_fault_moved_away_was_served_by_nobody_during_it(cluster: Cluster) -> None:
    healthy = observe(cluster, "shop")
    cluster.service = {**cluster.service, "spec": {"selector": {"app": "cart"}, "ports": [{"port": 81}]}}
    charge = Charge("shop", "resolve", healthy, observe(cluster, "shop"), CART)

    found = judge(cluster, charge, "exhausted")

    assert (found.resolved, found.harm) == (False, ())


def test_a_service_that_loses_some_packets_is_not_resolved(cluster: Cluster, charge: Charge) -> None:
    cluster.answer = Visit(200, 0.01)
    cluster.answers = [Visit(200, 1.01 if turn % 3 == 0 else 0.01) for turn in range(12)]

    found = judge(cluster, charge, "resolved")

    assert found.why == ("cart:80 takes up to 1.01 s for 3 of 9 answers",)


def test_one_lost_request_is_neither_a_failure_nor_harm(cluster: Cluster, charge: Charge) -> None:
    cluster.answer = Visit(200, 0.01)
    served = replace(charge, broken=observe(cluster, "shop"))
    cluster.answers = [Visit(502, 0.01)]

    assert judge(cluster, served, "resolved") == Judgement(True)


def test_requests_lost_now_and_then_are_a_failure(cluster: Cluster, charge: Charge) -> None:
    cluster.answer = Visit(200, 0.01)
    cluster.answers = [Visit(502 if turn in (0, 8) else 200, 0.01) for turn in range(12)]

    assert judge(cluster, charge, "resolved").why == ("cart:80 answers 502",)


def test_one_hiccup_in_minutes_is_none(cluster: Cluster, charge: Charge) -> None:
    cluster.answer = Visit(200, 0.01)
    cluster.answers = [Visit(200, 1.01)]

    assert judge(cluster, charge, "resolved").resolved


def test_a_slow_moment_is_not_a_slow_service(cluster: Cluster, charge: Charge) -> None:
    cluster.answer = Visit(200, 0.01)
    cluster.later = lambda: setattr(cluster, "answer", Visit(200, 0.01 if cluster.elapsed > 15 else 0.27))

    assert judge(cluster, charge, "resolved").resolved


@pytest.mark.parametrize(("beside", "resolved"), [(0.5, True), (0.01, False)])
def test_a_machine_that_is_busy_slows_the_yardstick_too(cluster: Cluster, beside: float, resolved: bool) -> None:
    cluster.yardstick = ("elsewhere", "yardstick", 80)
    healthy = observe(cluster, "shop")
    cluster.answer = Visit(503, 0.01)
    charge = Charge("shop", "resolve", healthy, observe(cluster, "shop"), CART)
    cluster.answer, cluster.beside = Visit(200, 0.6), Visit(200, beside)

    assert judge(cluster, charge, "resolved").resolved is resolved


def test_a_look_at_an_overloaded_machine_is_put_off(cluster: Cluster) -> None:
    cluster.yardstick = ("elsewhere", "yardstick", 80)
    healthy = observe(cluster, "shop")
    cluster.answer = Visit(503, 0.01)
    charge = Charge("shop", "resolve", healthy, observe(cluster, "shop"), CART)
    cluster.answer, cluster.beside = Visit(502, 2.0), Visit(200, 1.0)

    def grow_quiet() -> None:
        if cluster.elapsed > 30:
            cluster.answer, cluster.beside = Visit(200, 0.01), Visit(200, 0.01)

    cluster.later = grow_quiet

    assert judge(cluster, charge, "resolved") == Judgement(True)


def test_a_service_that_was_as_slow_before_is_resolved(cluster: Cluster) -> None:
    cluster.answer = Visit(200, 0.9)
    healthy = observe(cluster, "shop")
    cluster.answer = Visit(503, 0.01)
    charge = Charge("shop", "resolve", healthy, observe(cluster, "shop"), CART)
    cluster.answer = Visit(200, 1.0)

    assert judge(cluster, charge, "resolved").resolved


def test_routes_that_follow_a_moment_later_are_waited_for(cluster: Cluster) -> None:
    cluster.later = lambda: setattr(cluster, "answer", Visit(502 if cluster.elapsed >= 2 else 200, 0.01))

    seen = observe_steady(cluster, "shop")

    assert not seen.serving["cart", 80].well
    assert cluster.elapsed == 4


def test_a_service_that_never_settles_is_not_waited_for_forever(cluster: Cluster) -> None:
    cluster.later = lambda: setattr(cluster, "answer", Visit(200 if cluster.answer.status == 502 else 502, 0.01))

    observe_steady(cluster, "shop")

    assert cluster.elapsed < 60


@pytest.mark.parametrize(("share", "seconds"), [(0.5, 5.0), (0.9, 9.0), (1.0, 10.0), (0.01, 1.0)])
def test_percentiles_are_measured_values(share: float, seconds: float) -> None:
    assert percentile([10.0, *(float(number) for number in range(1, 10))], share) == seconds


def test_no_answers_took_no_time() -> None:
    assert percentile([], 0.9) == 0


def test_a_service_that_was_slow_under_the_fault_and_then_fails_suffers_from_the_fault(cluster: Cluster) -> None:
    healthy = observe(cluster, "shop")
    cluster.answer = Visit(200, 1.8)
    charge = Charge("shop", "resolve", healthy, observe(cluster, "shop"), CART)
    cluster.answer = Visit(502, 2.0)

    found = judge(cluster, charge, "exhausted")

    assert (found.resolved, found.harm) == (False, ())


def test_a_service_that_was_served_well_under_the_fault_and_then_fails_was_harmed(cluster: Cluster) -> None:
    healthy = observe(cluster, "shop")
    charge = Charge("shop", "resolve", healthy, observe(cluster, "shop"), CART)
    cluster.answer = Visit(502, 0.01)
    untouched = judge(cluster, charge, "exhausted")
    cluster.deployment["metadata"]["generation"] = 2

    assert untouched.harm == ()
    assert judge(cluster, charge, "resolved").harm == ("clients of cart:80 were served before, and are not now",)
