"""A sandbox that is copied or written down goes on as the one that was not."""

from __future__ import annotations

import base64
import json
import pickle
import random
import zlib

import pytest

from ansible_collections.e2ereme.remediate.sandbox import dump as dumping
from ansible_collections.e2ereme.remediate.sandbox.dump import BadDump, dump, load
from ansible_collections.e2ereme.remediate.sandbox.faults import FAULTS, CannotInject, inject
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import generate, prepare
from ansible_collections.e2ereme.remediate.sandbox.systems.choose import choose

MAPS = "/api/v1/namespaces/default/configmaps"


def broken(fault):
    """A system in which this fault has just been injected, which is not yet where it will lead."""
    for name in ("simple-micro", "shop", *map(str, range(12))):
        system = choose(name)
        sandbox = Sandbox(system, seed=3)
        sandbox.advance(60)
        try:
            inject(fault, sandbox.transport(), system, random.Random(5), linger=(0.0, 1.0))
        except CannotInject:
            continue
        return sandbox, system
    raise AssertionError(f"{fault} fits none of the systems")


def without_machinery(sandbox):
    """What a dump shows: the same state reads the same, however it came about."""
    shown = json.loads(dump(sandbox))
    shown.pop("machinery")
    return shown


def live_on(sandbox, system):
    """Ten minutes with some requests in them, so that a difference in any part shows."""
    for name in ("Pod", "Deployment"):
        sandbox.advance(150)
        path = f"/api/v1/namespaces/{system.namespace}/pods"
        if name == "Deployment":
            path = f"/apis/apps/v1/namespaces/{system.namespace}/deployments"
        first = sandbox.handle("GET", path).json()["items"][0]["metadata"]["name"]
        sandbox.handle("DELETE", f"{path}/{first}" if name == "Pod" else f"{path}/none")
    sandbox.advance(300)
    return without_machinery(sandbox)


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_clone_and_a_loaded_dump_go_on_as_the_original(fault):
    sandbox, system = broken(fault)
    clone, loaded = sandbox.clone(), load(dump(sandbox))
    expected = live_on(sandbox, system)
    assert live_on(clone, system) == expected
    assert live_on(loaded, system) == expected


def test_what_happens_to_a_clone_does_not_happen_to_its_original():
    system = generate(1)
    sandbox = Sandbox(system, seed=1)
    prepare(sandbox, system)
    before, clone = without_machinery(sandbox), sandbox.clone()
    inject("bad_image_tag", clone.transport(), system, random.Random(1))
    clone.handle("DELETE", f"/api/v1/namespaces/{system.namespace}/pods")
    clone.advance(600)
    assert without_machinery(sandbox) == before
    assert without_machinery(clone) != before


def test_a_custom_kind_is_still_served_after_loading():
    sandbox = Sandbox()
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "widgets", "kind": "Widget"}
    spec = {"group": "example.test", "names": names, "scope": "Namespaced", "versions": [version]}
    meta = {"name": "widgets.example.test"}
    definition = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta}
    sandbox.create({**definition, "spec": spec})
    sandbox.advance(5)
    path = "/apis/example.test/v1/namespaces/default/widgets"
    widget = {"apiVersion": "example.test/v1", "kind": "Widget", "metadata": {"name": "one"}}
    assert sandbox.handle("POST", path, body=widget).status == 201
    for other in (sandbox.clone(), load(dump(sandbox))):
        assert other.handle("GET", f"{path}/one").json()["kind"] == "Widget"
        assert other.handle("POST", path, body={**widget, "metadata": {"name": "two"}}).status == 201
    assert sandbox.handle("GET", f"{path}/two").status == 404


def test_a_watch_goes_on_across_a_clone_and_has_to_list_anew_after_loading():
    sandbox = Sandbox()
    version = sandbox.handle("GET", MAPS).json()["metadata"]["resourceVersion"]
    sandbox.handle("POST", MAPS, body={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}})
    query = {"watch": "true", "resourceVersion": version}
    by_clone = sandbox.clone().handle("GET", MAPS, query).body
    by_loaded = load(dump(sandbox)).handle("GET", MAPS, query).body
    assert json.loads(by_clone)["object"]["metadata"]["name"] == "new"
    assert json.loads(by_loaded)["object"]["code"] == 410


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda found: b"[]", "no dump"),
        (lambda found: b"kind: Pod", "no dump"),
        (lambda found: json.dumps({**found, "code": "0"}).encode(), "another version"),
        (lambda found: json.dumps({**found, "machinery": found["machinery"][:400]}).encode(), "damaged"),
        (lambda found: json.dumps({key: found[key] for key in ("format", "code")}).encode(), "damaged"),
    ],
    ids=["another document", "no JSON", "another version", "cut off", "half of it"],
)
def test_what_is_no_dump_of_this_version_is_refused(damage, said):
    with pytest.raises(BadDump, match=said):
        load(damage(json.loads(dump(Sandbox()))))


class Evil:
    def __init__(self, call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "call",
    [(exec, ("raise SystemExit",)), (getattr, ({}, "clear")), (__import__, ("os",)), (json.loads, ("1",))],
    ids=["exec", "getattr", "import", "another package's"],
)
def test_a_dump_runs_no_code_from_elsewhere(call):
    found = json.loads(dump(Sandbox()))
    found["machinery"] = base64.b64encode(zlib.compress(pickle.dumps(Evil(call)))).decode()
    with pytest.raises(BadDump, match="nothing that a sandbox is made of"):
        load(json.dumps(found).encode())


def test_a_dump_says_in_plain_words_what_is_there_and_what_is_planned():
    sandbox = Sandbox()
    sandbox.handle("POST", MAPS, body={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}})
    sandbox.clock.after(7, sandbox.clock.settle)
    found = json.loads(dump(sandbox))
    assert found["code"] == dumping.code_hash()
    assert "new" in [item["metadata"]["name"] for item in found["objects"] if item["kind"] == "ConfigMap"]
    assert [7.0, "Clock.settle"] in found["planned"]
