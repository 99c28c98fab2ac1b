"""The sandbox's store."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.sandbox.api.status import StatusError
from ansible_collections.e2ereme.remediate.sandbox.clock import Clock
from ansible_collections.e2ereme.remediate.sandbox.store import Store, copy_of

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def a_store(seed=1):
    return Store(Clock(START), random.Random(seed))


def a_deployment(name="web", replicas=1):
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"replicas": replicas}}


def test_what_is_created_has_identity_time_and_first_generation():
    meta = a_store().create(a_deployment())["metadata"]
    assert (meta["generation"], meta["creationTimestamp"], meta["resourceVersion"]) == (
        1,
        "2026-03-02T09:00:00Z",
        "1001",
    )


def test_the_same_seed_gives_the_same_uids():
    first, second = (a_store(7).create(a_deployment())["metadata"]["uid"] for _ in range(2))
    assert first == second
    assert first != a_store(8).create(a_deployment())["metadata"]["uid"]


def test_a_changed_spec_counts_a_generation_and_a_changed_status_does_not():
    store = a_store()
    made = store.create(a_deployment())
    scaled = store.update({**made, "spec": {"replicas": 2}})
    reported = store.update({**scaled, "status": {"replicas": 2}}, status=True)
    assert [obj["metadata"]["generation"] for obj in (made, scaled, reported)] == [1, 2, 2]


def test_a_write_that_changes_nothing_keeps_the_version():
    store = a_store()
    made = store.create(a_deployment())
    assert store.update(copy_of(made))["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_an_update_on_a_stale_version_is_a_conflict():
    store = a_store()
    made = store.create(a_deployment())
    store.update({**made, "spec": {"replicas": 2}})
    with pytest.raises(StatusError, match="has been modified") as caught:
        store.update({**made, "spec": {"replicas": 3}})
    assert caught.value.code == 409


def test_a_spec_update_leaves_the_status_and_a_status_update_leaves_the_spec():
    store = a_store()
    made = store.create(a_deployment())
    store.update({**made, "status": {"replicas": 1}, "spec": {"replicas": 9}}, status=True)
    now = store.get("Deployment", "shop", "web")
    after = store.update({**now, "spec": {"replicas": 2}, "status": {"replicas": 7}})
    assert (after["spec"], after["status"]) == ({"replicas": 2}, {"replicas": 1})


def test_an_object_with_a_finalizer_stays_until_it_is_taken_off():
    store = a_store()
    store.create({**a_deployment(), "metadata": {"name": "web", "namespace": "shop", "finalizers": ["me"]}})
    store.delete("Deployment", "shop", "web")
    held = store.get("Deployment", "shop", "web")
    assert held["metadata"]["deletionTimestamp"] == "2026-03-02T09:00:00Z"
    store.update({**held, "metadata": {**held["metadata"], "finalizers": []}})
    assert store.get("Deployment", "shop", "web") is None


def test_a_running_pod_gets_its_grace_period_and_a_waiting_one_goes_at_once():
    store = a_store()
    for name, spec in (("runs", {"nodeName": "node-1"}), ("waits", {})):
        store.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "spec": spec})
        store.delete("Pod", "shop", name)
    assert store.get("Pod", "shop", "runs")["metadata"]["deletionGracePeriodSeconds"] == 30
    assert store.get("Pod", "shop", "waits") is None
    store.delete("Pod", "shop", "runs", 0)
    assert store.get("Pod", "shop", "runs") is None


def test_a_dry_run_says_what_would_be_and_stores_nothing():
    store = a_store()
    store.create(a_deployment("there"))
    store.create(a_deployment("new"), dry=True)
    there = store.get("Deployment", "shop", "there")
    assert store.update({**there, "spec": {"replicas": 5}}, dry=True)["metadata"]["generation"] == 2
    assert [obj["spec"]["replicas"] for obj in store.list("Deployment")] == [1]


def test_what_a_subscriber_writes_is_told_after_everybody_heard_of_the_first_change():
    store, heard = a_store(), []

    def copies(type_, old, new):
        heard.append(("first", new["metadata"]["name"]))
        if new["metadata"]["name"] == "a":
            store.create(a_deployment("b"))

    store.subscribe(copies)
    store.subscribe(lambda type_, old, new: heard.append(("second", new["metadata"]["name"])))
    store.create(a_deployment("a"))
    assert heard == [("first", "a"), ("second", "a"), ("first", "b"), ("second", "b")]


def test_a_history_that_is_forgotten_says_that_it_expired():
    store = a_store()
    made = store.create(a_deployment())
    for replicas in range(9000):
        made = store.update({**made, "spec": {"replicas": replicas}})
    assert len(list(store.changes_since(store.version - 5, "Deployment"))) == 5
    with pytest.raises(StatusError) as caught:
        next(iter(store.changes_since(1000, "Deployment")))
    assert (caught.value.code, caught.value.reason) == (410, "Expired")


def test_what_stands_still_is_not_forgotten_for_what_moves():
    """A watch of ConfigMaps goes on while thousands of Pods come up in one step of the clock."""
    store = a_store()
    store.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}})
    before, made = store.version - 1, store.create(a_deployment())
    for replicas in range(9000):
        made = store.update({**made, "spec": {"replicas": replicas}})
    assert [change.new["metadata"]["name"] for change in store.changes_since(before, "ConfigMap")] == ["a"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(json_values)
def test_a_copy_equals_its_original_and_shares_no_container_with_it(value):
    copy = copy_of(value)
    assert copy == value
    assert copy is not value or not isinstance(value, (dict, list))


@given(st.lists(st.tuples(st.sampled_from(["create", "update", "delete"]), st.sampled_from("abc"), st.integers(0, 3))))
def test_watching_from_the_start_rebuilds_what_the_store_holds(steps):
    store, seen = a_store(), {}
    for step, name, replicas in steps:
        there = store.get("Deployment", "shop", name)
        if step == "create" and there is None:
            store.create(a_deployment(name, replicas))
        elif step == "update" and there is not None:
            store.update({**there, "spec": {"replicas": replicas}})
        elif step == "delete" and there is not None:
            store.delete("Deployment", "shop", name)
    for change in store.changes_since(1000, "Deployment"):
        if change.type == "DELETED":
            del seen[change.new["metadata"]["name"]]
        else:
            seen[change.new["metadata"]["name"]] = change.new
    assert [seen[name] for name in sorted(seen)] == store.list("Deployment", "shop")


def test_a_list_is_its_callers_own_and_shows_every_change():
    store = a_store()
    store.create(a_deployment("web"))
    store.list("Deployment", "shop").clear()
    store.list("Deployment").clear()
    store.create(a_deployment("cart"))
    assert [item["metadata"]["name"] for item in store.list("Deployment", "shop")] == ["cart", "web"]
    store.update({**store.get("Deployment", "shop", "web"), "spec": {"replicas": 4}})
    assert [item["spec"]["replicas"] for item in store.list("Deployment")] == [1, 4]
    store.delete("Deployment", "shop", "cart")
    assert [item["metadata"]["name"] for item in store.list("Deployment")] == ["web"]
    store.plant([a_deployment("api")])
    assert [item["metadata"]["name"] for item in store.list("Deployment", "shop")] == ["api", "web"]


def test_a_kind_tells_when_it_changed_last_and_whether_there_is_any():
    store = a_store()
    assert (store.changed_at("Deployment"), store.has("Deployment")) == (0, False)
    made = store.create(a_deployment())
    assert (store.changed_at("Deployment"), store.has("Deployment")) == (store.version, True)
    store.update(made)  # nothing changed
    store.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}})
    assert store.changed_at("Deployment") == store.version - 1
    store.delete("Deployment", "shop", "web")
    assert (store.changed_at("Deployment"), store.has("Deployment")) == (store.version, False)
