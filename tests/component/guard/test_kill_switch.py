"""The kill switch: a ConfigMap in the namespace or in kube-system, and a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import Forbidden, Refused
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.killswitch import require_running


def pause(cluster: Cluster, namespace: str, value: str) -> None:
    meta = {"name": "e2ereme-remediate", "namespace": namespace}
    cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"paused": value}})


def test_without_a_switch_it_runs(cluster: Cluster) -> None:
    assert require_running(cluster, "shop") == ()


@pytest.mark.parametrize("namespace", ["shop", "kube-system"])
def test_a_config_map_pauses(namespace: str, cluster: Cluster) -> None:
    pause(cluster, namespace, "true")
    with pytest.raises(Refused, match=f"in namespace {namespace}"):
        require_running(cluster, "shop")


@pytest.mark.parametrize("value", ["yes", "1", "on", "TRUE", "maintenance until noon"])
def test_any_value_that_does_not_say_no_pauses(value: str, cluster: Cluster) -> None:
    pause(cluster, "shop", value)
    with pytest.raises(Refused):
        require_running(cluster, "shop")


@pytest.mark.parametrize("value", ["false", "False", "no", "0", " off ", ""])
def test_a_value_that_says_no_does_not(value: str, cluster: Cluster) -> None:
    pause(cluster, "shop", value)
    assert require_running(cluster, "shop") == ()


def test_a_switch_of_another_namespace_does_not(cluster: Cluster) -> None:
    pause(cluster, "default", "true")
    assert require_running(cluster, "shop") == ()


def test_a_file_pauses(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "paused"
    assert require_running(cluster, "shop", str(file)) == ()
    file.touch()
    with pytest.raises(Refused, match="Paused by the file"):
        require_running(cluster, "shop", str(file))


def forbid(cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = cluster.find

    def find(ref: ObjectRef) -> object:
        if ref.namespace == namespace:
            raise Forbidden("no permission", status=403)
        return real(ref)

    monkeypatch.setattr(cluster, "find", find)


def test_that_kube_system_cannot_be_read_is_told(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(cluster, "kube-system", monkeypatch)
    assert require_running(cluster, "shop") == (
        "ConfigMap e2ereme-remediate in kube-system could not be read: forbidden",
    )


def test_that_the_own_namespace_cannot_be_read_stops(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(cluster, "shop", monkeypatch)
    with pytest.raises(Forbidden):
        require_running(cluster, "shop")
