"""The same systems and faults on a real cluster: they come up, show, and heal as on the sandbox."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.sandbox.faults import confirm, heal, healthy, inject
from ansible_collections.e2ereme.remediate.sandbox.systems import System, choose, deploy, shop
from ansible_collections.e2ereme.remediate.sandbox.systems.edits import Edit, carry_out
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import Api
from ansible_collections.e2ereme.remediate.sandbox.systems.system import on_lab

pytestmark = pytest.mark.lab

SPACE = "systems-lab-test"
LARGE = ("online-boutique", "train-ticket", "large-3")


def until_well(transport: KubernetesTransport, system: System, seconds: float) -> tuple[str, ...]:
    wrong: tuple[str, ...] = ("never looked",)
    for _ in range(int(seconds / 2)):
        wrong = healthy(transport, system)
        if not wrong:
            break
        transport.sleep(2.0)
    return wrong


@pytest.mark.parametrize("name", ["simple-micro", *(pytest.param(name, marks=pytest.mark.long) for name in LARGE)])
def test_a_system_comes_up_whole_on_a_real_cluster(name: str) -> None:
    transport, space = KubernetesTransport(), f"systems-lab-{name}"
    system = on_lab(replace(choose(name), history=()), space)
    try:
        deploy(transport, system)
        assert until_well(transport, system, 240) == ()
    finally:
        Api(transport).delete("Namespace", "", space)


@pytest.mark.long
def test_a_system_lives_through_its_past_on_a_real_cluster() -> None:
    transport, space = KubernetesTransport(), "systems-lab-past"
    system = on_lab(choose("simple-micro"), space)
    try:
        deploy(transport, system)
        assert until_well(transport, system, 120) == ()
        revisions = [item["metadata"]["annotations"] for item in Api(transport).list("ReplicaSet", space)]
        assert max(int(notes["deployment.kubernetes.io/revision"]) for notes in revisions) > 1
    finally:
        Api(transport).delete("Namespace", "", space)


@pytest.mark.long
def test_a_wrong_password_is_refused_on_a_real_cluster_as_on_the_sandbox() -> None:
    transport, space = KubernetesTransport(), "systems-lab-password"
    system = on_lab(replace(choose("large-3"), history=()), space)
    store = next(spec for spec in system.services if spec.kind == "StatefulSet")
    caller = system.callers(store.name)[0]
    api = Api(transport)
    try:
        deploy(transport, system)
        assert until_well(transport, system, 240) == ()
        wrong = Edit("Secret", f"{store.name}-credentials", ("data", "password"), None, "b3RoZXI=")
        carry_out(api, space, [wrong], "kubectl-edit")
        api.delete("Pod", space, f"{store.name}-0")
        for _ in range(60):
            transport.sleep(2.0)
            api.visit(space, caller.service, caller.service_port)
            told = transport.request(
                "GET", f"/api/v1/namespaces/{space}/pods/{store.name}-0/log", {"container": store.container}
            )
            if b"refused a caller: wrong password" in told.body:
                break
        assert b"refused a caller: wrong password" in told.body
        assert api.visit(space, caller.service, caller.service_port) == 502
    finally:
        api.delete("Namespace", "", space)


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
