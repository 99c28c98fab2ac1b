"""Kubernetes quantities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.quantity import parse_quantity


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
    ],
)
def test_a_quantity_is_a_number(text: object, number: float) -> None:
    assert parse_quantity(text) == number


@pytest.mark.parametrize("text", ["", "lots", "1 Gi", "1gi", "Mi", "1.2.3", True, None, [1], "١m"])
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
