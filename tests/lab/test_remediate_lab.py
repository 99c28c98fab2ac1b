"""The unmodified playbook on a real Kubernetes: the shop is deployed, broken, and repaired.

Two of the faults by default; LAB_FAULTS names others, with spaces between, or ``seven``.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.model import adapters
from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import ModelMissing
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.sandbox.faults import FIRST_SEVEN, confirm, healthy, inject
from ansible_collections.e2ereme.remediate.sandbox.systems import System, deploy, shop
from ansible_collections.e2ereme.remediate.sandbox.systems.system import on_lab

CHOSEN = os.environ.get("LAB_FAULTS", "wrong_env_value scaled_to_zero").split()
FAULTS = list(FIRST_SEVEN) if CHOSEN == ["seven"] else CHOSEN
WATCHED = ("Deployment", "Service", "ConfigMap")

Truthful = Callable[[Any, Callable[[], Cluster]], str]


@pytest.fixture
def site() -> Iterator[tuple[Cluster, System]]:
    """The shop in a namespace of its own, with its history, all of it up and answering."""
    cluster = Cluster(KubernetesTransport())
    system = on_lab(shop(), f"remediate-{os.getpid()}-{time.monotonic_ns() % 100000}")
    try:
        deploy(cluster.transport, system)
        assert until_well(cluster, system, 180) == ()
        yield cluster, system
    finally:
        cluster.delete(ObjectRef("Namespace", "", system.namespace))


@pytest.mark.parametrize("mind", [pytest.param("knowing", marks=pytest.mark.long), "embedded"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_shop_is_repaired(
    fault: str, mind: str, site: tuple[Cluster, System], truthful: Truthful, root: Path, tmp_path: Path
) -> None:
    require(mind)
    cluster, system = site
    injected = inject(fault, cluster.transport, system, random.Random(f"lab {fault}"), linger=(0.0, 5.0))
    assert confirm(cluster.transport, injected)
    report = next(text for text in injected.reports if isinstance(text, str))
    before = state(cluster, system)

    played = play(
        root,
        tmp_path,
        report=report,
        remediate_namespace=system.namespace,
        remediate_out=str(tmp_path / "episode"),
        remediate_model=truthful(injected, lambda: cluster) if mind == "knowing" else "default",
    )

    episode = json.loads((tmp_path / "episode" / "episode.json").read_text("utf-8"))
    assert (played.returncode, episode["outcome"]) == (0, "resolved"), played.stdout
    assert not confirm(cluster.transport, injected), played.stdout
    assert healthy(cluster.transport, system) == (), played.stdout
    changed = {(ref["kind"], ref["name"]) for ref in episode["changed"]}
    after = state(cluster, system)
    assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} <= changed, played.stdout


def require(mind: str) -> None:
    """Skips, with the reason, what cannot be run here."""
    if mind == "embedded":
        try:
            adapters.find("default")
        except ModelMissing as error:
            pytest.skip(f"no adapter: {error}")


def state(cluster: Cluster, system: System) -> dict[tuple[str, str], Any]:
    """What each object of the namespace is to be."""
    return {
        (kind, item["metadata"]["name"]): {key: item.get(key) for key in ("spec", "data")}
        for kind in WATCHED
        for item in cluster.list(kind, system.namespace)
    }


def play(root: Path, folder: Path, **variables: Any) -> subprocess.CompletedProcess[str]:
    """The playbook as anybody would run it."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), str(root / "playbooks" / "remediate.yml")]
    return subprocess.run(
        [*command, "-e", json.dumps(variables)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "XDG_STATE_HOME": str(folder / "state")},
        timeout=500,
        check=False,
    )


def until_well(cluster: Cluster, system: System, seconds: float) -> tuple[str, ...]:
    """What is still wrong with the system after so long, if anything."""
    wrong: tuple[str, ...] = ("never looked",)
    for _ in range(int(seconds / 2)):
        wrong = healthy(cluster.transport, system)
        if not wrong:
            break
        cluster.transport.sleep(2.0)
    return wrong
