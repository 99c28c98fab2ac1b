"""The same systems and faults on a real cluster: they come up, show, and heal as on the sandbox."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.sandbox.faults import confirm, heal, healthy, inject
from ansible_collections.e2ereme.remediate.sandbox.systems import System, deploy, shop
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import Api
from ansible_collections.e2ereme.remediate.sandbox.systems.system import on_lab

pytestmark = pytest.mark.lab

SPACE = "systems-lab-test"


def until_well(transport: KubernetesTransport, system: System, seconds: float) -> tuple[str, ...]:
    wrong: tuple[str, ...] = ("never looked",)
    for _ in range(int(seconds / 2)):
        wrong = healthy(transport, system)
        if not wrong:
            break
        transport.sleep(2.0)
    return wrong


@pytest.fixture(scope="module")
def lab() -> Iterator[tuple[KubernetesTransport, System]]:
    transport = KubernetesTransport()
    # Without its past: what is claimed here is about today.
    system = on_lab(replace(shop(), history=()), SPACE)
    try:
        deploy(transport, system)
        assert until_well(transport, system, 90) == ()
        yield transport, system
    finally:
        Api(transport).delete("Namespace", "", SPACE)


@pytest.mark.parametrize(
    ("fault", "variant"),
    [("wrong_command", "buried"), ("service_target_port", "live"), ("missing_config_key", "key_renamed")],
)
def test_a_fault_shows_and_heals_on_a_real_cluster(
    lab: tuple[KubernetesTransport, System], fault: str, variant: str
) -> None:
    transport, system = lab
    injected = inject(fault, transport, system, random.Random(1), variant, linger=(0.0, 1.0))
    assert confirm(transport, injected)
    heal(transport, injected, system)
    assert until_well(transport, system, 120) == ()
