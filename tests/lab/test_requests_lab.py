"""Requests under strain on the sandbox and on a real cluster: the same experiments of Chaos Mesh, the same times.

Simple-Micro runs on both: hello-service calls time-service, each writes a line to a volume for each request. The
cluster's machine may be busy, so times are compared with room, and what is chance by its share.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.sandbox.chaos import GROUP, VERSION, definitions
from ansible_collections.e2ereme.remediate.sandbox.faults import healthy
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import System, choose, deploy
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import Api
from ansible_collections.e2ereme.remediate.sandbox.systems.system import on_lab

pytestmark = [pytest.mark.lab, pytest.mark.long]

SPACE = f"requests-lab-{uuid.uuid4().hex[:6]}"
FRONT, BACK = "hello-service", "time-service"
WAIT = 40.0

Object = dict[str, Any]


@dataclass(frozen=True)
class Visit:
    status: int
    seconds: float
    text: str


class Side:
    """The system on one of the two clusters."""

    def __init__(self, transport: Any, system: System) -> None:
        self.transport, self.system = transport, system

    def visit(self, name: str, samples: int = 7) -> list[Visit]:
        spec = self.system.service(name)
        path = f"/api/v1/namespaces/{self.system.namespace}/services/{spec.service}:{spec.service_port}/proxy/"
        made = []
        for _ in range(samples):
            began = time.perf_counter()
            answer = self.transport.request("GET", path, timeout=WAIT)
            taken = getattr(answer, "seconds", 0.0) or time.perf_counter() - began
            made.append(Visit(answer.status, taken, answer.body.decode()))
            self.transport.sleep(0.5)
        return made

    def experiment(self, kind: str, app: str, **spec: Any) -> Callable[[], None]:
        """Starts one on a service, and returns what ends it; both wait until it is done."""
        base = f"/apis/{GROUP}/{VERSION}/namespaces/{self.system.namespace}/{kind.lower()}"
        labels = next(
            item["spec"]["selector"]["matchLabels"]
            for item in self.system.manifests
            if item["kind"] == "Deployment" and item["metadata"]["name"] == app
        )
        selector = {"namespaces": [self.system.namespace], "labelSelectors": labels}
        meta = {"name": "strain", "namespace": self.system.namespace}
        body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": meta}
        self.ask("POST", base, {**body, "spec": {"mode": "all", "selector": selector, **spec}})
        self.until(lambda: "AllInjected" in self.conditions(f"{base}/strain"))

        def end() -> None:
            self.transport.request("DELETE", f"{base}/strain")
            self.until(lambda: self.transport.request("GET", f"{base}/strain").status == 404)
            self.until(lambda: healthy(self.transport, self.system) == ())

        return end

    def conditions(self, path: str) -> list[str]:
        status = json.loads(self.transport.request("GET", path).body).get("status", {})
        return [item["type"] for item in status.get("conditions") or () if item["status"] == "True"]

    def ask(self, method: str, path: str, body: Object) -> None:
        answer = self.transport.request(method, path, None, body)
        assert answer.status < 300, answer.body

    def until(self, holds: Callable[[], bool], seconds: float = 90) -> None:
        for _ in range(int(seconds)):
            if holds():
                return
            self.transport.sleep(1.0)
        raise AssertionError("it did not come about in time")


Sides = tuple[Side, Side]


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    real = KubernetesTransport()
    system = replace(choose("simple-micro"), history=())
    there = on_lab(system, SPACE)
    sandbox = Sandbox(system)
    for definition in definitions():
        sandbox.create(definition)
    sandbox.advance(120)
    try:
        deploy(real, there)
        lab = Side(real, there)
        lab.until(lambda: healthy(real, there) == (), 240)
        yield Side(sandbox.transport(), system), lab
    finally:
        Api(real).delete("Namespace", "", SPACE)


def both(sides: Sides, measure: Callable[[Side], Any], kind: str, app: str, **spec: Any) -> tuple[Any, Any]:
    """(on the sandbox, on the cluster) what ``measure`` finds while the experiment lasts."""
    found = []
    for side in sides:
        end = side.experiment(kind, app, **spec)
        try:
            found.append(measure(side))
        finally:
            end()
    return found[0], found[1]


def least(name: str) -> Callable[[Side], float]:
    """Of several visits the quickest: what a busy machine adds is not of interest."""
    return lambda side: min(visit.seconds for visit in side.visit(name))


def middle(name: str) -> Callable[[Side], float]:
    return lambda side: median(visit.seconds for visit in side.visit(name))


def delay(latency: str) -> Object:
    return {"action": "delay", "direction": "to", "delay": {"latency": latency}}


@pytest.mark.parametrize("asked", [FRONT, BACK])
@pytest.mark.parametrize("slow", [FRONT, BACK])
def test_a_delay_is_paid_as_often(sides: Sides, slow: str, asked: str) -> None:
    ours, theirs = both(sides, least(asked), "NetworkChaos", slow, **delay("200ms"))
    assert ours == pytest.approx(theirs, abs=0.15)


def test_a_callers_patience_ends_with_the_same_words(sides: Sides) -> None:
    # Shorter than what lets probes fail often enough to take the Pod out of its Service.
    ours, theirs = both(sides, lambda side: side.visit(FRONT, 1)[0], "NetworkChaos", BACK, **delay("2100ms"))
    assert (ours.status, ours.text) == (theirs.status, theirs.text)
    assert ours.seconds == pytest.approx(theirs.seconds, abs=2.5)


def test_lost_packets_slow_as_many_requests(sides: Sides) -> None:
    def shares(side: Side) -> tuple[float, float]:
        visits = side.visit(BACK, 40)
        return (
            sum(visit.seconds > 0.19 for visit in visits) / 40,
            sum(visit.seconds > 0.8 for visit in visits) / 40,
        )

    spec = {"action": "loss", "direction": "to", "loss": {"loss": "25"}}
    ours, theirs = both(sides, shares, "NetworkChaos", BACK, **spec)
    assert ours == pytest.approx(theirs, abs=0.25)


def test_stress_workers_slow_answers_within_an_order_of_magnitude(sides: Sides) -> None:
    stressors = {"cpu": {"workers": 10, "load": 100}}
    ours, theirs = both(sides, middle(BACK), "StressChaos", BACK, stressors=stressors)
    assert 0.2 < ours / theirs < 5


def test_a_slow_disk_delays_as_many_requests(sides: Sides) -> None:
    def share(side: Side) -> float:
        volume = side.system.service(BACK).volume
        end = side.experiment("IOChaos", BACK, action="latency", delay="300ms", percent=50, volumePath=volume)
        try:
            return sum(visit.seconds > 0.25 for visit in side.visit(BACK, 30)) / 30
        finally:
            end()

    ours, theirs = share(sides[0]), share(sides[1])
    assert ours == pytest.approx(theirs, abs=0.25)


def test_pods_without_their_program_are_out_of_their_service(sides: Sides) -> None:
    def look(side: Side) -> tuple[int, str, str]:
        side.transport.sleep(15.0)
        found = side.visit(FRONT, 1)[0]
        pods = Api(side.transport).list("Pod", side.system.namespace)
        state = next(
            pod["status"]["containerStatuses"][0] for pod in pods if pod["metadata"]["name"].startswith(f"{BACK}-")
        )
        return found.status, found.text, state["lastState"]["terminated"]["reason"]

    ours, theirs = both(sides, look, "PodChaos", BACK, action="pod-failure")
    assert ours == theirs


def test_a_policy_that_names_others_keeps_the_caller_waiting(sides: Sides) -> None:
    told = []
    for side in sides:
        base = f"/apis/networking.k8s.io/v1/namespaces/{side.system.namespace}/networkpolicies"
        labels = next(
            item["spec"]["selector"]["matchLabels"]
            for item in side.system.manifests
            if item["kind"] == "Deployment" and item["metadata"]["name"] == BACK
        )
        others = [{"from": [{"podSelector": {"matchLabels": {"app": "somebody-else"}}}]}]
        spec = {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"], "ingress": others}
        meta = {"name": "deny", "namespace": side.system.namespace}
        body = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}
        side.ask("POST", base, body)
        side.transport.sleep(4.0)
        found = side.visit(FRONT, 1)[0]
        side.transport.request("DELETE", f"{base}/deny")
        side.transport.sleep(3.0)
        told.append(found)
    ours, theirs = told
    assert (ours.status, ours.text) == (theirs.status, theirs.text)
    assert ours.seconds == pytest.approx(theirs.seconds, abs=2.5)
