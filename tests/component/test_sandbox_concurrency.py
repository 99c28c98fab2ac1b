"""Properties of the store as clients see it: no lost update, and a watch that tells what a list shows."""

from __future__ import annotations

import json
import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.sandbox.api.exchange import Request
from ansible_collections.e2ereme.remediate.sandbox.over_http import HttpTransport
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import serve

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
MERGE = "application/merge-patch+json"


def a_map(name, labels=None, finalizers=None, **data):
    meta = {"name": name, "labels": labels or {}}
    if finalizers:
        meta["finalizers"] = finalizers
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def listed(sandbox, path, **query):
    """What a list shows, by name."""
    return {item["metadata"]["name"]: item for item in sandbox.handle("GET", path, query).json()["items"]}


# No lost update

reader_writer = st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40)


@given(reader_writer)
def test_of_clients_that_read_and_write_in_any_order_none_loses_anothers_update(steps):
    """Each step, one of four clients reads the counter, or writes back what it read plus one."""
    sandbox = Sandbox()
    sandbox.handle("POST", MAPS, body=a_map("counter", n="0"))
    read, written = {}, 0
    for client, writes in steps:
        if not writes or client not in read:
            read[client] = sandbox.handle("GET", f"{MAPS}/counter").json()
            continue
        seen = read.pop(client)
        seen["data"] = {"n": str(int(seen["data"]["n"]) + 1)}
        answer = sandbox.handle("PUT", f"{MAPS}/counter", body=seen)
        assert answer.status in (200, 409)
        written += answer.status == 200
    assert listed(sandbox, MAPS)["counter"]["data"] == {"n": str(written)}


def test_four_clients_at_once_over_http_count_to_a_hundred_together():
    sandbox = Sandbox()
    sandbox.handle("POST", MAPS, body=a_map("counter", n="0"))
    with serve(sandbox) as served:

        def count() -> None:
            client, done = HttpTransport(served.url), 0
            while done < 25:
                seen = client.request("GET", f"{MAPS}/counter").json()
                seen["data"] = {"n": str(int(seen["data"]["n"]) + 1)}
                done += client.request("PUT", f"{MAPS}/counter", body=seen).status == 200

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
    assert listed(sandbox, MAPS)["counter"]["data"] == {"n": "100"}


@given(st.permutations(["a", "b", "c", "d"]), st.sampled_from([MERGE, "application/strategic-merge-patch+json"]))
def test_patches_of_different_fields_all_stay_whatever_their_order(keys, content_type):
    sandbox = Sandbox()
    sandbox.handle("POST", MAPS, body=a_map("shared"))
    for key in keys:
        answer = sandbox.handle("PATCH", f"{MAPS}/shared", body={"data": {key: key}}, content_type=content_type)
        assert answer.status == 200
    assert listed(sandbox, MAPS)["shared"]["data"] == {key: key for key in keys}


# A watch tells what a list shows

names = st.sampled_from("abc")
labels = st.sampled_from([{}, {"app": "web"}, {"app": "db", "tier": "back"}])
selectors = st.sampled_from(["", "app=web", "app!=web", "tier", "!tier", "app in (web,db)"])
writes = st.one_of(
    st.tuples(st.just("create"), names, labels, st.booleans()),
    st.tuples(st.just("relabel"), names, labels, st.booleans()),
    st.tuples(st.just("change"), names, st.integers(0, 2), st.booleans()),
    st.tuples(st.just("delete"), names, st.none(), st.booleans()),
    st.tuples(st.just("release"), names, st.none(), st.booleans()),
    st.tuples(st.just("sweep"), names, labels, st.booleans()),
)


def write(sandbox, step):
    """One write of a client; that some are refused is part of the game."""
    act, name, value, flag = step
    path = f"{MAPS}/{name}"
    if act == "create":
        sandbox.handle("POST", MAPS, body=a_map(name, value, ["test/held"] if flag else None))
    elif act == "relabel":
        gone = {key: None for key in ("app", "tier") if key not in value}
        sandbox.handle("PATCH", path, body={"metadata": {"labels": {**gone, **value}}}, content_type=MERGE)
    elif act == "change":
        sandbox.handle("PATCH", path, body={"data": {"n": str(value)}}, content_type=MERGE)
    elif act == "delete":
        sandbox.handle("DELETE", path, {"propagationPolicy": "Foreground"} if flag else {})
    elif act == "release":
        sandbox.handle("PATCH", path, body={"metadata": {"finalizers": None}}, content_type=MERGE)
    else:
        sandbox.handle("DELETE", MAPS, {"labelSelector": ",".join(f"{key}={value[key]}" for key in value) or "none"})
    sandbox.advance(1)


