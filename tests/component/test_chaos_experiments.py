"""Experiments of Chaos Mesh on the sandbox: whom they hit, what they say of it, and how they end."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.chaos import FOLLOWED, definitions
from ansible_collections.e2ereme.remediate.sandbox.chaos.deeds import PAUSE_IMAGE
from ansible_collections.e2ereme.remediate.sandbox.freezing import freeze, thaw
from ansible_collections.e2ereme.remediate.sandbox.nodes.strain import Strain
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import shop

Object = dict[str, Any]

CPU: Object = {"stressors": {"cpu": {"workers": 2, "load": 50}}}
DELAY: Object = {"action": "delay", "delay": {"latency": "200ms", "jitter": "50ms"}}
BASE = "/apis/chaos-mesh.org/v1alpha1/namespaces/lab"


class Cluster:
    """The shop, up and running, with Chaos Mesh installed."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(shop(), 1)
        for definition in definitions():
            self.sandbox.create(definition)
        self.sandbox.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab"}})
        self.sandbox.advance(60)

    def start(self, kind: str, spec: Object, app: str = "cart", wait: float = 3, notes: Object | None = None) -> Any:
        selector = {"namespaces": ["shop"], "labelSelectors": {"app": app}}
        meta: Object = {"name": "it", "annotations": notes or {}}
        body = {
            "apiVersion": "chaos-mesh.org/v1alpha1",
            "kind": kind,
            "metadata": meta,
            "spec": {"mode": "all", "selector": selector, **spec},
        }
        answer = self.sandbox.handle("POST", f"{BASE}/{kind.lower()}", {}, body)
        self.sandbox.advance(wait)
        return answer

    def end(self, kind: str) -> None:
        self.sandbox.handle("DELETE", f"{BASE}/{kind.lower()}/it")
        self.sandbox.advance(3)

    def status(self, kind: str) -> Object:
        found: Object = self.sandbox.handle("GET", f"{BASE}/{kind.lower()}/it").json()["status"]
        return found

    def holds(self, kind: str, condition: str) -> bool:
        return {"type": condition, "status": "True"} in self.status(kind)["conditions"]

    def pods(self, app: str = "cart") -> list[Object]:
        return [pod for pod in self.sandbox.store.list("Pod", "shop") if pod["metadata"]["labels"]["app"] == app]

    def strains(self, app: str = "cart") -> list[Strain]:
        strains = self.sandbox.behaviour.world.strains
        return [strains.of_container(pod["metadata"]["uid"], app) for pod in self.pods(app)]

    def events(self) -> list[tuple[str, str]]:
        return sorted((item["reason"], item["message"]) for item in self.sandbox.store.list("Event", "lab"))


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_stress_presses_on_the_containers_that_it_selects_and_says_so(cluster: Cluster) -> None:
    cluster.start("StressChaos", CPU)

    assert cluster.strains() == [Strain(cores=1.0)] * 2
    assert cluster.strains("web") == [Strain()] * 2
    assert cluster.holds("StressChaos", "AllInjected") and not cluster.holds("StressChaos", "AllRecovered")
    records = cluster.status("StressChaos")["experiment"]["containerRecords"]
    assert [record["id"] for record in records] == [f"shop/{pod['metadata']['name']}/cart" for pod in cluster.pods()]
    assert {(record["phase"], record["injectedCount"]) for record in records} == {("Injected", 1)}


def test_what_the_controller_writes_counts_as_a_change_as_status_is_no_subresource(cluster: Cluster) -> None:
    made = cluster.start("StressChaos", CPU).json()

    found = cluster.sandbox.handle("GET", f"{BASE}/stresschaos/it").json()
    assert found["metadata"]["generation"] > made["metadata"]["generation"] == 1


def test_an_experiment_that_is_deleted_recovers_before_it_goes(cluster: Cluster) -> None:
    cluster.start("NetworkChaos", DELAY)
    assert cluster.strains() == [Strain(delay=0.2, jitter=0.05)] * 2

    cluster.end("NetworkChaos")

    assert cluster.strains() == [Strain()] * 2
    assert cluster.sandbox.handle("GET", f"{BASE}/networkchaos/it").status == 404
    assert {reason for reason, _ in cluster.events()} == {
        "FinalizerInited",
        "Started",
        "Applied",
        "Deleted",
        "Recovered",
    }


def test_an_experiment_ends_when_its_time_is_up(cluster: Cluster) -> None:
    cluster.start("StressChaos", {**CPU, "duration": "1m30s"}, wait=60)
    assert cluster.holds("StressChaos", "AllInjected")

    cluster.sandbox.advance(32)

    assert cluster.holds("StressChaos", "AllRecovered")
    assert cluster.strains() == [Strain()] * 2


