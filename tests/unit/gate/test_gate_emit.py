"""Our own re-emit: the same tree, every string literal, on lines of known tasks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.emit import emit
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.policy import load_policy
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.tasks import TASK_KEYS, walk

loader = pytest.importorskip("ansible.parsing.yaml.loader")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
arguments = st.dictionaries(st.text("abcdefgh_", min_size=1, max_size=8), values, min_size=1, max_size=4)


def read(text: str) -> Any:
    """What Ansible itself reads, as plain JSON types: 7, "7" and 7.0 are three things."""
    return json.loads(json.dumps(loader.AnsibleLoader(text).get_single_data()))


def same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(name=texts, tasks=st.lists(arguments, max_size=3))
def test_what_is_emitted_reads_back_as_the_same_tree(name: str, tasks: list[dict[str, Any]]) -> None:
    given_tasks = tuple({"name": name, "kubernetes.core.k8s": body} for body in tasks)
    text, _ = emit(name, given_tasks)
    play = read(text)[0]
    assert same([play["name"], play["tasks"]], [name, given_tasks])
    assert {key: play[key] for key in ("hosts", "connection", "gather_facts")} == {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
    }


@given(body=arguments)
def test_no_string_that_could_hold_a_template_is_trusted(body: dict[str, Any]) -> None:
    text, _ = emit("Any", ({"name": "Any", "kubernetes.core.k8s": body},))

    def plain(node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            for _, value in node.value:
                yield from plain(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                yield from plain(value)
        elif node.tag.endswith(":str"):
            yield node.value

    assert not [value for value in plain(yaml.compose(text)) if "{" in value or "#" in value]


@pytest.mark.parametrize("text", ["007", "80", "1.5", "yes", "null", "~", "", "2026-05-04", "12:30", "=", "<<", "0x1f"])
def test_a_string_that_looks_like_something_else_stays_a_string(text: str) -> None:
    emitted, _ = emit("Any", ({"m": {"value": text}},))
    assert read(emitted)[0]["tasks"] == [{"m": {"value": text}}]


def test_conditions_and_register_stay_live() -> None:
    text, _ = emit(
        "Look", ({"name": "Look", "kubernetes.core.k8s_info": {}, "register": "x", "until": "x is changed"},)
    )
    assert '      register: "x"\n' in text
    assert '      until: "x is changed"\n' in text


def test_each_line_knows_its_task() -> None:
    _, owners = emit("Two", ({"name": "A", "m": {"a": 1}}, {"name": "B", "m": {"b": 1}}))
    assert owners == (-1, -1, -1, -1, -1, -1, 0, 0, 0, 1, 1, 1)


def test_the_text_is_ascii() -> None:
    text, _ = emit("naïve ‮ \U0001f600", ())
    assert text.isascii()


def mostly(good: Any, other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Good values often enough that some playbooks pass."""
    return st.one_of(st.just(good), st.just(good), st.just(good), other)


bodies = st.fixed_dictionaries(
    {"replicas": mostly(3, values)},
    optional={"paused": mostly(False, values), "hostNetwork": st.just(True)},
)
manifests = st.fixed_dictionaries({"spec": mostly({"replicas": 4}, bodies)}, optional={"data": bodies})
calls = st.fixed_dictionaries(
    {
        "state": mostly("patched", st.sampled_from(["present", "absent"])),
        "api_version": st.just("apps/v1"),
        "kind": mostly("Deployment", st.sampled_from(["StatefulSet", "Secret"])),
        "namespace": mostly("shop", st.just("prod")),
        "name": mostly("web", texts),
        "definition": mostly({"spec": {"replicas": 5}}, manifests),
    }
)
tasks = st.fixed_dictionaries(
    {"kubernetes.core.k8s": calls},
    optional={
        "name": mostly("Do it", texts),
        "register": mostly("x", st.just("ansible_x")),
        "retries": mostly(3, st.integers(-1, 100)),
        "ignore_errors": st.booleans(),
        "when": mostly(True, st.sampled_from(["'a' == 'b'", "x is changed", "lookup('a')"])),
    },
)


def test_whatever_passes_reads_back_the_same_and_has_only_allowed_keys(gated: Callable[[str], Any]) -> None:
    allowed = {*TASK_KEYS, *load_policy().modules}
    passed = 0

    @settings(max_examples=300, deadline=None, database=None, derandomize=True)
    @given(st.lists(tasks, min_size=1, max_size=2))
    def check(items: list[dict[str, Any]]) -> None:
        nonlocal passed
        text, _ = emit("Any", tuple(items))
        found = gated(text.replace("!unsafe ", ""))
        if isinstance(found, Playbook):
            passed += 1
            assert same(read(found.text)[0]["tasks"], found.tasks)
            assert all(set(task) <= allowed for task in walk(found.tasks))
            assert all(ref.namespace == "shop" for ref in found.touches)

    check()
    assert passed > 10
