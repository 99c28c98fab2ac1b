"""``e2ereme bench --on-cluster``, on a cluster that is simulated behind HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.benchmark import oncluster
from ansible_collections.e2ereme.remediate.cli.main import main
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import serve
from ansible_collections.e2ereme.remediate.sandbox.systems.parts import node
from ansible_collections.e2ereme.remediate.sandbox.systems.system import LAB_IMAGES, System

METHODS = ("nothing", "restart", "undo")
EMPTY = System(
    name="empty",
    namespace="default",
    manifests=(node("node-1", "10.20.0.1", 4, 8192), node("node-2", "10.20.0.2", 4, 8192)),
    images=frozenset(LAB_IMAGES),
    services=(),
    front="",
)
"""Two machines that have the images, and nothing on them yet."""


def test_each_method_without_a_model_gets_its_own_namespace_and_a_judgement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oncluster, "WATCH_SECONDS", 0.0)
    with serve(Sandbox(EMPTY, seed=1), speed=30) as served:
        (tmp_path / "kubeconfig").write_text(json.dumps(served.kubeconfig))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        out = tmp_path / "results.jsonl"
        asked = ["bench", "--on-cluster", "--faults", "bad_image_tag", "--methods", ",".join(METHODS)]
        assert main([*asked, "--out", str(out)]) == 0
    results = [json.loads(line) for line in out.read_text().splitlines()]
    assert {result["method"]: result["resolved"] for result in results} == {
        "nothing": False,
        "restart": False,
        "undo": True,
    }