def test_an_experiment_can_be_paused_and_goes_on(cluster: Cluster) -> None:
    cluster.start("StressChaos", CPU)
    path, kind = f"{BASE}/stresschaos/it", "application/merge-patch+json"
    note = "experiment.chaos-mesh.org/pause"

    cluster.sandbox.handle("PATCH", path, {}, {"metadata": {"annotations": {note: "true"}}}, kind)
    cluster.sandbox.advance(3)
    assert cluster.holds("StressChaos", "Paused") and cluster.strains() == [Strain()] * 2

    cluster.sandbox.handle("PATCH", path, {}, {"metadata": {"annotations": {note: None}}}, kind)
    cluster.sandbox.advance(3)
    assert not cluster.holds("StressChaos", "Paused") and cluster.strains() == [Strain(cores=1.0)] * 2


@pytest.mark.parametrize(
    ("mode", "hit"),
    [
        ({"mode": "one"}, 1),
        ({"mode": "all"}, 2),
        ({"mode": "fixed", "value": "1"}, 1),
        ({"mode": "fixed-percent", "value": "50"}, 1),
    ],
)
def test_the_mode_says_how_many(cluster: Cluster, mode: Object, hit: int) -> None:
    cluster.start("StressChaos", {**CPU, **mode})

    assert cluster.strains().count(Strain(cores=1.0)) == hit


@pytest.mark.parametrize(
    ("selector", "hit"),
    [
        ({"namespaces": ["shop"], "expressionSelectors": [{"key": "app", "operator": "In", "values": ["cart"]}]}, 2),
        ({"namespaces": ["shop"], "labelSelectors": {"app": "cart"}, "nodes": ["node-1"]}, 1),
        ({"namespaces": ["shop"], "labelSelectors": {"app": "cart"}, "podPhaseSelectors": ["Pending"]}, 0),
        ({"namespaces": ["shop"], "fieldSelectors": {"spec.nodeName": "node-2"}, "labelSelectors": {"app": "cart"}}, 1),
        ({"labelSelectors": {"app": "cart"}}, 0),
    ],
)
def test_the_selector_says_whom(cluster: Cluster, selector: Object, hit: int) -> None:
    cluster.start("StressChaos", {**CPU, "selector": selector})

    assert cluster.strains().count(Strain(cores=1.0)) == hit
    assert cluster.holds("StressChaos", "Selected") == bool(hit)


def test_a_mode_that_needs_a_number_says_so(cluster: Cluster) -> None:
    cluster.start("StressChaos", {**CPU, "mode": "fixed"})

    assert ("Failed", "Failed to select targets: mode fixed needs a value greater than 0") in cluster.events()
    assert not cluster.holds("StressChaos", "Selected")


def test_targets_are_chosen_once(cluster: Cluster) -> None:
    cluster.start("NetworkChaos", DELAY)
    for pod in cluster.pods():
        cluster.sandbox.handle("DELETE", f"/api/v1/namespaces/shop/pods/{pod['metadata']['name']}")
    cluster.sandbox.advance(30)

    assert cluster.strains() == [Strain()] * 2


@pytest.mark.parametrize(("kind", "spec"), [("NetworkChaos", DELAY), ("StressChaos", CPU)])
def test_an_experiment_that_follows_hits_the_next_pods_too(cluster: Cluster, kind: str, spec: Object) -> None:
    cluster.start(kind, spec, notes={FOLLOWED: "true"})
    before = cluster.strains()
    for pod in cluster.pods():
        cluster.sandbox.handle("DELETE", f"/api/v1/namespaces/shop/pods/{pod['metadata']['name']}")
    cluster.sandbox.advance(30)

    assert cluster.strains() == before and Strain() not in before
    assert len(cluster.status(kind)["experiment"]["containerRecords"]) == 2


def test_pod_failure_takes_the_program_out_of_the_pods_and_gives_it_back(cluster: Cluster) -> None:
    before = [pod["spec"]["containers"][0]["image"] for pod in cluster.pods()]

    cluster.start("PodChaos", {"action": "pod-failure"})
    assert [pod["spec"]["containers"][0]["image"] for pod in cluster.pods()] == [PAUSE_IMAGE] * 2

    cluster.end("PodChaos")
    assert [pod["spec"]["containers"][0]["image"] for pod in cluster.pods()] == before
    assert not any("chaos-mesh" in str(pod["metadata"].get("annotations")) for pod in cluster.pods())


