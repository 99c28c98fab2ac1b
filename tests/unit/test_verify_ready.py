"""Ready, by kind."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.ready import unready

DONE = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}


def deployment(status: dict[str, Any], replicas: int = 2, **spec: Any) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"generation": 2},
        "spec": {"replicas": replicas, **spec},
        "status": status,
    }


@pytest.mark.parametrize(
    ("status", "replicas", "why"),
    [
        (DONE, 2, ""),
        ({**DONE, "observedGeneration": 1}, 2, "its controller has not seen the change yet"),
        ({**DONE, "updatedReplicas": 1}, 2, "1 of 2 Pods updated"),
        ({**DONE, "replicas": 3}, 2, "1 old Pods still there"),
        ({**DONE, "readyReplicas": 1}, 2, "1 of 2 Pods ready"),
        ({"observedGeneration": 2}, 0, "it is scaled to 0"),
    ],
)
def test_a_deployment_is_ready_when_its_rollout_is_complete(status: dict[str, Any], replicas: int, why: str) -> None:
    assert unready(deployment(status, replicas)) == why


def test_a_stateful_set_waits_for_its_update_revision() -> None:
    status = {"readyReplicas": 2, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"}
    item = {"kind": "StatefulSet", "metadata": {}, "spec": {"replicas": 2}, "status": status}
    assert unready(item) == "1 of 2 Pods updated"


def test_a_failed_job_is_not_as_wanted() -> None:
    status = {"conditions": [{"type": "Failed", "status": "True"}]}
    assert unready({"kind": "Job", "metadata": {}, "spec": {}, "status": status}) == "it failed"


def test_a_completed_pod_is_as_wanted() -> None:
    assert unready({"kind": "Pod", "metadata": {}, "status": {"phase": "Succeeded"}}) == ""


def test_kinds_without_the_notion_are_never_unready() -> None:
    assert unready({"kind": "ConfigMap", "metadata": {}}) == ""
