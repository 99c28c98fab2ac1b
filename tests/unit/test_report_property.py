"""Whatever is handed over, parsing gives a Report or an InputError."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report import Report
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report_parse import parse_report

KEYS = st.sampled_from(
    ["alerts", "labels", "status", "results", "kind", "name", "error", "namespace", "annotations", "x"]
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def outcome(value: Any) -> Report | InputError:
    try:
        return parse_report(value, "shop")
    except InputError as error:
        return error


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300) | st.binary(max_size=200) | TREES)
def test_any_value_gives_a_report_or_an_input_error(value: Any) -> None:
    found = outcome(value)
    assert isinstance(found, InputError) or (found.namespace == "shop" and len(found.summary) <= 400)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, TREES, max_size=4))
def test_yaml_like_text_gives_a_report_or_an_input_error(data: dict[str, Any]) -> None:
    text = "\n".join(f"{key}: {value}" for key, value in data.items())
    assert isinstance(outcome(text), Report | InputError)
