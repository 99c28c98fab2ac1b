"""The paper's faults on a real cluster with Chaos Mesh: injected, seen and healed by the same code as on the sandbox.

Chaos Mesh must be installed. Each case takes a minute or so; LAB_FAULTS names others than the default, "paper" all.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.sandbox import faults
from ansible_collections.e2ereme.remediate.sandbox.faults.dynamic import PASSING, Blow, Course, Timers, unfold
from ansible_collections.e2ereme.remediate.sandbox.faults.injection import replace_pods
from ansible_collections.e2ereme.remediate.sandbox.faults.scene import Scene
from ansible_collections.e2ereme.remediate.sandbox.systems import System, deploy
from ansible_collections.e2ereme.remediate.sandbox.systems.published import published
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import Api
from ansible_collections.e2ereme.remediate.sandbox.systems.system import on_lab

pytestmark = [pytest.mark.lab, pytest.mark.long]

CHOSEN = os.environ.get("LAB_FAULTS", "network_delay pod_failure network_policy_denies").split()
ONCE = list(faults.PAPER_SEVEN) if CHOSEN == ["paper"] else CHOSEN

Site = tuple[KubernetesTransport, System]


def until(condition: Callable[[], bool], transport: KubernetesTransport, seconds: float) -> bool:
    for _ in range(int(seconds / 2)):
        if condition():
            return True
        transport.sleep(2.0)
    return condition()


@pytest.fixture(scope="module")
def lab() -> Iterator[Site]:
    transport = KubernetesTransport()
    if transport.request("GET", "/apis/chaos-mesh.org/v1alpha1").status != 200:
        pytest.skip("this cluster has no Chaos Mesh")
    # Without its past: what is claimed here is about today.
    system = on_lab(replace(published("simple-micro"), history=()), f"faults-lab-{uuid.uuid4().hex[:6]}")
    try:
        deploy(transport, system)
        assert until(lambda: not faults.healthy(transport, system), transport, 240)
        yield transport, system
    finally:
        Api(transport).delete("Namespace", "", system.namespace)


@pytest.mark.parametrize("fault", ONCE)
def test_a_fault_shows_and_its_ground_truth_heals_it(lab: Site, fault: str) -> None:
    transport, system = lab
    injected = faults.inject(fault, transport, system, random.Random(1), faults.FAULTS[fault].variants[0], (0.0, 1.0))
    try:
        assert faults.confirm(transport, injected)

        faults.heal(transport, injected, system)

        assert until(lambda: not faults.healthy(transport, system), transport, 240)
        assert until(lambda: not faults.confirm(transport, injected), transport, 180)
    finally:
        faults.withdraw(transport, injected)


@pytest.mark.parametrize("fault", ["network_delay"])
def test_what_follows_is_there_again_after_a_restart_until_it_is_withdrawn(lab: Site, fault: str) -> None:
    transport, system = lab
    injected = faults.inject(fault, transport, system, random.Random(2), "follows", (0.0, 1.0))
    try:
        with faults.following(transport, injected):
            replace_pods(Api(transport), Scene(Api(transport), system), injected.workload["name"])
            transport.sleep(20.0)
            assert faults.confirm(transport, injected)
    finally:
        faults.withdraw(transport, injected)
    assert until(lambda: not faults.confirm(transport, injected), transport, 180)


def test_moving_helps_against_what_stays_with_a_node(lab: Site) -> None:
    transport, system = lab
    injected = faults.inject("network_delay", transport, system, random.Random(3), "on_node", (0.0, 1.0))
    try:
        with faults.following(transport, injected):
            assert faults.confirm(transport, injected)
            faults.heal(transport, injected, system)
            assert until(lambda: not faults.confirm(transport, injected), transport, 180)
    finally:
        faults.withdraw(transport, injected)


def test_a_passing_fault_goes_by_itself(lab: Site) -> None:
    transport, system = lab
    plan = Course(PASSING, (Blow("network_loss", "varied", lasts=40),))
    timers = Timers()
    going = unfold(plan, list(faults.FAULTS.values()), transport, system, random.Random(4), timers, (0.0, 1.0))
    try:
        assert until(lambda: not going.confirm(), transport, 240)
        assert until(lambda: not faults.healthy(transport, system), transport, 120)
    finally:
        timers.close()
        going.withdraw()
