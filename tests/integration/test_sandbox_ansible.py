"""The same tasks through real Ansible over HTTP and through the interpreter in process: the same cluster after it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.e2ereme.remediate.sandbox.interpret import run_tasks
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import serve
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

CART = {"kind": "Deployment", "api_version": "apps/v1", "name": "cart", "namespace": "shop"}
SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra", "namespace": "shop"}}


def _tasks(container: str) -> list[dict[str, Any]]:
    env = [{"name": "EXTRA", "value": "1"}]
    template = {"spec": {"template": {"spec": {"containers": [{"name": container, "env": env}]}}}}
    patch = {**CART, "state": "patched", "definition": template}
    scale = {**CART, "replicas": 3, "wait": False}
    return [
        {"name": "create", "kubernetes.core.k8s": {"definition": {**SETTINGS, "data": {"a": "1", "b": "2"}}}},
        {"name": "patch", "kubernetes.core.k8s": patch},
        {"name": "patch again", "kubernetes.core.k8s": patch},
        {"name": "look", "kubernetes.core.k8s_info": CART, "register": "found"},
        {"name": "scale", "kubernetes.core.k8s_scale": scale, "when": "found.resources[0].spec.replicas == 2"},
        {"name": "scale again", "kubernetes.core.k8s_scale": scale},
        {"name": "not now", "kubernetes.core.k8s_scale": scale, "when": "found.resources | length > 1"},
        {"name": "back", "kubernetes.core.k8s_rollback": CART},
        {
            "name": "json patch",
            "kubernetes.core.k8s_json_patch": {
                "kind": "ConfigMap",
                "name": "extra",
                "namespace": "shop",
                "patch": [{"op": "remove", "path": "/data/a"}],
            },
        },
        {"name": "replace", "kubernetes.core.k8s": {"force": True, "definition": {**SETTINGS, "data": {"c": "3"}}}},
        {
            "name": "refused",
            "kubernetes.core.k8s": {**CART, "state": "patched", "definition": {"spec": {"replicas": "many"}}},
            "ignore_errors": True,
        },
        {"name": "gone", "kubernetes.core.k8s": {**CART, "name": "payment", "state": "absent"}},
        {"name": "gone again", "kubernetes.core.k8s": {**CART, "name": "payment", "state": "absent"}},
    ]


def _settled(seed: int) -> Sandbox:
    sandbox = Sandbox(shop(), seed=seed)
    sandbox.advance(60)
    return sandbox


def _desired(sandbox: Sandbox) -> dict[str, Any]:
    """What people can see of the outcome, without times and identities."""
    seen = {}
    for kind in ("Deployment", "ConfigMap", "Service"):
        for obj in sandbox.store.list(kind, "shop"):
            meta = obj["metadata"]
            owned = {(entry["manager"], json.dumps(entry["fieldsV1"])) for entry in meta.get("managedFields", ())}
            about = (meta.get("labels"), meta.get("annotations"), owned)
            seen[f"{kind}/{meta['name']}"] = (obj.get("spec"), obj.get("data"), about)
    return seen


def _play(tasks: list[dict[str, Any]], kubeconfig: Path) -> list[str]:
    """Statuses by a real ansible-playbook."""
    play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]
    path = kubeconfig.with_name("play.yml")
    path.write_text(yaml.safe_dump(play), "utf-8")
    environment = {
        **os.environ,
        "K8S_AUTH_KUBECONFIG": str(kubeconfig),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "HOME": str(kubeconfig.parent),
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=170, check=False)
    said = re.findall(r"^(ok|changed|skipping|fatal): \[localhost\]", done.stdout, re.MULTILINE)
    assert len(said) == len(tasks), done.stdout + done.stderr
    # The one task that fails is ignored, which the interpreter calls ok.
    return [{"skipping": "skipped", "fatal": "ok"}.get(word, word) for word in said]


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    return tmp_path / "kubeconfig"


def test_ansible_and_the_interpreter_leave_the_same_cluster_and_say_the_same(kubeconfig: Path) -> None:
    theirs, ours = _settled(9), _settled(9)
    container = theirs.store.get("Deployment", "shop", "cart")["spec"]["template"]["spec"]["containers"][0]["name"]  # type: ignore[index]
    with serve(theirs) as served:
        kubeconfig.write_text(json.dumps(served.kubeconfig), "utf-8")
        by_ansible = _play(_tasks(container), kubeconfig)
    in_process = [result["status"] for result in run_tasks(ours.handle, _tasks(container))]
    assert in_process == by_ansible
    assert _desired(ours) == _desired(theirs)