def test_pod_kill_and_container_kill_do_what_they_say(cluster: Cluster) -> None:
    names = {pod["metadata"]["name"] for pod in cluster.pods()}
    cluster.start("PodChaos", {"action": "pod-kill"}, wait=30)
    assert not names & {pod["metadata"]["name"] for pod in cluster.pods()}

    cluster.end("PodChaos")
    cluster.start("PodChaos", {"action": "container-kill", "containerNames": ["cart"]}, wait=30)
    status = [pod["status"]["containerStatuses"][0] for pod in cluster.pods()]
    assert [item["restartCount"] for item in status] == [1, 1]
    assert {item["lastState"]["terminated"]["exitCode"] for item in status} == {137}


def test_a_partition_cuts_both_sides_off_from_each_other_only(cluster: Cluster) -> None:
    other = {"selector": {"namespaces": ["shop"], "labelSelectors": {"app": "web"}}, "mode": "all"}
    cluster.start("NetworkChaos", {"action": "partition", "direction": "both", "target": other})

    strains = cluster.sandbox.behaviour.world.strains
    cart, web, catalog = (cluster.pods(app)[0]["metadata"]["uid"] for app in ("cart", "web", "catalog"))
    assert strains.towards(cart, web).cut and strains.towards(web, cart).cut
    assert not strains.towards(cart, catalog).cut and not strains.towards(catalog, cart).cut


@pytest.mark.parametrize(
    ("kind", "spec", "words"),
    [
        ("IOChaos", {"action": "latency", "delay": "1s", "volumePath": "/nowhere"}, "not where a volume is mounted"),
        ("NetworkChaos", {"action": "duplicate", "duplicate": {"duplicate": "10"}}, "does not have: duplicate"),
        ("StressChaos", {"stressngStressors": "--hdd 1"}, "only stress-ng's --cpu and --vm"),
    ],
)
def test_what_cannot_be_done_is_told_and_tried_again(cluster: Cluster, kind: str, spec: Object, words: str) -> None:
    cluster.start(kind, spec, wait=15)

    assert any(reason == "Failed" and words in message for reason, message in cluster.events())
    first = cluster.status(kind)["experiment"]["containerRecords"][0]
    assert first["phase"] == "Not Injected" and len(first["events"]) >= 3
    cluster.end(kind)
    assert cluster.sandbox.handle("GET", f"{BASE}/{kind.lower()}/it").status == 404


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [
        ("StressChaos", {"stressors": {"cpu": {"workers": 0}}}, "spec.stressors.cpu.workers"),
        ("NetworkChaos", {"action": "delay", "delay": {"latency": "soon"}}, "spec.delay.latency"),
        ("PodChaos", {"action": "pod-failure", "mode": "some"}, "spec.mode"),
        ("IOChaos", {"action": "latency", "delay": "1s"}, "spec.volumePath"),
    ],
)
def test_the_definitions_refuse_what_makes_no_sense(cluster: Cluster, kind: str, spec: Object, field: str) -> None:
    answer = cluster.start(kind, spec)

    assert answer.status == 422
    assert field in [cause["field"] for cause in answer.json()["details"]["causes"]]


def test_a_sandbox_without_the_definitions_knows_nothing_of_chaos() -> None:
    sandbox = Sandbox(shop(), 1)

    assert sandbox.handle("GET", f"{BASE}/stresschaos").status == 404
    assert "chaos" not in sandbox.handle("GET", "/apis").body.decode()


def test_a_sandbox_that_is_frozen_goes_on_with_its_experiments(cluster: Cluster) -> None:
    cluster.start("StressChaos", {**CPU, "duration": "60s"}, notes={FOLLOWED: "true"})
    cluster.sandbox = thaw(freeze(cluster.sandbox))
    for pod in cluster.pods():
        cluster.sandbox.handle("DELETE", f"/api/v1/namespaces/shop/pods/{pod['metadata']['name']}")

    cluster.sandbox.advance(30)
    assert cluster.strains() == [Strain(cores=1.0)] * 2

    cluster.sandbox.advance(30)
    assert cluster.strains() == [Strain()] * 2


def test_memory_stress_that_the_kernel_is_to_spare_has_the_program_killed(cluster: Cluster) -> None:
    beyond = {"workers": 1, "size": "2GiB"}

    def killed(memory: Object) -> int:
        cluster.start("StressChaos", {"stressors": {"memory": memory}}, wait=30)
        cluster.end("StressChaos")
        statuses = [status for pod in cluster.pods() for status in pod["status"]["containerStatuses"]]
        return sum(status["lastState"].get("terminated", {}).get("reason") == "OOMKilled" for status in statuses)

    assert killed(beyond) == 0
    assert killed({**beyond, "oomScoreAdj": -1000}) == 2
