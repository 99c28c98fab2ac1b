"""Accounts of a real cluster: the documented Role suffices, and a narrower one is told by what is unseen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from staging import Place, Player, ScriptedModel, on_lab, patch, scripted_model

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import Forbidden
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import look
from ansible_collections.e2ereme.remediate.plugins.module_utils.verify import verify

pytestmark = pytest.mark.lab

NAME = "e2ereme-remediate"
BARE = [
    {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]},
]
"""A Role without history, events, logs, requests, configuration and all else."""


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with on_lab() as found:
        yield found


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as found:
        yield found


def account(place: Place, root: Path, folder: Path, rules: list[dict[str, Any]] | None = None) -> str:
    """The kubeconfig of the documented ServiceAccount, or of one with other rules."""
    text = (root / "playbooks" / "files" / "access.yml").read_text("utf-8")
    name = NAME if rules is None else f"{NAME}-narrow"
    for manifest in yaml.safe_load(text.replace(NAME, name))["items"]:
        manifest["metadata"]["namespace"] = place.namespace
        if manifest["kind"] == "Role" and rules is not None:
            manifest["rules"] = rules
        for subject in manifest.get("subjects", ()):
            subject["namespace"] = place.namespace
        place.cluster.create(manifest)
    path = f"/api/v1/namespaces/{place.namespace}/serviceaccounts/{name}/token"
    ask = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = json.loads(place.cluster.request("POST", path, None, ask).body)["status"]["token"]
    content = yaml.safe_load(Path(place.kubeconfig).read_text("utf-8"))
    content["users"] = [{"name": user["name"], "user": {"token": token}} for user in content["users"]]
    kubeconfig = folder / f"{name}.kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(content))
    return str(kubeconfig)


def test_the_documented_role_suffices_for_a_repair(
    place: Place, root: Path, model: ScriptedModel, tmp_path: Path
) -> None:
    kubeconfig = account(place, root, tmp_path)
    place.break_image()
    model.answers = [patch(place, place.worse), patch(place, place.good)]

    played = Player(root, Place(kubeconfig, place.namespace, place.cluster), model, tmp_path / "out")()

    episode = played.episode
    assert (played.rc, episode["outcome"]) == (0, "resolved"), played.output
    assert episode["attempts"][0]["undone"]["complete"], played.output
    assert sorted(episode["unseen"]) == ["Node: not permitted", "Secret: not permitted"]


def test_a_narrow_role_is_told_by_what_is_unseen(place: Place, root: Path, tmp_path: Path) -> None:
    narrow = Cluster(KubernetesTransport({"kubeconfig": account(place, root, tmp_path, BARE)}))

    found = look(narrow, place.namespace, (("cart", ""),))
    verdict = verify(narrow, found, (place.cart,), settle=1.0)

    unseen = {text.partition(":")[0] for text in found.inventory.unseen}
    assert {"Event", "ReplicaSet", "ConfigMap", "Node", "logs", "requests to Services"} <= unseen
    assert [fact.text for fact in found.anomalies] == []
    assert (verdict.healthy, verdict.failed) == (True, ())
    assert "requests to Service cart: not permitted" in verdict.unseen


def test_an_account_without_pods_is_told_what_to_grant(place: Place, tmp_path: Path) -> None:
    nobody = Cluster(KubernetesTransport({"kubeconfig": place.kubeconfig, "impersonate_user": "nobody"}))
    with pytest.raises(Forbidden, match="pods is forbidden") as refusal:
        look(nobody, place.namespace)
    assert "Grant" in str(refusal.value)


@pytest.mark.parametrize("report", ["service/ghost does not answer", "ghost does not answer"])
def test_a_report_on_what_is_not_there_changes_nothing(
    report: str, place: Place, root: Path, model: ScriptedModel, tmp_path: Path
) -> None:
    before = generations(place)

    played = Player(root, place, model, tmp_path / "out")(report=report)

    assert (played.rc, played.episode["outcome"]) == (2, "escalated"), played.output
    assert (generations(place), played.episode["changed"], model.asked) == (before, [], [])


def generations(place: Place) -> dict[str, Any]:
    """What was ever written to each object that people write."""
    kinds = ("Deployment", "Service", "ConfigMap")
    items = [item for kind in kinds for item in place.cluster.list(kind, place.namespace)]
    return {
        f"{item['kind']} {item['metadata']['name']}": (item["metadata"].get("generation"), item.get("spec"))
        for item in items
    }
