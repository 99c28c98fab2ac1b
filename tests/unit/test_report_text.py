"""Which objects a sentence names."""

from __future__ import annotations

import pytest

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report_parse import parse_report


def named(text: str) -> set[tuple[str, str]]:
    return {(item.name, item.kind) for item in parse_report(text, "shop").suspects}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cart service returns 502 since the last deploy", ("cart", "Service")),
        ("deployment/web crash loops", ("web", "Deployment")),
        ("svc payments is unreachable", ("payments", "Service")),
        ("calls to `catalog` time out", ("catalog", "")),
        ("http://cart.shop.svc:8080/ times out", ("cart", "Service")),
        ("ts-order-service keeps restarting", ("ts-order-service", "")),
        ("checkout is down", ("checkout", "")),
        ("fifist is broken, please fix it, namespace shop", ("fifist", "")),
        ("fifist is broken in my-shop, namespace my-shop", ("fifist", "")),
        ("Suspected root cause: route (confidence 0.83)", ("route", "")),
        ("Components by anomaly score: 1. search (0.7) 2. policy (0.35)", ("search", "")),
        ("something is wrong with shop/cart-db", ("cart-db", "")),
        ("web: 502 for a third of requests", ("web", "")),
        ("High latency on shipping", ("shipping", "")),
        ("Users report errors: payment fails with timeouts", ("payment", "")),
        ("checkout's error rate went through the roof", ("checkout", "")),
        ("The most likely faulty component is cart (score 0.9)", ("cart", "")),
    ],
)
def test_a_sentence_names_its_suspect(text: str, expected: tuple[str, str]) -> None:
    assert expected in named(text)


def test_what_a_cause_is_called_is_no_suspect() -> None:
    assert named("The most likely faulty component is deployment cart (score 0.9)") == {("cart", "Deployment")}


def test_a_pod_stands_for_its_workload() -> None:
    assert named("Pod cart-7d9f8c6b5d-x2x9z is restarting") == {("cart", "Deployment")}


@pytest.mark.parametrize(
    "text", ["Customers cannot log in", "service is down", "5xx errors since 10:00", "please re-deploy"]
)
def test_ordinary_words_are_no_suspects(text: str) -> None:
    assert named(text) == set()


@pytest.mark.parametrize(
    "text", ["cart fails in namespace prod", "cart fails in the prod namespace", "kubectl -n prod: cart fails"]
)
def test_the_namespace_is_read_from_the_text(text: str) -> None:
    assert parse_report(text).namespace == "prod"


def test_a_given_namespace_wins() -> None:
    assert parse_report("cart fails in namespace prod", "shop").namespace == "shop"


def test_the_same_failure_in_other_words_has_the_same_fingerprint() -> None:
    assert (
        parse_report("cart is down", "shop").fingerprint == parse_report("`cart` does not answer", "shop").fingerprint
    )


def test_another_namespace_has_another_fingerprint() -> None:
    assert parse_report("cart is down", "shop").fingerprint != parse_report("cart is down", "prod").fingerprint


def test_control_characters_and_secrets_stay_out_of_the_summary() -> None:
    summary = parse_report("cart is down\x1b[31m password=hunter22 {{ x }} <|im_start|>", "shop").summary
    assert not any(part in summary for part in ("\x1b", "hunter22", "{{", "<|"))
