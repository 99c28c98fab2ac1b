"""Indexed Jobs: each of a Job's Pods does a piece of the work that has a number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]

INDEX = "batch.kubernetes.io/job-completion-index"
_VARIABLE = "JOB_COMPLETION_INDEX"
_FAILED = ("FailedIndexes", "Job has failed indexes")
_TOO_MANY = ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")


class Indexes:
    """How the pieces of a Job stand. ``completed`` and ``failed``: their numbers, in order."""

    def __init__(self, job: Object, pods: list[Object]) -> None:
        self._spec, wanted = job["spec"], job["spec"].get("completions", 1)
        by_phase: dict[str, list[int]] = {"Succeeded": [], "Failed": []}
        for pod in pods:
            by_phase.setdefault(pod["status"].get("phase", "Pending"), []).append(_index_of(pod))
        self.completed = sorted({at for at in by_phase["Succeeded"] if at < wanted})
        self._failures = by_phase["Failed"]
        limit = self._spec.get("backoffLimitPerIndex")
        over = () if limit is None else {at for at in self._failures if self.failures(at) > limit}
        self.failed = sorted(set(over) - set(self.completed))
        self._wanted = wanted

    def failures(self, index: int) -> int:
        """How often a piece has failed; where it is not counted for each, how often any has."""
        counted = self._spec.get("backoffLimitPerIndex") is not None
        return self._failures.count(index) if counted else len(self._failures)

    def open(self, active: list[Object]) -> list[int]:
        """The pieces that nobody does yet."""
        taken = {*self.completed, *self.failed, *map(_index_of, active)}
        return [index for index in range(self._wanted) if index not in taken]

    @property
    def verdict(self) -> tuple[str, str] | None:
        """Why the Job has failed for its pieces' sake."""
        most = self._spec.get("maxFailedIndexes")
        if most is not None and len(self.failed) > most:
            return _TOO_MANY
        return _FAILED if self.failed and len(self.failed) + len(self.completed) == self._wanted else None

    @property
    def status(self) -> Object:
        told: Object = {"completedIndexes": ranges(self.completed)} if self.completed else {}
        if self._spec.get("backoffLimitPerIndex") is not None:
            told["failedIndexes"] = ranges(self.failed)
        return told


def is_indexed(job: Object) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def template_of(job: Object, index: int, failures: int) -> Object:
    """The template of the Pod that does one piece: it knows its number by a label, a note, its host's name, a
    variable."""
    template = job["spec"]["template"]
    meta, spec = dict(template.get("metadata") or {}), dict(template["spec"])
    notes = {INDEX: str(index)}
    if job["spec"].get("backoffLimitPerIndex") is not None:
        notes["batch.kubernetes.io/job-index-failure-count"] = str(failures)
    meta["annotations"] = {**meta.get("annotations", {}), **notes}
    meta["labels"] = {**meta.get("labels", {}), INDEX: str(index)}
    spec["hostname"] = f"{job['metadata']['name']}-{index}"
    for group in ("initContainers", "containers"):
        if group in spec:
            spec[group] = [_told(container) for container in spec[group]]
    return {**template, "metadata": meta, "spec": spec}


def ranges(numbers: Iterable[int]) -> str:
    """Numbers in order, as a Job's status has them: 0-2,4."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ",".join(
        f"{run[0]}{',' if run[-1] == run[0] + 1 else '-'}{run[-1]}" if run[1:] else str(run[0]) for run in runs
    )


def _told(container: Object) -> Object:
    variables = container.get("env") or []
    if any(item["name"] == _VARIABLE for item in variables):
        return container
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    return {**container, "env": [*variables, {"name": _VARIABLE, "valueFrom": source}]}


def _index_of(pod: Object) -> int:
    return int(pod["metadata"].get("annotations", {}).get(INDEX, -1))
