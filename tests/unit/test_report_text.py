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


def sure(text: str) -> dict[str, bool]:
    return {item.name: item.sure for item in parse_report(text, "shop").suspects}


@pytest.mark.parametrize(
    "text",
    [
        "deployment/cart is down",
        "deployment cart is down",
        "`cart` is down",
        "shop/cart is down",
        "http://cart:8080 is down",
        "Suspected root cause: cart (Deployment). Confidence: 0.8",
        "Ranked by score: 1. cart (0.61) 2. cart-db (0.3)",
    ],
)
def test_a_name_that_is_marked_as_one_is_sure(text: str) -> None:
    assert sure(text)["cart"]


@pytest.mark.parametrize(
    "text", ["cart is down", "the cart service is down", "calls to cart fail", "cart's error rate"]
)
def test_a_bare_word_is_a_guess(text: str) -> None:
    assert sure(text) == {"cart": False}


@pytest.mark.parametrize(
    "text",
    [
        "Elevated error rate and failing requests. No single component could be ranked first.",
        "FYI an overworked application has trouble, the backup is late",
        "Something broke after the migration was started",
        "Something broke a few minutes ago. Callers report time-outs now and then.",
    ],
)
def test_no_ordinary_word_is_sure(text: str) -> None:
    assert not any(sure(text).values())


def test_sure_names_come_before_guesses() -> None:
    assert list(sure("the gateway is slow; look at deployment/cart")) == ["cart", "gateway"]


def test_a_sentence_may_end_with_the_name() -> None:
    assert named("we see failing Pods at auth-service.") == {("auth-service", "")}


@pytest.mark.parametrize(
    "text", ["we see failing Pods at user.", "traffic is unreachable", "the account service fails"]
)
def test_a_service_may_be_called_like_an_ordinary_word(text: str) -> None:
    assert sure(text).keys() & {"user", "traffic", "account"}
