"""A Snapshot, a change, an undo: afterwards the objects are as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import JSON_PATCH, STRATEGIC_PATCH, Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.undo import restored, take_snapshot, undo_playbook

WEB = ObjectRef("Deployment", "shop", "web")
SERVICE = ObjectRef("Service", "shop", "web")
SETTINGS = ObjectRef("ConfigMap", "shop", "settings")
FRESH = ObjectRef("ConfigMap", "shop", "fresh")
ALL = (WEB, SERVICE, SETTINGS)

Patch = tuple[ObjectRef, dict[str, Any]]


def pod(**container: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "web", **container}]}}}}


CHANGES: dict[str, Patch] = {
    "another image": (WEB, pod(image="lab/python:2")),
    "another value": (WEB, pod(env=[{"name": "MODE", "value": "slow"}])),
    "an added variable": (WEB, pod(env=[{"name": "NEW", "value": "1"}])),
    "an added limit": (WEB, pod(resources={"limits": {"memory": "1Gi"}})),
    "an added command": (WEB, pod(command=["serve", "--all"])),
    "a removed variable": (WEB, pod(env=[{"name": "MODE", "$patch": "delete"}])),
    "another number of replicas": (WEB, {"spec": {"replicas": 5}}),
    "an added label": (WEB, {"metadata": {"labels": {"example.com/b": "d"}}}),
    "a removed annotation": (WEB, {"metadata": {"annotations": {"team": None}}}),
    "another targetPort": (SERVICE, {"spec": {"ports": [{"port": 80, "targetPort": 9}]}}),
    "an added port": (SERVICE, {"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}}),
    "another selector": (SERVICE, {"spec": {"selector": {"tier": "front"}}}),
    "an added key": (SETTINGS, {"data": {"new": "1"}}),
    "a removed key": (SETTINGS, {"data": {"level": None}}),
    "no data": (SETTINGS, {"data": None}),
}


def carry_out(cluster: Cluster, playbook: Playbook) -> None:
    """Does what the two modules do that an undo uses."""
    for task in playbook.tasks:
        module, args = next((key, value) for key, value in task.items() if key.startswith("kubernetes.core."))
        ref = ObjectRef(args["kind"], args["namespace"], args["name"])
        if module == "kubernetes.core.k8s_json_patch":
            cluster.patch(ref, args["patch"], JSON_PATCH)
        elif args["state"] == "absent":
            cluster.delete(ref)
        elif cluster.find(ref) is None:
            cluster.create(args["definition"])
        else:
            cluster.replace(args["definition"])


def precise(cluster: Cluster, before: Any) -> Playbook:
    return undo_playbook(before, take_snapshot(cluster, [saved.ref for saved in before.objects]))


def whole(_cluster: Cluster, before: Any) -> Playbook:
    return undo_playbook(before)


@pytest.mark.parametrize("write", [precise, whole])
@pytest.mark.parametrize("name", CHANGES)
def test_after(name: str, write: Callable[[Cluster, Any], Playbook], cluster: Cluster) -> None:
    ref, patch = CHANGES[name]
    before = take_snapshot(cluster, ALL)
    cluster.patch(ref, patch, STRATEGIC_PATCH)
    assert restored(cluster, before)
    carry_out(cluster, write(cluster, before))
    assert restored(cluster, before) == ()


def test_only_what_the_run_changed_is_touched(cluster: Cluster) -> None:
    before = take_snapshot(cluster, ALL)
    cluster.patch(SETTINGS, {"data": {"url": "http://other"}})
    assert precise(cluster, before).touches == (SETTINGS,)


def test_where_nothing_changed_there_is_nothing_to_do(cluster: Cluster) -> None:
    before = take_snapshot(cluster, ALL)
    assert precise(cluster, before).tasks == ()


def test_what_others_changed_meanwhile_elsewhere_stays(cluster: Cluster) -> None:
    before = take_snapshot(cluster, [WEB])
    cluster.patch(WEB, pod(image="lab/python:2"), STRATEGIC_PATCH)
    playbook = precise(cluster, before)
    cluster.patch(WEB, {"spec": {"minReadySeconds": 3}})
    carry_out(cluster, playbook)
    assert cluster.get(WEB)["spec"]["minReadySeconds"] == 3


@pytest.mark.parametrize("write", [precise, whole])
def test_what_the_run_created_is_removed(write: Callable[[Cluster, Any], Playbook], cluster: Cluster) -> None:
    before = take_snapshot(cluster, [FRESH])
    cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fresh", "namespace": "shop"}})
    assert restored(cluster, before) == ("ConfigMap fresh: it is still there",)
    carry_out(cluster, write(cluster, before))
    assert cluster.find(FRESH) is None


@pytest.mark.parametrize("write", [precise, whole])
def test_what_the_run_deleted_is_created_again(write: Callable[[Cluster, Any], Playbook], cluster: Cluster) -> None:
    before = take_snapshot(cluster, [SETTINGS])
    cluster.delete(SETTINGS)
    carry_out(cluster, write(cluster, before))
    assert restored(cluster, before) == ()


def test_a_pod_of_a_controller_is_nothing_to_restore(cluster: Cluster) -> None:
    name = cluster.list("Pod", "shop")[0]["metadata"]["name"]
    pod_ref = ObjectRef("Pod", "shop", name)
    before = take_snapshot(cluster, [pod_ref])
    cluster.delete(pod_ref)
    assert (precise(cluster, before).tasks, restored(cluster, before)) == ((), ())


def test_nothing_of_the_servers_own_is_written(cluster: Cluster) -> None:
    text = undo_playbook(take_snapshot(cluster, ALL)).text
    for word in ("status", "uid", "resourceVersion", "managedFields", "creationTimestamp", "generation:"):
        assert word not in text
