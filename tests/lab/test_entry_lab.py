"""The parts used apart on a real Kubernetes: a release of somebody else's, watched by the module verify."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from staging import cart, on_lab

pytestmark = pytest.mark.lab
SECRET = "hunter2-hunter2-hunter2"


def test_a_release_is_verified_from_its_first_second_and_a_bad_one_is_named(tmp_path: Path) -> None:
    with on_lab() as place:
        space = place.namespace
        deployment, service = cart(space)
        for manifest in (deployment, service):
            manifest["metadata"]["name"] = "web"
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        for labels in (deployment["spec"]["selector"]["matchLabels"], service["spec"]["selector"]):
            labels["app"] = "web"
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": space}}
        container["env"] = [
            {"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "key", "key": "value"}}},
            {"name": "PASSWORD", "value": SECRET},
        ]
        good = [secret | {"stringData": {"value": SECRET}}, deployment, service]
        bad = json.loads(json.dumps(deployment))
        bad["spec"]["template"]["spec"]["containers"][0]["image"] = "lab/python:none"
        watch: dict[str, Any] = {"namespace": space, "workloads": ["web"], "settle": 4}
        check = {"name": "web", "kind": "service", "path": "/", "max_seconds": 2}
        results = released(
            tmp_path,
            {"kubernetes.core.k8s": {"state": "present", "definition": good}},
            {"e2ereme.remediate.verify": {**watch, "checks": [check]}},
            {"kubernetes.core.k8s": {"state": "present", "definition": bad}},
            {"e2ereme.remediate.verify": watch},
            {"e2ereme.remediate.probe": {"namespace": space}},
        )

    _, first, _, second, probed = results
    assert first["healthy"] is True, first
    assert first["verdict"]["held_seconds"] >= 4
    assert "asserted GET :80/" in [check["name"] for check in first["verdict"]["checks"]]
    assert second["healthy"] is False
    assert "Deployment web rollout: " in second["msg"]
    assert any("web" in line and "lab/python:none" in line for line in probed["anomalies"]), probed["anomalies"]
    assert SECRET not in json.dumps([first, second, probed])


def released(folder: Path, *tasks: dict[str, Any]) -> list[dict[str, Any]]:
    """What each task registers."""
    named = [{**task, "register": f"result{number}", "ignore_errors": True} for number, task in enumerate(tasks)]
    kept = folder / "kept.json"
    content = "{{ [" + ", ".join(task["register"] for task in named) + "] | to_json }}"
    keep = {"ansible.builtin.copy": {"content": content, "dest": str(kept), "mode": "0600"}}
    book = folder / "book.yml"
    book.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [*named, keep]}]))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), str(book)]
    played = subprocess.run(command, capture_output=True, text=True, timeout=150, env={**os.environ}, check=False)
    assert kept.exists(), played.stdout + played.stderr
    found = json.loads(kept.read_text("utf-8"))
    assert isinstance(found, list)
    return found
