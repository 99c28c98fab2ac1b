"""Patterns, strategic merges and differences of manifests."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.fieldpaths import (
    covers,
    differences,
    leaves,
    merged,
    parse_pattern,
)

LIVE = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "x:1", "args": ["1"]}, {"name": "b"}]}}}}


def pod(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(containers)}}}}


def test_a_pattern_has_entries_and_quoted_keys() -> None:
    assert parse_pattern('a.b[*].c["d.e/f"].*') == ("a", "b", "[*]", "c", "d.e/f", "*")


@pytest.mark.parametrize("text", ["", ".a", "a[", "a[0]", 'a["b', "a..b"])
def test_a_pattern_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_pattern(text)


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("a.b", ("a", "b"), True),
        ("a.b", ("a", "b", "c"), True),
        ("a.b", ("a",), False),
        ("a.*", ("a", "x"), True),
        ("**.c", ("a", "b", "c", "d"), True),
        ("**.c", ("a", "b"), False),
        ("a.**.c", ("a", "c"), True),
    ],
)
def test_a_pattern_covers_what_lies_below_it(pattern: str, path: tuple[str, ...], covered: bool) -> None:
    assert covers(parse_pattern(pattern), path) is covered


def test_a_merge_keeps_the_entries_that_it_does_not_name() -> None:
    after = merged(LIVE, pod({"name": "a", "image": "x:2"}))
    assert after == pod({"name": "a", "image": "x:2", "args": ["1"]}, {"name": "b"})


def test_a_merge_replaces_a_list_that_is_one_value() -> None:
    assert merged(LIVE, pod({"name": "a", "args": ["2"]}))["spec"]["template"]["spec"]["containers"][0]["args"] == ["2"]


def test_a_merge_takes_away_what_is_null() -> None:
    assert merged({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"c": None}}) == {"b": {}}


def test_the_leaves_of_a_merge_name_their_paths() -> None:
    found = [(leaf.path, leaf.value) for leaf in leaves(pod({"name": "a", "args": ["1", "2"]}))]
    base = ("spec", "template", "spec", "containers", "[*]")
    assert found == [((*base, "name"), "a"), ((*base, "args"), ["1", "2"])]


def test_a_difference_sees_what_a_new_subtree_leaves_out() -> None:
    new = pod({"name": "a", "image": "x:1"}, {"name": "b"})
    found = [(leaf.path[-1], leaf.removed) for leaf in differences(LIVE, new)]
    assert found == [("args", True)]


def test_a_difference_sees_a_removed_entry() -> None:
    found = [(leaf.path[-2:], leaf.removed) for leaf in differences(LIVE, pod({"name": "b"}))]
    assert found == [(("containers", "[*]"), True)]
