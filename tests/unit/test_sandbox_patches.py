"""The sandbox's patches."""

import copy

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.sandbox.api.patch import json_patch, merge_patch
from ansible_collections.e2ereme.remediate.sandbox.api.schema import compiled
from ansible_collections.e2ereme.remediate.sandbox.api.status import StatusError
from ansible_collections.e2ereme.remediate.sandbox.api.strategic import strategic_merge

DEPLOYMENT = compiled("apps", "v1", "Deployment")
SERVICE = compiled("", "v1", "Service")


def pods(*containers):
    return {"spec": {"template": {"spec": {"containers": list(containers)}}}}


def merged(target, patch):
    return strategic_merge(DEPLOYMENT, target, patch)["spec"]["template"]["spec"]["containers"]


def test_a_container_is_merged_by_its_name():
    target = pods({"name": "web", "image": "a:1", "command": ["x"]}, {"name": "log", "image": "b:1"})
    assert merged(target, pods({"name": "web", "image": "a:2"})) == [
        {"name": "web", "image": "a:2", "command": ["x"]},
        {"name": "log", "image": "b:1"},
    ]


def test_a_new_item_comes_first_as_the_api_server_puts_it():
    target = pods({"name": "web", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})
    patch = pods({"name": "web", "env": [{"name": "N", "value": "3"}]})
    assert [item["name"] for item in merged(target, patch)[0]["env"]] == ["N", "A", "B"]


def test_an_item_is_deleted_by_directive():
    target = pods({"name": "web", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})
    patch = pods({"name": "web", "env": [{"name": "A", "$patch": "delete"}]})
    assert merged(target, patch)[0]["env"] == [{"name": "B", "value": "2"}]


def test_a_list_is_replaced_by_directive():
    target = pods({"name": "web", "image": "a:1"}, {"name": "log", "image": "b:1"})
    assert merged(target, pods({"$patch": "replace"}, {"name": "new", "image": "c:1"})) == [
        {"name": "new", "image": "c:1"}
    ]


def test_an_atomic_list_is_replaced():
    target = pods({"name": "web", "command": ["a", "b"]})
    assert merged(target, pods({"name": "web", "command": ["c"]})) == [{"name": "web", "command": ["c"]}]


def test_the_order_that_a_patch_asks_for_is_kept():
    target = pods({"name": "web", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})
    patch = pods({"name": "web", "$setElementOrder/env": [{"name": "B"}, {"name": "A"}], "env": [{"name": "B"}]})
    assert [item["name"] for item in merged(target, patch)[0]["env"]] == ["B", "A"]


def test_a_volume_loses_what_it_is_not_told_to_retain():
    target = {"spec": {"template": {"spec": {"volumes": [{"name": "v", "configMap": {"name": "c"}}]}}}}
    volume = {"name": "v", "$retainKeys": ["name", "emptyDir"], "emptyDir": {}}
    patch = {"spec": {"template": {"spec": {"volumes": [volume]}}}}
    after = strategic_merge(DEPLOYMENT, target, patch)
    assert after["spec"]["template"]["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]


def test_service_ports_merge_by_their_number():
    target = {"spec": {"ports": [{"port": 80, "targetPort": 8080, "name": "http"}]}}
    after = strategic_merge(SERVICE, target, {"spec": {"ports": [{"port": 80, "targetPort": 9090}]}})
    assert after["spec"]["ports"] == [{"port": 80, "targetPort": 9090, "name": "http"}]


def test_an_item_without_its_merge_key_is_refused():
    with pytest.raises(StatusError, match="does not contain declared merge key: name"):
        strategic_merge(DEPLOYMENT, pods({"name": "web"}), pods({"image": "x"}))


def test_null_removes_a_field_in_every_merge():
    assert merge_patch({"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"c": None}}) == {"b": {"d": 3}}
    assert strategic_merge(DEPLOYMENT, {"spec": {"paused": True}}, {"spec": {"paused": None}}) == {"spec": {}}


def test_a_json_patch_that_does_not_fit_is_refused():
    for operation in (
        {"op": "replace", "path": "/nope", "value": 1},
        {"op": "test", "path": "/a", "value": 2},
        {"op": "remove", "path": "/list/9"},
        {"op": "add", "path": "/list/-1", "value": 1},
        {"op": "jump", "path": "/a"},
    ):
        with pytest.raises(StatusError) as caught:
            json_patch({"a": 1, "list": [1]}, [operation])
        assert caught.value.code == 422


documents = st.dictionaries(
    st.sampled_from("abc"),
    st.integers(0, 3)
    | st.lists(st.integers(0, 3), max_size=3)
    | st.dictionaries(st.sampled_from("ab"), st.integers(0, 3), max_size=2),
    max_size=3,
)


@given(documents, documents)
def test_json_patches_agree_with_the_jsonpatch_library_and_leave_their_target_alone(before, after):
    kept = copy.deepcopy(before)
    assert json_patch(before, jsonpatch.make_patch(before, after).patch) == after
    assert before == kept
