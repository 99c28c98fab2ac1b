"""On a real cluster, through a real ansible-playbook: the undo restores, and a Lease is taken over."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import STRATEGIC_PATCH, Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import Refused
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Inventory, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.gate import gate
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.lease import hold
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.policy import load_policy
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.undo import restored, take_snapshot, undo_playbook

KUBECONFIG = os.environ.get("KUBECONFIG", "")
pytestmark = [pytest.mark.lab, pytest.mark.skipif(not KUBECONFIG, reason="KUBECONFIG is not set: no real Kubernetes")]


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport

    return Cluster(KubernetesTransport({"kubeconfig": KUBECONFIG}))


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    name = f"undo-{uuid.uuid4().hex[:8]}"
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    cluster.delete(ObjectRef("Namespace", "", name))


@pytest.fixture
def web(cluster: Cluster, namespace: str) -> ObjectRef:
    container = {
        "name": "web",
        "image": "lab/python:1",
        "command": ["python3", "-m", "http.server"],
        "env": [{"name": "MODE", "value": "fast"}],
    }
    cluster.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
            },
        }
    )
    return ObjectRef("Deployment", namespace, "web")


def play(playbook: Playbook, folder: Path) -> None:
    path = folder / "play.yml"
    path.write_text(playbook.text)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "K8S_AUTH_KUBECONFIG": KUBECONFIG,
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(path)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


PATCH: dict[str, Any] = {
    "metadata": {"labels": {"added": "yes"}},
    "spec": {
        "replicas": 1,
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "lab/base:2",
                        "env": [{"name": "MODE", "value": "slow"}, {"name": "NEW", "value": "1"}],
                        "resources": {"limits": {"memory": "64Mi"}},
                    }
                ]
            }
        },
    },
}


@pytest.mark.parametrize("known_after", [True, False], ids=["only what differs", "the whole object"])
def test_an_undo_restores(known_after: bool, cluster: Cluster, web: ObjectRef, tmp_path: Path) -> None:
    before = take_snapshot(cluster, [web])
    cluster.patch(web, PATCH, STRATEGIC_PATCH)
    assert restored(cluster, before)
    play(undo_playbook(before, take_snapshot(cluster, [web]) if known_after else None), tmp_path)
    assert restored(cluster, before) == ()


def test_a_gated_patch_does_what_the_gate_said(cluster: Cluster, web: ObjectRef, tmp_path: Path) -> None:
    inventory = Inventory(web.namespace, "", {"Deployment": (cluster.get(web),)})
    playbook = gate(
        f"""
- tasks:
    - name: Patch Deployment web
      kubernetes.core.k8s:
        state: patched
        api_version: apps/v1
        kind: Deployment
        namespace: {web.namespace}
        name: web
        definition:
          spec:
            template:
              spec:
                containers:
                  - name: web
                    env:
                      - name: MODE
                        value: "007"
                    command: null
""",
        inventory,
        load_policy(),
        web.namespace,
    )
    assert isinstance(playbook, Playbook), playbook
    play(playbook, tmp_path)
    container = cluster.get(web)["spec"]["template"]["spec"]["containers"][0]
    assert (container["env"], "command" in container) == ([{"name": "MODE", "value": "007"}], False)


def test_a_lease_is_exclusive_and_free_again(cluster: Cluster, namespace: str) -> None:
    with hold(cluster, namespace, "Deployment web", holder="one") as lease:
        lease.count_attempt(2)
        with pytest.raises(Refused, match="being repaired by one"):
            hold(cluster, namespace, "Deployment web", holder="two").__enter__()
    with hold(cluster, namespace, "Deployment web", holder="two") as lease:
        lease.count_attempt(2)
        with pytest.raises(Refused, match="2 times"):
            lease.count_attempt(2)
    assert lease.problems == []
