"""Systems on the sandbox: they come up, stay well, have a past, and repeat by their seed."""

from __future__ import annotations

import json

import pytest

from ansible_collections.e2ereme.remediate.sandbox.faults import healthy
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import System, generate, prepare, shop
from ansible_collections.e2ereme.remediate.sandbox.systems.system import LAST_APPLIED, on_lab


def up(system: System, seed: int = 0) -> Sandbox:
    sandbox = Sandbox(system, seed)
    prepare(sandbox, system)
    return sandbox


def test_the_shop_comes_up_within_a_virtual_minute_without_its_past() -> None:
    sandbox = Sandbox(shop())
    sandbox.advance(60)
    assert healthy(sandbox.transport(), shop()) == ()


@pytest.mark.parametrize("seed", range(8))
def test_a_random_system_is_healthy_after_its_past(seed: int) -> None:
    system = generate(seed)
    assert healthy(up(system, seed).transport(), system) == ()


@pytest.mark.parametrize("seed", range(8))
def test_nothing_restarts_in_a_healthy_system(seed: int) -> None:
    system = generate(seed)
    pods = up(system, seed).store.list("Pod", system.namespace)
    assert [
        item["restartCount"] for pod in pods for item in pod["status"]["containerStatuses"] if item["restartCount"]
    ] == []


def test_the_same_seed_gives_the_same_cluster() -> None:
    first, second = (up(generate(5), 5).store.list("Pod") for _ in range(2))
    assert json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def test_no_two_objects_of_a_cluster_share_a_uid() -> None:
    sandbox = Sandbox(shop(), 0)
    uids = [item["metadata"]["uid"] for kind in sandbox.store.registry.stored for item in sandbox.store.list(kind)]
    assert len(uids) == len(set(uids))


def test_other_seeds_give_other_systems() -> None:
    assert len({generate(seed).namespace for seed in range(30)}) > 25


def test_the_past_stands_in_replicasets_and_managed_fields() -> None:
    system = next(made for made in map(generate, range(50)) if len(made.history) > 3)
    sandbox = up(system)
    changed = {
        change.manifest["metadata"]["name"] for change in system.history if change.manifest["kind"] == "Deployment"
    }
    for name in changed:
        live = sandbox.store.get("Deployment", system.namespace, name)
        assert live is not None
        assert int(live["metadata"]["annotations"]["deployment.kubernetes.io/revision"]) > 1
        wanted = {change.manager for change in system.history if change.manifest["metadata"]["name"] == name}
        assert wanted & {entry["manager"] for entry in live["metadata"]["managedFields"]}


def test_a_revision_history_limit_prunes_old_replicasets() -> None:
    for system in map(generate, range(60)):
        limited = [item for item in system.manifests if item.get("spec", {}).get("revisionHistoryLimit") == 1]
        moved = {change.manifest["metadata"]["name"] for change in system.history}
        if any(item["metadata"]["name"] in moved and item["kind"] == "Deployment" for item in limited):
            break
    name = next(item["metadata"]["name"] for item in limited if item["metadata"]["name"] in moved)
    sets = [
        item
        for item in up(system).store.list("ReplicaSet", system.namespace)
        if item["metadata"]["ownerReferences"][0]["name"] == name
    ]
    assert len(sets) <= 2


def test_events_of_the_past_are_gone_after_an_hour() -> None:
    system = generate(1)
    sandbox = up(system)
    sandbox.advance(7200)
    assert sandbox.store.list("Event", system.namespace) == []


def test_usage_follows_the_working_set() -> None:
    sandbox = up(shop())
    for (_pod, container), (cores, memory) in sandbox.behaviour.usage("shop").items():
        if container == "catalog":
            assert 40 < memory / 2**20 < 52 and 0 < cores < 0.1


def test_on_the_lab_every_image_is_one_that_is_there() -> None:
    text = json.dumps(on_lab(shop(), "elsewhere").manifests)
    assert "registry.example" not in text and '"namespace": "shop"' not in text


@pytest.mark.parametrize("seed", range(12))
def test_elsewhere_nothing_names_the_namespace_that_it_left(seed: int) -> None:
    system = generate(seed)
    moved = on_lab(system, "elsewhere")
    text = json.dumps([moved.manifests, [change.manifest for change in moved.history]])
    assert f'"{system.namespace}"' not in text and f".{system.namespace}" not in text


def test_what_was_last_applied_moves_to_the_lab_too() -> None:
    moved = next(
        on_lab(system, "elsewhere")
        for system in map(generate, range(30))
        if "kubectl-client-side-apply" in (system.managers or {}).values()
    )
    notes = [item["metadata"].get("annotations", {}).get(LAST_APPLIED, "") for item in moved.manifests]
    applied = [json.loads(text) for text in notes if text]
    for item, text in zip(moved.manifests, notes, strict=True):
        remembered = json.loads(text) if text else item
        assert remembered.get("spec") == item.get("spec")
        assert remembered["metadata"].get("namespace", "elsewhere") == "elsewhere"
    assert len(applied) > 5
