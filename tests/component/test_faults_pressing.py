"""Faults that press on Pods by experiments: what a restart is worth against each, and that no repair sees them."""

from __future__ import annotations

import json
import random

import pytest

from ansible_collections.e2ereme.remediate.benchmark.site import KINDS
from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import look
from ansible_collections.e2ereme.remediate.sandbox import faults
from ansible_collections.e2ereme.remediate.sandbox.faults.experiments import SPACE, follow, start, withdraw
from ansible_collections.e2ereme.remediate.sandbox.faults.fault import CannotInject, Experiment
from ansible_collections.e2ereme.remediate.sandbox.faults.injection import replace_pods
from ansible_collections.e2ereme.remediate.sandbox.faults.scene import Scene
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import System, prepare
from ansible_collections.e2ereme.remediate.sandbox.systems.choose import choose
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import Api

PRESSING = [name for name in faults.PAPER_SEVEN if "once" in faults.FAULTS[name].variants]
SETTLED = 120.0


def broken(fault: str, variant: str, seed: int = 1) -> tuple[Sandbox, System, faults.Injected]:
    system = choose("simple-micro")
    sandbox = Sandbox(system, seed)
    prepare(sandbox, system)
    return sandbox, system, faults.inject(fault, sandbox.transport(), system, random.Random(seed), variant)


def restart(sandbox: Sandbox, system: System, injected: faults.Injected) -> None:
    api = Api(sandbox.transport())
    replace_pods(api, Scene(api, system), injected.workload["name"])
    sandbox.advance(SETTLED)


@pytest.mark.parametrize("fault", PRESSING)
def test_what_presses_on_the_pods_that_it_found_goes_with_them(fault: str) -> None:
    sandbox, system, injected = broken(fault, "once")

    sandbox.advance(SETTLED)
    assert faults.confirm(sandbox.transport(), injected)

    restart(sandbox, system, injected)
    assert not faults.confirm(sandbox.transport(), injected)
    assert faults.healthy(sandbox.transport(), system) == ()


@pytest.mark.parametrize("fault", PRESSING)
def test_what_follows_is_there_again_after_a_restart(fault: str) -> None:
    sandbox, system, injected = broken(fault, "follows")

    restart(sandbox, system, injected)
    assert faults.confirm(sandbox.transport(), injected)

    faults.withdraw(sandbox.transport(), injected)
    restart(sandbox, system, injected)
    assert not faults.confirm(sandbox.transport(), injected)


@pytest.mark.parametrize("fault", PRESSING)
def test_what_stays_with_a_node_is_escaped_by_moving_only(fault: str) -> None:
    sandbox, system, injected = broken(fault, "on_node")

    restart(sandbox, system, injected)
    assert faults.confirm(sandbox.transport(), injected)

    faults.heal(sandbox.transport(), injected, system)
    sandbox.advance(SETTLED)
    assert not faults.confirm(sandbox.transport(), injected)
    assert faults.healthy(sandbox.transport(), system) == ()


@pytest.mark.parametrize(("fault", "symptom"), [("cpu_stress", "busy"), ("memory_stress", "full")])
def test_more_room_helps_against_stress_that_follows(fault: str, symptom: str) -> None:
    sandbox, system, injected = broken(fault, "follows")
    assert (injected.symptom, injected.right) == (symptom, "resolve")

    faults.heal(sandbox.transport(), injected, system)
    sandbox.advance(SETTLED)

    assert not faults.confirm(sandbox.transport(), injected)
    assert len(injected.experiments) == 1  # it still presses


@pytest.mark.parametrize("fault", ["pod_failure", "network_delay", "network_loss", "disk_latency"])
def test_where_nothing_in_the_namespace_helps_handing_over_is_right(fault: str) -> None:
    _, _, injected = broken(fault, "follows")

    assert injected.right == "escalate" and "outside the namespace" in injected.why


@pytest.mark.parametrize("fault", PRESSING)
def test_a_repair_sees_nothing_of_the_experiment(fault: str) -> None:
    sandbox, system, injected = broken(fault, "once")

    seen = look(Cluster(sandbox.transport()), system.namespace)

    text = json.dumps([vars(fact) for fact in seen.facts], default=str)
    assert "Chaos" not in text and SPACE not in text
    assert {kind for kind, _ in injected.experiments}.isdisjoint(KINDS)
    assert system.namespace != SPACE


def test_an_experiment_ends_by_itself_when_its_time_is_up() -> None:
    sandbox, _, injected = broken("network_delay", "once")
    api = Api(sandbox.transport())
    faults.withdraw(sandbox.transport(), injected)
    spec = {"action": "delay", "delay": {"latency": "1000ms"}, "duration": "60s"}
    passing = Experiment("NetworkChaos", spec, {"app": injected.workload["name"]})
    (made,) = start(api, "simple-micro", [passing], random.Random(2))

    sandbox.advance(200)

    assert not faults.confirm(sandbox.transport(), injected)
    withdraw(sandbox.transport(), faults.Injected(**{**vars(injected), "experiments": (made,)}))


def test_what_nobody_carries_out_is_no_fault_and_leaves_nothing_behind() -> None:
    sandbox = Sandbox(choose("simple-micro"), 1)
    sandbox.advance(30)
    nobody = Experiment("NetworkChaos", {"action": "loss", "loss": {"loss": "50"}}, {"app": "nobody"})

    with pytest.raises(CannotInject, match="Chaos Mesh"):
        start(Api(sandbox.transport()), "simple-micro", [nobody], random.Random(1))

    sandbox.advance(30)
    assert sandbox.store.list("CustomResourceDefinition") == []
    assert sandbox.store.get("Namespace", "", SPACE) is None


def test_a_pod_that_is_ending_when_an_experiment_chooses_it_does_not_hold_it_up() -> None:
    sandbox, system, injected = broken("cpu_stress", "once")
    faults.withdraw(sandbox.transport(), injected)
    api, labels = Api(sandbox.transport()), {"app": injected.workload["name"]}
    ending = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "ending",
            "namespace": system.namespace,
            "labels": labels,
            "finalizers": ["example.com/hold"],
        },
        "spec": {"nodeSelector": {"no": "where"}, "containers": [{"name": "it", "image": "lab/base:1"}]},
    }
    api.create(ending, "kubectl-create")
    api.delete("Pod", system.namespace, "ending")
    spec = {"stressors": {"cpu": {"workers": 1}}}

    ((kind, name),) = start(api, system.namespace, [Experiment("StressChaos", spec, labels)], random.Random(1))

    found = sandbox.store.get(f"{kind}.chaos-mesh.org", SPACE, name)
    assert found is not None
    phases = sorted(record["phase"] for record in found["status"]["experiment"]["containerRecords"])
    assert phases == ["Injected", "Not Injected"]


def test_a_follower_finds_the_pods_that_chaos_mesh_does_not_press_on() -> None:
    """On a cluster whose Chaos Mesh chooses once: as if the sandbox could not follow by itself."""
    sandbox, system, injected = broken("network_delay", "once")
    api = Api(sandbox.transport())
    ((kind, name),) = injected.experiments
    assert follow(api, kind, name) == 0

    restart(sandbox, system, injected)
    assert follow(api, kind, name) == 1
    sandbox.advance(5)

    assert faults.confirm(sandbox.transport(), injected)
    assert follow(api, kind, name) == 0
    faults.withdraw(sandbox.transport(), injected)
    sandbox.advance(60)
    assert not faults.confirm(sandbox.transport(), injected)