class Follower:
    """A client that lists once and then only watches, as informers do; it may lose its connection."""

    def __init__(self, sandbox, path, selector=""):
        self.sandbox, self.path, self.query = sandbox, path, {"labelSelector": selector} if selector else {}
        answer = sandbox.handle("GET", path, self.query).json()
        self.known = {item["metadata"]["name"]: item for item in answer["items"]}
        self.version = answer["metadata"]["resourceVersion"]
        self.connect()

    def connect(self):
        query = {**self.query, "watch": "true", "resourceVersion": self.version}
        self.stream = self.sandbox.answer(Request("GET", self.path, query))

    def follow(self):
        for line in self.stream.lines():
            event = json.loads(line)
            obj = {key: value for key, value in event["object"].items() if key not in ("kind", "apiVersion")}
            name = obj["metadata"]["name"]
            if event["type"] == "ADDED":
                assert name not in self.known
            else:
                assert name in self.known
            assert int(obj["metadata"]["resourceVersion"]) > int(self.version)
            self.version = obj["metadata"]["resourceVersion"]
            if event["type"] == "DELETED":
                del self.known[name]
            else:
                self.known[name] = obj


@given(
    st.lists(writes, max_size=8),
    st.lists(st.tuples(writes, st.sampled_from(["", "follow", "reconnect"])), max_size=16),
    selectors,
)
def test_who_lists_once_and_then_watches_knows_what_a_list_shows(before, after, selector):
    sandbox = Sandbox()
    for step in before:
        write(sandbox, step)
    client = Follower(sandbox, MAPS, selector)
    for step, meanwhile in after:
        write(sandbox, step)
        if meanwhile:
            client.follow()
        if meanwhile == "reconnect":
            client.connect()
    client.follow()
    assert client.known == listed(sandbox, MAPS, **client.query)


@given(st.lists(writes, max_size=12))
def test_a_watch_without_a_version_begins_with_what_is_there(before):
    sandbox = Sandbox()
    for step in before:
        write(sandbox, step)
    stream = sandbox.answer(Request("GET", MAPS, {"watch": "true"}))
    events = [json.loads(line) for line in stream.lines()]
    assert [event["type"] for event in events] == ["ADDED"] * len(events)
    assert {event["object"]["metadata"]["name"] for event in events} == set(listed(sandbox, MAPS))


def test_an_object_that_leaves_a_selection_is_told_as_it_last_was_in_it():
    sandbox = Sandbox()
    sandbox.handle("POST", MAPS, body=a_map("a", {"app": "web"}))
    client = Follower(sandbox, MAPS, "app=web")
    relabel = {"metadata": {"labels": {"app": "db"}}}
    after = sandbox.handle("PATCH", f"{MAPS}/a", body=relabel, content_type=MERGE).json()
    (line,) = client.stream.lines()
    event = json.loads(line)
    meta = event["object"]["metadata"]
    assert (event["type"], meta["labels"]) == ("DELETED", {"app": "web"})
    assert meta["resourceVersion"] == after["metadata"]["resourceVersion"]


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(1, 40)), min_size=1, max_size=5))
def test_a_watch_of_pods_keeps_up_with_controllers_and_kubelets(steps):
    sandbox = Sandbox()
    client = Follower(sandbox, PODS)
    spec = {"containers": [{"name": "web", "image": "web:1"}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
    deployment = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    path = "/apis/apps/v1/namespaces/default/deployments"
    sandbox.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
    sandbox.create(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": deployment},
    )
    for replicas, restart, seconds in steps:
        change = {"spec": {"replicas": replicas}}
        if restart:
            change["spec"]["template"] = {"metadata": {"annotations": {"at": str(sandbox.clock.elapsed)}}}
        assert sandbox.handle("PATCH", f"{path}/web", body=change, content_type=MERGE).status == 200
        sandbox.advance(seconds)
        client.follow()
    assert client.known == listed(sandbox, PODS)
