"""Random allowed changes on a real cluster, by real Ansible, undone: what was written and how it fares are as before.

Six by default; ``LAB_UNDO=50`` makes it fifty, ``LAB_UNDO_SEED`` draws others.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.kinds import KINDS
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import look
from ansible_collections.e2ereme.remediate.plugins.module_utils.ready import unready
from ansible_collections.e2ereme.remediate.plugins.module_utils.verify import verify_undone
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.gate import gate
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.policy import load_policy
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.run import ProcessRunner
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.undo import (
    restored,
    stuck_pods,
    take_snapshot,
    undo_playbook,
)

pytestmark = pytest.mark.lab

COUNT = int(os.environ.get("LAB_UNDO", "6"))
SEED = int(os.environ.get("LAB_UNDO_SEED", "0"))
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
LABELS = {"app": "web"}

Task = dict[str, Any]


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster(KubernetesTransport())


@pytest.fixture(scope="module")
def space(cluster: Cluster) -> Iterator[str]:
    """A namespace with one object of each kind that the policy lets be written, all of it ready."""
    name = f"undo-random-{uuid.uuid4().hex[:6]}"
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        for manifest in objects(name):
            cluster.create(manifest)
        # A second revision, so that there is one to roll back to.
        for kind in ("Deployment", "DaemonSet"):
            until_ready(cluster, name)
            notes = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}
            cluster.patch(ObjectRef(kind, name, "web"), {"spec": {"template": notes}})
        until_ready(cluster, name)
        yield name
    finally:
        cluster.delete(ObjectRef("Namespace", "", name))


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessRunner]:
    with ProcessRunner({}, parent=tmp_path_factory.mktemp("run")) as found:
        yield found


def test_the_changes_are_of_all_kinds_that_the_policy_lets_be_written() -> None:
    policy = load_policy()
    writable = {kind for kind, rule in policy.kinds.items() if rule.verbs - {"read"}}
    assert writable == {kind for kind, _ in CHANGES}


@pytest.mark.parametrize("number", range(COUNT))
def test_a_random_change_is_undone(
    number: int, cluster: Cluster, space: str, runner: ProcessRunner, tmp_path: Path
) -> None:
    before = look(cluster, space)
    playbook = allowed_change(random.Random(f"undo {SEED} {number}"), number, before.inventory, space)
    snapshot = take_snapshot(cluster, playbook.touches)

    done = runner.run(playbook)
    assert done.ok, (playbook.text, done)
    until_seen(cluster, space)
    live = take_snapshot(cluster, playbook.touches)
    undo = undo_playbook(snapshot, live, stuck_pods(cluster, snapshot, live))
    if undo.tasks:
        assert runner.run(undo).ok, undo.text

    assert restored(cluster, snapshot) == (), playbook.text
    verdict = verify_undone(cluster, before, playbook.touches, timeout=60)
    assert verdict.healthy, (playbook.text, verdict.worse)
    assert until_ready(cluster, space) == (), playbook.text


def allowed_change(rng: random.Random, number: int, inventory: Any, space: str) -> Playbook:
    """The next change that passes the gate; kinds take turns, what is done to them is drawn."""
    policy, refused = load_policy(), []
    kinds = sorted({kind for kind, _ in CHANGES})
    kind = kinds[number % len(kinds)]
    for _ in range(20):
        change = rng.choice([change for of, change in CHANGES if of == kind])
        text = yaml.safe_dump([{"tasks": [change(rng, space, inventory)]}], sort_keys=False)
        found = gate(text, inventory, policy, space)
        if isinstance(found, Playbook):
            return found
        refused.append((text, found))
    raise AssertionError(f"the gate refused all that was drawn: {refused[-1]}")


# What may be done: a kind and a change of it.


def patch(kind: str, name: str, body: Callable[[random.Random], Mapping[str, Any]]) -> tuple[str, Any]:
    """A merge patch."""

    def task(rng: random.Random, space: str, _: Any) -> Task:
        args = {"state": "patched", **identity(kind, space, name), "definition": dict(body(rng))}
        return {"name": f"Patch {kind} {name}", "kubernetes.core.k8s": args}

    return kind, task


def json_patch(kind: str, name: str, operation: Callable[[random.Random], Mapping[str, Any]]) -> tuple[str, Any]:
    """A JSON patch of one operation."""

    def task(rng: random.Random, space: str, _: Any) -> Task:
        args = {**identity(kind, space, name), "patch": [dict(operation(rng))]}
        return {"name": f"Patch {kind} {name}", "kubernetes.core.k8s_json_patch": args}

    return kind, task


def in_container(kind: str, body: Callable[[random.Random], Mapping[str, Any]]) -> tuple[str, Any]:
    return patch(kind, "web", lambda rng: in_pod({"containers": [{"name": "web", **body(rng)}]}))


def in_pod(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": dict(body)}}}


def scale(kind: str) -> tuple[str, Any]:
    def task(rng: random.Random, space: str, _: Any) -> Task:
        args = {**identity(kind, space, "web"), "replicas": rng.randint(2, 3)}
        return {"name": f"Scale {kind} web", "kubernetes.core.k8s_scale": args}

    return kind, task


def roll_back(kind: str) -> tuple[str, Any]:
    def task(rng: random.Random, space: str, _: Any) -> Task:
        return {"name": f"Roll back {kind} web", "kubernetes.core.k8s_rollback": identity(kind, space, "web")}

    return kind, task


def delete_pod(rng: random.Random, space: str, inventory: Any) -> Task:
    name = rng.choice([pod["metadata"]["name"] for pod in inventory.of("Pod")])
    args = {"state": "absent", **identity("Pod", space, name)}
    return {"name": f"Delete Pod {name}", "kubernetes.core.k8s": args}


def create(kind: str, body: Callable[[random.Random], Mapping[str, Any]]) -> tuple[str, Any]:
    def task(rng: random.Random, space: str, _: Any) -> Task:
        args = {"state": "present", **identity(kind, space, f"new-{rng.randint(0, 99)}"), "definition": dict(body(rng))}
        return {"name": f"Create {kind} {args['name']}", "kubernetes.core.k8s": args}

    return kind, task


def identity(kind: str, space: str, name: str) -> dict[str, str]:
    return {"api_version": KINDS[kind].api_version, "kind": kind, "namespace": space, "name": name}


def number(rng: random.Random) -> str:
    return str(rng.randint(2, 999))


TEMPLATE: tuple[Callable[[str], tuple[str, Any]], ...] = (
    lambda kind: in_container(kind, lambda rng: {"image": f"lab/python:{rng.choice(('1', 'none'))}"}),
    lambda kind: in_container(kind, lambda rng: {"env": [{"name": "MODE", "value": number(rng)}]}),
    lambda kind: in_container(kind, lambda rng: {"env": [{"name": f"NEW_{number(rng)}", "value": "x"}]}),
    lambda kind: in_container(kind, lambda rng: {"command": ["python3", "-c", f"raise SystemExit({number(rng)})"]}),
    lambda kind: in_container(kind, lambda rng: {"resources": {"limits": {"memory": f"{rng.randint(40, 90)}Mi"}}}),
    lambda kind: in_container(kind, lambda rng: {"readinessProbe": {"httpGet": {"path": f"/{number(rng)}"}}}),
    lambda kind: in_container(kind, lambda rng: {"imagePullPolicy": "Always"}),
    lambda kind: patch(kind, "web", lambda rng: in_pod({"nodeSelector": {"pool": number(rng)}})),
    lambda kind: patch(kind, "web", lambda rng: in_pod({"tolerations": [{"key": "k", "operator": "Exists"}]})),
    lambda kind: patch(kind, "web", lambda rng: in_pod({"terminationGracePeriodSeconds": rng.randint(2, 5)})),
    lambda kind: json_patch(
        kind, "web", lambda rng: {"op": "remove", "path": "/spec/template/spec/containers/0/env/0"}
    ),
)

CHANGES: list[tuple[str, Callable[[random.Random, str, Any], Task]]] = [
    *(make(kind) for kind in WORKLOADS for make in TEMPLATE),
    *(scale(kind) for kind in ("Deployment", "StatefulSet")),
    *(roll_back(kind) for kind in ("Deployment", "DaemonSet")),
    patch("Deployment", "web", lambda rng: {"spec": {"paused": True, "minReadySeconds": rng.randint(1, 5)}}),
    patch("Deployment", "web", lambda rng: {"spec": {"strategy": {"rollingUpdate": {"maxSurge": rng.randint(1, 3)}}}}),
    patch("StatefulSet", "web", lambda rng: {"spec": {"minReadySeconds": rng.randint(1, 5)}}),
    patch("DaemonSet", "web", lambda rng: {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 2}}}}),
    patch("Job", "web", lambda rng: {"spec": {"backoffLimit": rng.randint(1, 9)}}),
    patch("Job", "web", lambda rng: {"spec": {"activeDeadlineSeconds": rng.randint(600, 999)}}),
    patch("CronJob", "web", lambda rng: {"spec": {"schedule": f"{rng.randint(0, 59)} 3 * * *"}}),
    json_patch("CronJob", "web", lambda rng: {"op": "replace", "path": "/spec/concurrencyPolicy", "value": "Forbid"}),
    patch("Service", "web", lambda rng: {"spec": {"selector": {"app": f"other-{number(rng)}"}}}),
    json_patch(
        "Service", "web", lambda rng: {"op": "replace", "path": "/spec/ports/0/targetPort", "value": rng.randint(1, 99)}
    ),
    create("Service", lambda rng: {"spec": {"selector": LABELS, "ports": [{"port": rng.randint(1, 99)}]}}),
    patch("ConfigMap", "web", lambda rng: {"data": {"KEY": number(rng)}}),
    patch("ConfigMap", "web", lambda rng: {"data": {f"NEW_{number(rng)}": "x"}}),
    json_patch("ConfigMap", "web", lambda rng: {"op": "remove", "path": "/data/KEY"}),
    create("ConfigMap", lambda rng: {"data": {"KEY": number(rng)}}),
    patch("HorizontalPodAutoscaler", "web", lambda rng: {"spec": {"maxReplicas": rng.randint(4, 9)}}),
    patch("HorizontalPodAutoscaler", "web", lambda rng: {"spec": {"behavior": {"scaleDown": {"selectPolicy": "Min"}}}}),
    patch("PodDisruptionBudget", "web", lambda rng: {"spec": {"minAvailable": rng.randint(2, 3)}}),
    json_patch("PodDisruptionBudget", "web", lambda rng: {"op": "add", "path": "/spec/minAvailable", "value": "30%"}),
    patch("NetworkPolicy", "web", lambda rng: {"spec": {"ingress": [{"ports": [{"port": rng.randint(1, 99)}]}]}}),
    patch("NetworkPolicy", "web", lambda rng: {"spec": {"ingress": []}}),
    patch("Ingress", "web", lambda rng: {"spec": {"ingressClassName": f"class-{number(rng)}"}}),
    json_patch(
        "Ingress", "web", lambda rng: {"op": "replace", "path": "/spec/rules/0/host", "value": f"h{number(rng)}.test"}
    ),
    ("Pod", delete_pod),
]


# The namespace.


def objects(space: str) -> list[dict[str, Any]]:
    """One of each kind, named ``web``."""
    container = {
        "name": "web",
        "image": "lab/python:1",
        "command": ["python3", "-m", "http.server", "8080"],
        "env": [{"name": "MODE", "value": "1"}],
        "ports": [{"containerPort": 8080}],
        "resources": {"limits": {"memory": "100Mi"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
    }

    def template(app: str) -> dict[str, Any]:
        return {
            "metadata": {"labels": {"app": app}},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
        }

    once = {
        "restartPolicy": "Never",
        "containers": [{"name": "web", "image": "lab/python:1", "command": ["python3", "-c", "pass"]}],
    }
    rule = {
        "host": "web.test",
        "http": {
            "paths": [
                {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
            ]
        },
    }
    peer = [{"podSelector": {"matchLabels": {"app": "caller"}}}]
    wanted: list[tuple[str, dict[str, Any]]] = [
        ("ConfigMap", {"data": {"KEY": "1"}}),
        ("Deployment", {"spec": {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": template("web")}}),
        (
            "StatefulSet",
            {
                "spec": {
                    "replicas": 1,
                    "serviceName": "web",
                    "selector": {"matchLabels": {"app": "set"}},
                    "template": template("set"),
                }
            },
        ),
        ("DaemonSet", {"spec": {"selector": {"matchLabels": {"app": "every"}}, "template": template("every")}}),
        ("Service", {"spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": 8080}]}}),
        ("Job", {"spec": {"suspend": True, "template": {"spec": once}}}),
        ("CronJob", {"spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": once}}}}}),
        (
            "HorizontalPodAutoscaler",
            {
                "spec": {
                    "minReplicas": 1,
                    "maxReplicas": 3,
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "none"},
                }
            },
        ),
        ("PodDisruptionBudget", {"spec": {"minAvailable": 1, "selector": {"matchLabels": LABELS}}}),
        (
            "NetworkPolicy",
            {"spec": {"podSelector": {"matchLabels": {"app": "guarded"}}, "ingress": [{"from": peer}]}},
        ),
        ("Ingress", {"spec": {"rules": [rule]}}),
    ]
    return [
        {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": {"name": "web", "namespace": space}, **body}
        for kind, body in wanted
    ]


def until_ready(cluster: Cluster, space: str, seconds: float = 60.0) -> tuple[str, ...]:
    """What is not ready after so long."""
    deadline = time.monotonic() + seconds
    while True:
        waiting = tuple(
            f"{kind}: {why}" for kind in WORKLOADS for item in cluster.list(kind, space) if (why := unready(item))
        )
        if not waiting or time.monotonic() > deadline:
            return waiting
        time.sleep(0.3)


def until_seen(cluster: Cluster, space: str) -> None:
    """Waits until the controllers have acted on what was written."""
    deadline = time.monotonic() + 10
    while any(
        item.get("status", {}).get("observedGeneration", 0) < item["metadata"]["generation"]
        for kind in WORKLOADS
        for item in cluster.list(kind, space)
    ):
        assert time.monotonic() < deadline, "the controllers do not act"
        time.sleep(0.1)
