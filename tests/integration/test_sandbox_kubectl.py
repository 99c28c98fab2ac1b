"""An unmodified kubectl against the sandbox."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import serve
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

KUBECTL = shutil.which("kubectl") or ""
pytestmark = pytest.mark.skipif(not KUBECTL, reason="kubectl is not on PATH")

Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    home = tmp_path_factory.mktemp("kubectl")
    sandbox = Sandbox(shop(), seed=2)
    sandbox.advance(60)
    with serve(sandbox, speed=5.0) as served:
        config = home / "config"
        config.write_text(json.dumps(served.kubeconfig), "utf-8")
        environment = {**os.environ, "KUBECONFIG": str(config), "HOME": str(home)}

        def run(*arguments: str, given: str = "") -> str:
            done = subprocess.run(
                [KUBECTL, *arguments],
                input=given,
                capture_output=True,
                text=True,
                env=environment,
                timeout=30,
                check=False,
            )
            return done.stdout + done.stderr

        yield run


def test_get_prints_the_columns_of_a_cluster(kubectl: Kubectl) -> None:
    lines = kubectl("get", "deploy", "-o", "wide").splitlines()
    assert lines[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]
    assert any(line.split()[:2] == ["cart", "2/2"] for line in lines[1:])


def test_describe_shows_containers_conditions_and_events(kubectl: Kubectl) -> None:
    text = kubectl("describe", "deploy", "cart")
    assert "Available      True    MinimumReplicasAvailable" in text
    assert "Scaled up replica set cart-" in text


def test_apply_creates_then_configures_then_leaves_alone(kubectl: Kubectl) -> None:
    def manifest(value: str) -> str:
        meta = {"name": "applied", "namespace": "shop"}
        return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": value}})

    said = [kubectl("apply", "-f", "-", given=manifest(value)).split()[-1] for value in ("1", "2", "2")]
    assert said == ["created", "configured", "unchanged"]


def test_an_unknown_field_is_refused_before_it_does_harm(kubectl: Kubectl) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "typo"}, "dta": {"a": "1"}}
    assert 'unknown field "dta"' in kubectl("apply", "-f", "-", given=json.dumps(manifest))


def test_a_rollout_is_followed_undone_and_remembered(kubectl: Kubectl) -> None:
    container = kubectl("get", "deploy", "cart", "-o", "jsonpath={.spec.template.spec.containers[0].name}")
    image = kubectl("get", "deploy", "cart", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    kubectl("set", "image", "deploy/cart", f"{container}=registry.example/none:0")
    assert "timed out waiting" in kubectl("rollout", "status", "deploy/cart", "--timeout=1s")
    assert "rolled back" in kubectl("rollout", "undo", "deploy/cart")
    assert "successfully rolled out" in kubectl("rollout", "status", "deploy/cart", "--timeout=20s")
    assert kubectl("get", "deploy", "cart", "-o", "jsonpath={.spec.template.spec.containers[0].image}") == image


def test_scale_wait_logs_top_and_delete_work(kubectl: Kubectl) -> None:
    assert kubectl("scale", "deploy/payment", "--replicas=2") == "deployment.apps/payment scaled\n"
    waited = kubectl("wait", "deploy/payment", "--for=jsonpath={.status.readyReplicas}=2", "--timeout=20s")
    assert waited == "deployment.apps/payment condition met\n"
    assert kubectl("logs", "deploy/web", "--tail=2").strip()
    assert kubectl("top", "pods").splitlines()[0].split() == ["NAME", "CPU(cores)", "MEMORY(bytes)"]
    assert "deleted" in kubectl("delete", "deploy", "shipping")


def test_creating_by_flags_works_too(kubectl: Kubectl) -> None:
    assert kubectl("create", "configmap", "by-flags", "--from-literal=a=1") == "configmap/by-flags created\n"
    assert kubectl("get", "cm", "by-flags", "-o", "jsonpath={.data.a}") == "1"
    assert kubectl("auth", "can-i", "delete", "pods") == "yes\n"


def test_explain_reads_the_schema(kubectl: Kubectl) -> None:
    assert "FIELD: replicas <integer>" in kubectl("explain", "deploy.spec.replicas")


def test_errors_are_worded_as_ever(kubectl: Kubectl, tmp_path: Path) -> None:
    assert kubectl("get", "cm", "nope") == 'Error from server (NotFound): configmaps "nope" not found\n'
