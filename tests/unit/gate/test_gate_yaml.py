"""Reading YAML: plain values, as JSON has them, with lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.yamltree import Tree, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("012", 10),
        ("0x1F", 31),
        ("-7", -7),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("yes", True),
        ("off", False),
        ("~", None),
        ("12:30:45", "12:30:45"),
        ("2026-05-04", "2026-05-04"),
        ("2026-05-04T12:00:00Z", "2026-05-04T12:00:00Z"),
        ("'80'", "80"),
        ("=", "="),
    ],
)
def test_a_scalar_becomes_what_a_manifest_means(text: str, value: object) -> None:
    tree = read_yaml(f"a: {text}\n")
    assert isinstance(tree, Tree)
    assert tree.data == {"a": value}
    assert type(tree.data["a"]) is type(value)


def test_keys_that_look_like_numbers_are_strings() -> None:
    tree = read_yaml("8080: a\non: b\n")
    assert isinstance(tree, Tree)
    assert tree.data == {"8080": "a", "on": "b"}


def test_a_place_knows_its_line() -> None:
    tree = read_yaml("a:\n  - b: 1\n    c: 2\n")
    assert isinstance(tree, Tree)
    assert tree.line(("a", 0, "c")) == 3
    assert tree.line(("a", 0, "no such")) == 2


def test_the_line_of_a_syntax_error_is_told() -> None:
    found = read_yaml("a: 1\nb: [\n")
    assert not isinstance(found, Tree)
    assert (found[0].rule, found[0].line) == ("yaml.syntax", 3)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert isinstance(read_yaml(text), (Tree, tuple))


@given(st.text(alphabet="-:{}[]&*!|>'\"%@#,? \n\tab0~.", max_size=60))
def test_no_punctuation_breaks_the_reader(text: str) -> None:
    assert isinstance(read_yaml(text), (Tree, tuple))
