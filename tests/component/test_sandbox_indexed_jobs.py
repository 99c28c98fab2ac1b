"""Jobs whose Pods each do a piece of the work that has a number."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.controllers.indexed import ranges
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

JOBS = "/apis/batch/v1/namespaces/shop/jobs"
INDEX = "batch.kubernetes.io/job-completion-index"


def make(sandbox: Sandbox, command: str, **spec: Any) -> None:
    container = {"name": "work", "image": "busybox", "command": ["sh", "-c", command]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    body = {"completionMode": "Indexed", "template": template, **spec}
    answer = sandbox.handle("POST", JOBS, {}, {"metadata": {"name": "work"}, "spec": body})
    assert answer.status == 201, answer.text()


def status(sandbox: Sandbox) -> Any:
    return sandbox.handle("GET", f"{JOBS}/work").json()["status"]


def pods(sandbox: Sandbox) -> list[Any]:
    query = {"labelSelector": "job-name=work"}
    items: list[Any] = sandbox.handle("GET", "/api/v1/namespaces/shop/pods", query).json()["items"]
    return sorted(items, key=lambda pod: int(pod["metadata"]["labels"][INDEX]))


def test_each_piece_is_done_once_and_knows_its_number(sandbox: Sandbox) -> None:
    make(sandbox, "exec true", completions=5, parallelism=2)
    sandbox.advance(0.5)
    assert [pod["metadata"]["labels"][INDEX] for pod in pods(sandbox)] == ["0", "1"]
    sandbox.advance(120)
    told = status(sandbox)
    assert (told["completedIndexes"], told["succeeded"]) == ("0-4", 5)
    assert told["conditions"][-1]["type"] == "Complete"
    last = pods(sandbox)[-1]
    assert last["spec"]["hostname"] == "work-4" and last["metadata"]["name"].startswith("work-4-")
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    assert last["spec"]["containers"][0]["env"] == [{"name": "JOB_COMPLETION_INDEX", "valueFrom": source}]


def test_a_container_reads_its_number(sandbox: Sandbox) -> None:
    make(sandbox, "sleep 600", completions=2, parallelism=2)
    sandbox.advance(10)
    second = pods(sandbox)[1]["metadata"]["name"]
    assert "JOB_COMPLETION_INDEX=1\n" in _environment(sandbox, second)


def _environment(sandbox: Sandbox, pod: str) -> str:
    process = sandbox.behaviour.process("shop", pod, "work", ["env"], False, False)
    return "".join(text for _, text in process.said)


def test_a_piece_that_fails_is_tried_again_until_the_job_has_failed_too_often(sandbox: Sandbox) -> None:
    make(sandbox, "exit 1", completions=2, backoffLimit=1)
    sandbox.advance(200)
    told = status(sandbox)
    assert told["conditions"][-1]["reason"] == "BackoffLimitExceeded" and "completedIndexes" not in told
    assert {pod["metadata"]["labels"][INDEX] for pod in pods(sandbox)} == {"0"}


def test_with_limits_of_its_own_a_piece_fails_alone(sandbox: Sandbox) -> None:
    make(sandbox, "exit 1", completions=2, parallelism=2, backoffLimitPerIndex=0)
    sandbox.advance(60)
    told = status(sandbox)
    assert told["failedIndexes"] == "0,1"
    assert (told["conditions"][-1]["type"], told["conditions"][-1]["reason"]) == ("Failed", "FailedIndexes")


def test_too_many_failed_pieces_end_the_job_at_once(sandbox: Sandbox) -> None:
    make(sandbox, "exit 1", completions=9, backoffLimitPerIndex=0, maxFailedIndexes=1)
    sandbox.advance(90)
    assert status(sandbox)["conditions"][-1]["reason"] == "MaxFailedIndexesExceeded"
    assert len(pods(sandbox)) == 2


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"completionMode": "Indexed", "parallelism": 2}, "spec.completions"),
        ({"completions": 2, "maxFailedIndexes": 1}, "spec.maxFailedIndexes"),
    ],
)
def test_what_does_not_fit_its_mode_is_refused(sandbox: Sandbox, spec: dict[str, Any], field: str) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "work", "image": "busybox"}]}}
    answer = sandbox.handle("POST", JOBS, {}, {"metadata": {"name": "work"}, "spec": {"template": template, **spec}})
    assert answer.status == 422
    assert answer.json()["details"]["causes"][0]["field"] == field


@pytest.mark.parametrize(
    ("numbers", "text"), [([], ""), ([3], "3"), ([0, 1], "0,1"), ([0, 1, 2, 4], "0-2,4"), ([1, 3, 4], "1,3,4")]
)
def test_numbers_are_written_as_ranges(numbers: list[int], text: str) -> None:
    assert ranges(numbers) == text
