"""Faults on the published systems: each that finds something to break shows, and its ground truth heals it."""

from __future__ import annotations

import random

import pytest

from ansible_collections.e2ereme.remediate.sandbox import faults
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import choose, prepare

NOTHING_TO_BREAK = {
    "liveness_too_eager",  # Simple-Micro has no liveness probes,
    "missing_config_key",  # no ConfigMaps
    "wrong_config_value",
    "missing_secret_key",  # and no Secrets
}
ONE_OF_EACH_FAMILY = (
    "bad_image_tag",
    "cpu_stress",
    "disk_latency",
    "network_loss",
    "service_target_port",
    "dns_broken",
)


def shows_and_heals(name: str, fault: str) -> None:
    system = choose(name)
    sandbox = Sandbox(system, 1)
    prepare(sandbox, system)
    transport = sandbox.transport()
    injected = faults.inject(fault, transport, system, random.Random(fault), faults.FAULTS[fault].variants[0])
    assert faults.confirm(transport, injected)
    faults.heal(transport, injected, system)
    sandbox.advance(400)
    assert faults.healthy(transport, system) == ()


@pytest.mark.parametrize("fault", sorted(set(faults.FAULTS) - NOTHING_TO_BREAK))
def test_every_fault_shows_on_simple_micro_and_is_healed(fault: str) -> None:
    shows_and_heals("simple-micro", fault)


@pytest.mark.parametrize("fault", ONE_OF_EACH_FAMILY)
@pytest.mark.parametrize("name", ["online-boutique", "train-ticket"])
def test_one_fault_of_each_family_shows_on_the_larger_systems_and_is_healed(name: str, fault: str) -> None:
    shows_and_heals(name, fault)


@pytest.mark.parametrize("fault", sorted(NOTHING_TO_BREAK))
def test_a_fault_without_anything_to_break_says_so(fault: str) -> None:
    with pytest.raises(faults.CannotInject, match="finds nothing to break in simple-micro"):
        shows_and_heals("simple-micro", fault)
