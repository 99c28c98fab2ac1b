"""Which reports name something even where the namespace has nothing of that name, and which name nothing."""

from __future__ import annotations

import random

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Evidence, Fact, Inventory, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.course import guard
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report_parse import parse_report
from ansible_collections.e2ereme.remediate.sandbox.faults.false_reports import false_report
from ansible_collections.e2ereme.remediate.sandbox.faults.reports import alert, prose, sentence
from ansible_collections.e2ereme.remediate.sandbox.systems.generate import generate

NAMES = ("cart", "payment-api", "frontendproxy", "ts-order-service", "auth")
CART = ObjectRef("Deployment", "shop", "cart")
OBJECTS = tuple({"kind": "Deployment", "metadata": {"name": name, "namespace": "shop"}} for name in NAMES)
BROKEN = Evidence(
    (Fact("e1", "state", CART, "Deployment cart: 0/1 Pods ready", 1.0, "Pods"),),
    (CART,),
    Inventory("shop", "2026-03-02T10:00:00Z", {"Deployment": OBJECTS}),
)


@pytest.mark.parametrize(
    "text",
    [
        "ghost is down",
        "Ghost is down!",
        "Hi team, ghost is not answering. Please fix.",
        "[sev2] ghost keeps crashing since noon",
        "ghost fails",
        "ghost returns 503",
        "ghost service is failing",
        "service ghost is failing",
        "the ghost service is down",
        "the ghost deployment is crashing",
        "FYI ghost unreachable",
        "requests to ghost fail since noon",
        "something is wrong with the ghost service.",
        "ghost answers 503 since the last release",
        "ghost responds with 500",
        "503s from ghost since 10:00",
        "users cannot reach ghost",
        "we get 502s on ghost",
        "nobody can connect to the ghost service",
        "ghost throws exceptions",
        "ghost gives 500",
        "ghost refuses connections",
        "ghost won't start",
    ],
)
def test_something_that_is_not_there_is_escalated_though_another_thing_is_broken(text: str) -> None:
    found = guard(parse_report(text, "shop"), BROKEN)

    assert found == ("escalated", "the report names ghost, which namespace shop does not have")


@pytest.mark.parametrize(
    "text",
    [
        "checkout page is slow",
        "the website is down",
        "our shop is slow today",
        "everything is broken",
        "users see errors",
        "users cannot reach the database",
        "nobody can reach production",
        "we get errors from upstream",
        "orders fail",
        "payments are failing since noon",
        "customers cannot order",
        "latency is high",
        "something is wrong with the shop",
        "the main service is down",
        "the latest deployment broke things",
        "shopping is impossible, ordering is failing",
        "production is down",
        "something is wrong with the login",
        "we get errors from customers, requests to production time out",
        "we see 503s",
        "pods keep crashing",
        "please have a look, an alert went off",
        "payment is failing",  # payment-api
        "the order service is down",  # ts-order-service
        "frontend is slow",  # frontendproxy
        "authentication is broken",  # auth
        "cart is down",
        "monitoring is unreachable, and cart is down",
    ],
)
def test_a_report_that_names_nothing_or_something_known_goes_on(text: str) -> None:
    assert guard(parse_report(text, "shop"), BROKEN) is None


def test_no_true_report_of_a_hundred_systems_is_turned_away() -> None:
    for seed in range(100):
        rng = random.Random(seed)
        system = generate(seed)
        objects = tuple({"kind": "Deployment", "metadata": {"name": each.name}} for each in system.services)
        there = Evidence(BROKEN.facts, (), Inventory(system.namespace, "", {"Deployment": objects}))
        for each in (*system.services, None):
            named = each and {"kind": each.kind, "name": each.name}
            for symptom in ("unready", "unanswered"):
                for say in (sentence, prose, alert):
                    report = say(named, system, symptom, rng)
                    assert guard(parse_report(report, system.namespace), there) is None, report


def test_of_false_reports_that_name_what_is_not_there_nine_in_ten_are_turned_away() -> None:
    turned, told = 0, 0
    for seed in range(100):
        system = generate(seed)
        objects = tuple({"kind": "Deployment", "metadata": {"name": each.name}} for each in system.services)
        there = Evidence(BROKEN.facts, (), Inventory(system.namespace, "", {"Deployment": objects}))
        false = false_report(system, random.Random(seed))
        for report in () if false.exists else false.reports:
            told += 1
            turned += guard(parse_report(report, system.namespace), there) is not None

    assert turned / told >= 0.9, (turned, told)
