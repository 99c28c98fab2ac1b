"""Kubernetes quantities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.plugins.module_utils.quantity import parse_quantity, quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("100m", 0.1),
        ("1.5", 1.5),
        (2, 2),
        (0.5, 0.5),
        ("1Ki", 1024),
        ("512Mi", 2**29),
        ("1G", 1e9),
        ("2e3", 2000),
        ("1E", 1e18),
        ("1E2", 100),
        ("5E-1", 0.5),
        ("1e0003", 1000),
        ("1.", 1),
        (".5Gi", 2**29),
        ("+1k", 1000),
        ("-2", -2),
        ("100n", 1e-7),
        ("3u", 3e-6),
        ("1Ei", 2**60),
        ("9E9", 9e9),
    ],
)
def test_a_quantity_is_a_number(text: object, number: float) -> None:
    assert parse_quantity(text) == number


@pytest.mark.parametrize(
    "text",
    [
        *("", "lots", "1 Gi", " 1", "1\n", "1gi", "1K", "1mi", "1ki", "1Mb", "Mi", ".", "1.2.3", "1e", "1e2m", "0x1"),
        *("inf", "nan", float("inf"), float("nan"), True, None, [1], "١m"),
    ],
)
def test_what_is_no_quantity(text: object) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse_quantity(text)


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        number: object = parse_quantity(text)
    except ValueError as error:
        number = str(error)
    assert isinstance(number, float) or "is not a quantity" in str(number)


@pytest.mark.parametrize("text", ["9Ei", "1e30", "1" + "0" * 400, "1e999999999"])
def test_what_no_cluster_could_hold_is_capped_as_the_api_server_does(text: str) -> None:
    assert parse_quantity(text) == float(2**63 - 1)
    assert parse_quantity("-" + text) == -float(2**63 - 1)


def test_evidence_has_none_where_there_is_no_quantity() -> None:
    assert quantity("10m") == 0.01
    assert quantity(None) is None
