"""The sandbox's types."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.sandbox.api.decoding import WrongType, decode
from ansible_collections.e2ereme.remediate.sandbox.api.fields import changed, from_tree, owned_by, to_tree
from ansible_collections.e2ereme.remediate.sandbox.api.quantity import canonical, value_of
from ansible_collections.e2ereme.remediate.sandbox.api.schema import compiled
from ansible_collections.e2ereme.remediate.sandbox.api.selectors import field_selector, label_selector, selects
from ansible_collections.e2ereme.remediate.sandbox.api.status import StatusError
from ansible_collections.e2ereme.remediate.sandbox.api.tables import duration

DEPLOYMENT = compiled("apps", "v1", "Deployment")
SERVICE = compiled("", "v1", "Service")


@pytest.mark.parametrize(
    ("written", "stored"),
    [("1000m", "1"), ("0.5", "500m"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("1e3", "1000"), ("0.1m", "100u"),
     ("100000k", "100M"), ("0", "0"), ("0Mi", "0"), ("+2", "2"), ("1500M", "1500M")],
)  # fmt: skip
def test_quantities_are_stored_in_canonical_form(written, stored):
    assert canonical(written) == stored


@given(st.integers(0, 10**6), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi"]))
def test_the_canonical_form_is_worth_the_same_and_stays_as_it_is(number, suffix):
    text = f"{number}{suffix}"
    assert value_of(canonical(text)) == value_of(text)
    assert canonical(canonical(text)) == canonical(text)


def test_defaults_are_filled_in_by_type():
    container = {"name": "web", "image": "shop/web:1", "ports": [{"containerPort": 80}]}
    sent = {"spec": {"template": {"spec": {"containers": [container]}}}}
    spec = decode(DEPLOYMENT, sent, [])["spec"]
    made = spec["template"]["spec"]["containers"][0]
    assert (spec["replicas"], spec["strategy"]["rollingUpdate"]["maxSurge"]) == (1, "25%")
    assert (made["imagePullPolicy"], made["ports"][0]["protocol"], made["resources"]) == ("IfNotPresent", "TCP", {})


@pytest.mark.parametrize(
    ("image", "policy"),
    [("a", "Always"), ("host:5000/a", "Always"), ("a:latest", "Always"), ("a:1", "IfNotPresent")],
)
def test_an_image_without_a_fixed_tag_is_always_pulled(image, policy):
    sent = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": image}]}}}}
    assert decode(DEPLOYMENT, sent, [])["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_a_service_port_targets_its_own_number_unless_told_otherwise():
    spec = decode(SERVICE, {"spec": {"ports": [{"port": 80}, {"port": 81, "targetPort": "http"}]}}, [])["spec"]
    assert [port["targetPort"] for port in spec["ports"]] == [80, "http"]


@pytest.mark.parametrize(
    ("sent", "got", "field", "wanted"),
    [
        ({"spec": {"replicas": "two"}}, "string", "DeploymentSpec.spec.replicas", "int32"),
        ({"metadata": {"labels": {"a": 1}}}, "number", "ObjectMeta.metadata.labels", "string"),
        ({"spec": {"template": []}}, "array", "DeploymentSpec.spec.template", "v1.PodTemplateSpec"),
    ],
)
def test_a_wrong_type_is_named_as_go_names_it(sent, got, field, wanted):
    with pytest.raises(WrongType, match=f"cannot unmarshal {got} into Go struct field {field} of type {wanted}"):
        decode(DEPLOYMENT, sent, [])


def test_unknown_fields_are_dropped_and_named_where_they_were():
    unknown = []
    kept = decode(
        DEPLOYMENT, {"spec": {"template": {"spec": {"containers": [{"name": "a", "foo": 1}]}}, "bar": 2}}, unknown
    )
    assert unknown == ["spec.template.spec.containers[0].foo", "spec.bar"]
    assert "bar" not in kept["spec"]


def test_a_change_of_one_variable_touches_only_its_value():
    old = {"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "A", "value": "1"}]}]}}}}
    new = {"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "A", "value": "2"}]}]}}}}
    touched, removed = changed(DEPLOYMENT, old, new)
    steps = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"web"}', "f:env", 'k:{"name":"A"}', "f:value")
    assert (touched, removed) == ({steps}, set())


def test_an_applied_configuration_owns_its_leaves_and_items_but_not_the_lists_around_them():
    applied = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "a:1"}]}}}}
    tree = to_tree(owned_by(DEPLOYMENT, applied))
    item = {".": {}, "f:name": {}, "f:image": {}}
    assert tree == {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': item}}}}}


@given(st.sets(st.lists(st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}']), min_size=1, max_size=4).map(tuple)))
def test_paths_survive_their_tree_form(paths):
    assert from_tree(to_tree(paths)) == paths


@pytest.mark.parametrize(
    ("selector", "fits"),
    [("app=web", True), ("app==web,tier!=db", True), ("app in (web, api)", True), ("app notin (web)", False),
     ("app", True), ("!app", False), ("tier", False), ("app=", False)],
)  # fmt: skip
def test_label_selectors(selector, fits):
    assert label_selector(selector)({"app": "web"}) is fits


def test_label_selectors_inside_objects():
    terms = [{"key": "app", "operator": "In", "values": ["web"]}, {"key": "tier", "operator": "DoesNotExist"}]
    assert selects({"matchExpressions": terms}, {"app": "web"})
    assert not selects({"matchExpressions": terms}, {"app": "web", "tier": "x"})
    assert selects({}, {"anything": "goes"})
    assert not selects(None, {})


def test_field_selectors_know_the_fields_of_their_kind():
    fits = field_selector("Pod", "status.phase!=Running,spec.nodeName=node-1")
    assert fits({"spec": {"nodeName": "node-1"}, "status": {"phase": "Pending"}})
    assert not fits({"spec": {"nodeName": "node-1"}, "status": {"phase": "Running"}})
    with pytest.raises(StatusError, match=r"field label not supported: spec\.foo"):
        field_selector("Pod", "spec.foo=1")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (3 * 60 * 60, "3h"),
        (9000, "150m"),
        (50 * 3600, "2d2h"),
        (10 * 86400, "10d"),
    ],
)
def test_ages_are_told_as_kubectl_tells_them(seconds, text):
    assert duration(seconds) == text
