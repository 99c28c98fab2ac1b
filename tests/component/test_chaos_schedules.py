"""Schedules of Chaos Mesh: experiments that come again and again, on the sandbox's own clock."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.chaos import definitions, schedules
from ansible_collections.e2ereme.remediate.sandbox.dump import dump, load
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import shop

Object = dict[str, Any]

BASE = "/apis/chaos-mesh.org/v1alpha1/namespaces/lab"
PAUSE = "experiment.chaos-mesh.org/pause"
MERGE = "application/merge-patch+json"
TARGET: Object = {"mode": "all", "selector": {"namespaces": ["shop"], "labelSelectors": {"app": "cart"}}}
DELAY: Object = {**TARGET, "action": "delay", "delay": {"latency": "200ms"}, "duration": "30s"}
EVERY_MINUTE: Object = {"schedule": "@every 1m", "type": "NetworkChaos", "networkChaos": DELAY}


class Cluster:
    """The shop, up and running, with Chaos Mesh installed."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(shop(), 1)
        for definition in (*definitions(), schedules()):
            self.sandbox.create(definition)
        self.sandbox.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab"}})
        self.sandbox.advance(60)

    def schedule(self, spec: Object) -> Any:
        meta = {"name": "again"}
        body = {"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "Schedule", "metadata": meta, "spec": spec}
        return self.sandbox.handle("POST", f"{BASE}/schedules", {"fieldValidation": "Strict"}, body)

    def patch(self, change: Object) -> None:
        assert self.sandbox.handle("PATCH", f"{BASE}/schedules/again", {}, change, MERGE).status == 200

    def made(self, kind: str = "networkchaos") -> list[Object]:
        items = self.sandbox.handle("GET", f"{BASE}/{kind}").json()["items"]
        return sorted(items, key=lambda item: str(item["metadata"]["creationTimestamp"]))

    def status(self) -> Object:
        found: Object = self.sandbox.handle("GET", f"{BASE}/schedules/again").json().get("status", {})
        return found

    def delayed(self) -> bool:
        pod = next(pod for pod in self.sandbox.store.list("Pod", "shop") if pod["metadata"]["labels"]["app"] == "cart")
        return self.sandbox.behaviour.world.strains.of_container(pod["metadata"]["uid"], "cart").delay > 0

    def events(self) -> list[str]:
        return [item["message"] for item in self.sandbox.store.list("Event", "lab") if item["reason"] != "Started"]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_an_experiment_comes_each_time_and_goes_when_its_own_time_is_up(cluster: Cluster) -> None:
    assert cluster.schedule(EVERY_MINUTE).status == 201

    seen = []
    for _ in range(8):  # at 20, 40, 60 ... seconds
        cluster.sandbox.advance(20)
        seen.append(cluster.delayed())

    assert seen == [False, False, False, True, False, False, True, False]
    child = cluster.made()[-1]["metadata"]
    assert child["name"].startswith("again-") and child["labels"] == {"managed-by": "again"}
    assert f"Create new object: {child['name']}" in cluster.events()


def test_history_is_kept_as_long_as_it_says(cluster: Cluster) -> None:
    cluster.schedule({**EVERY_MINUTE, "historyLimit": 2})

    cluster.sandbox.advance(5 * 60 + 45)

    assert len(cluster.made()) == 2
    assert cluster.status()["time"] == cluster.made()[-1]["metadata"]["creationTimestamp"]


@pytest.mark.parametrize(("policy", "running"), [("Forbid", 1), ("Allow", 3)])
def test_what_still_runs_forbids_the_next_or_not(cluster: Cluster, policy: str, running: int) -> None:
    lasting = {key: value for key, value in DELAY.items() if key != "duration"}
    cluster.schedule({**EVERY_MINUTE, "networkChaos": lasting, "concurrencyPolicy": policy})

    cluster.sandbox.advance(190)

    assert len(cluster.made()) == len(cluster.status()["active"]) == running
    forbidden = f"Forbid spawning new job because: {cluster.made()[0]['metadata']['name']} is still running"
    assert (forbidden in cluster.events()) is (policy == "Forbid")


def test_what_is_done_in_one_stroke_is_over_at_once(cluster: Cluster) -> None:
    before = {pod["metadata"]["uid"] for pod in cluster.sandbox.store.list("Pod", "shop")}
    kill = {**TARGET, "mode": "one", "action": "pod-kill"}

    cluster.schedule({"schedule": "*/5 * * * *", "type": "PodChaos", "podChaos": kill})
    cluster.sandbox.advance(605)

    after = {pod["metadata"]["uid"] for pod in cluster.sandbox.store.list("Pod", "shop")}
    assert len(before - after) >= 1 and len(cluster.made("podchaos")) == 1
    assert "active" not in cluster.status()


def test_a_schedule_rests_with_its_experiments_and_goes_on(cluster: Cluster) -> None:
    cluster.schedule({**EVERY_MINUTE, "networkChaos": {**DELAY, "duration": "50s"}})
    cluster.sandbox.advance(65)
    assert cluster.delayed()

    cluster.patch({"metadata": {"annotations": {PAUSE: "true"}}})
    cluster.sandbox.advance(5)
    rested = cluster.delayed()
    cluster.sandbox.advance(180)
    made_meanwhile = len(cluster.made())
    cluster.patch({"metadata": {"annotations": {PAUSE: "false"}}})
    cluster.sandbox.advance(65)

    assert (rested, made_meanwhile) == (False, 1)
    assert cluster.delayed()


def test_what_a_schedule_made_goes_with_it(cluster: Cluster) -> None:
    cluster.schedule(EVERY_MINUTE)
    cluster.sandbox.advance(70)
    assert cluster.delayed()

    cluster.sandbox.handle("DELETE", f"{BASE}/schedules/again")
    cluster.sandbox.advance(120)

    assert cluster.made() == [] and not cluster.delayed()


@pytest.mark.parametrize(("spec", "part"), [
    ({**EVERY_MINUTE, "schedule": "whenever"}, "unparseable schedule"),
    ({**EVERY_MINUTE, "type": "PodChaos"}, "Failed to create: type PodChaos"),
])  # fmt: skip
def test_what_cannot_be_done_is_told(cluster: Cluster, spec: Object, part: str) -> None:
    cluster.schedule(spec)

    cluster.sandbox.advance(70)

    assert any(part in message for message in cluster.events()) and cluster.made() == []


def test_a_schedule_is_checked_like_any_object(cluster: Cluster) -> None:
    answer = cluster.schedule({"schedule": "@every 1m", "type": "Earthquake"})

    assert answer.status == 422 and "Earthquake" in answer.json()["message"]


def test_a_schedule_goes_on_in_a_dump_as_it_would_have(cluster: Cluster) -> None:
    cluster.schedule(EVERY_MINUTE)
    cluster.sandbox.advance(70)
    loaded = load(dump(cluster.sandbox))

    for each in (cluster.sandbox, loaded):
        each.advance(300)

    first, second = (json.loads(dump(each))["objects"] for each in (cluster.sandbox, loaded))
    assert first == second
