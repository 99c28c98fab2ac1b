"""Larger random systems: healthy with all that they have, bounded, and repeated by their seed."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from ansible_collections.e2ereme.remediate.sandbox.faults import healthy
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import System, choose, generate_large, prepare
from ansible_collections.e2ereme.remediate.sandbox.systems.edits import Edit, carry_out
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import Api

SAMPLE = range(40)


def up(seed: int) -> Sandbox:
    system = generate_large(seed)
    sandbox = Sandbox(system, seed)
    prepare(sandbox, system)
    return sandbox


def hops(system: System, name: str) -> int:
    return 1 + sum(hops(system, other) for other in system.service(name).calls)


@pytest.mark.parametrize("seed", [3, 12, 13])
def test_a_large_system_is_healthy_after_its_past_and_nothing_restarted(seed: int) -> None:
    system, sandbox = generate_large(seed), up(seed)
    assert healthy(sandbox.transport(), system) == ()
    pods = sandbox.store.list("Pod", system.namespace)
    assert {item["restartCount"] for pod in pods for item in pod["status"]["containerStatuses"]} == {0}


def test_the_same_seed_gives_the_same_system_and_another_seed_another() -> None:
    assert choose("large-5") == generate_large(5)
    assert len({json.dumps(generate_large(seed).manifests) for seed in SAMPLE}) == len(SAMPLE)


def test_every_service_is_called_and_no_request_goes_through_too_many() -> None:
    for system in map(generate_large, SAMPLE):
        assert 8 <= len([spec for spec in system.services if spec.service]) <= 24
        assert max(hops(system, spec.name) for spec in system.services) <= 31
        called = {other for spec in system.services for other in spec.calls}
        assert called == {spec.name for spec in system.services if spec.service}


def test_there_is_something_of_every_kind() -> None:
    kinds = Counter(
        kind
        for system in map(generate_large, SAMPLE)
        for kind in {item["kind"] for item in system.manifests} | {item.manifest["kind"] for item in system.history}
    )
    for kind in (
        "StatefulSet",
        "DaemonSet",
        "CronJob",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "ResourceQuota",
        "LimitRange",
        "NetworkPolicy",
    ):
        assert 0 < kinds[kind] <= len(SAMPLE)


def test_some_workloads_have_what_small_systems_never_have() -> None:
    specs = [
        item["spec"]
        for system in map(generate_large, SAMPLE)
        for item in system.manifests
        if item["kind"] in ("Deployment", "StatefulSet")
    ]
    mains = [spec["template"]["spec"]["containers"][0] for spec in specs]
    resources = [main["resources"] for main in mains]
    variables = [{item["name"] for item in main.get("env", ())} for main in mains]
    assert any(each.get("limits") and each["limits"] == each.get("requests") for each in resources)
    assert any("failureThreshold" in main.get("readinessProbe", {}) for main in mains)
    assert any("minReadySeconds" in spec for spec in specs)
    for name in ("LOG_FILE", "DATA_DIR", "FANOUT_LIMIT"):
        assert any(name in each for each in variables)


def test_a_datastore_asks_its_callers_for_the_password_of_its_secret() -> None:
    system, sandbox = generate_large(3), up(3)
    store = next(spec for spec in system.services if spec.kind == "StatefulSet")
    api, space = Api(sandbox.transport()), system.namespace
    wrong = Edit("Secret", f"{store.name}-credentials", ("data", "password"), None, "b3RoZXI=")
    carry_out(api, space, [wrong], "kubectl-edit")
    for pod in api.list("Pod", space):
        if pod["metadata"]["name"] == f"{store.name}-0":
            api.delete("Pod", space, pod["metadata"]["name"])
    sandbox.advance(120)
    [caller] = system.callers(store.name)[:1]
    assert api.visit(space, caller.service, caller.service_port) == 502
    log = sandbox.behaviour.logs(space, f"{store.name}-0", store.container)
    assert "refused a caller: wrong password" in log
