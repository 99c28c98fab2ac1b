"""Jobs: Pods that run to their end, how often they are tried, how long they may take, and when they are forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .indexed import Indexes, is_indexed, template_of
from .pods import Refused, create_pod, is_active, is_ready, owned, try_again, with_condition
from .world import World, seconds_since

Object = dict[str, Any]

_COMPONENT = "job-controller"
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0  # after a refusal
_TOO_OFTEN = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
_TOO_LONG = ("DeadlineExceeded", "Job was active longer than specified deadline")
_REACHED = ("CompletionsReached", "Reached expected number of succeeded pods")


def reconcile(world: World, namespace: str, name: str) -> None:
    job = world.store.get("Job", namespace, name)
    if job is None or "deletionTimestamp" in job["metadata"]:
        return
    if _ended(job):
        _forget_in_time(world, job)
        return
    status = job.get("status", {})
    pods = owned(world, "Pod", job)
    active = [pod for pod in pods if is_active(pod)]
    done = sum(pod["status"].get("phase") == "Succeeded" for pod in pods)
    failed = sum(pod["status"].get("phase") == "Failed" for pod in pods)
    spec = job["spec"]
    pieces = Indexes(job, pods) if is_indexed(job) else None
    if pieces:
        done = len(pieces.completed)
    completions, limit = spec.get("completions", 1), spec.get("backoffLimit", 6)
    now = world.clock.stamp()
    conditions: list[Object] = status.get("conditions", [])
    complete = done >= completions
    why = _TOO_OFTEN if failed > limit else _TOO_LONG if not complete and _over_time(world, job) else None
    why = why or (pieces.verdict if pieces else None)
    if complete:
        conditions = _concluded(conditions, ("SuccessCriteriaMet", "Complete"), _REACHED, now)
        world.recorder.event(job, "Normal", "Completed", "Job completed", _COMPONENT)
    elif why:
        conditions = _concluded(conditions, ("FailureTarget", "Failed"), why, now)
        active = _drop(world, job, active)
        world.recorder.event(job, "Warning", *why, _COMPONENT)
    elif spec.get("suspend"):
        active = _drop(world, job, active)
        conditions = _noted_suspension(world, job, conditions, suspended=True)
    else:
        conditions = _noted_suspension(world, job, conditions, suspended=False)
        missing = min(spec.get("parallelism", 1), completions - done) - len(active)
        if pieces:
            for index in pieces.open(active)[: max(0, missing)]:
                active += _create(world, job, pieces.failures(index), index)
        else:
            for _ in range(missing):
                active += _create(world, job, failed)
    made: Object = {"ready": 0, "terminating": 0, "uncountedTerminatedPods": {}}
    if not spec.get("suspend") or "startTime" in status:
        made["startTime"] = status.get("startTime", now)
    for key, value in (
        ("active", len(active)),
        ("ready", sum(is_ready(pod) for pod in active)),
        ("succeeded", done),
        ("failed", failed),
    ):
        if value:
            made[key] = value
    if pieces:
        made |= pieces.status
    if conditions:
        made["conditions"] = conditions
    if complete:
        made["completionTime"] = now
    live = world.store.get("Job", namespace, name)
    if live is not None:
        world.put_status(live, made)


def _ended(job: Object) -> bool:
    conditions = job.get("status", {}).get("conditions", ())
    return any(item["type"] in ("Complete", "Failed") and item["status"] == "True" for item in conditions)


def _concluded(conditions: list[Object], kinds: tuple[str, str], why: tuple[str, str], now: str) -> list[Object]:
    """With the two conditions of an end: the one that decides it, and the one that says that all is settled."""
    for kind in kinds:
        new = {"type": kind, "status": "True", "reason": why[0], "message": why[1], "lastProbeTime": now}
        conditions = with_condition(conditions, new, now)
    return conditions


def _over_time(world: World, job: Object) -> bool:
    limit, begun = job["spec"].get("activeDeadlineSeconds"), job.get("status", {}).get("startTime")
    if limit is None or job["spec"].get("suspend"):
        return False
    left = limit - (seconds_since(world, begun) if begun else 0.0)
    if left > 0:
        world.wake_after(left, "job", job["metadata"]["namespace"], job["metadata"]["name"])
    return bool(left <= 0)


def _drop(world: World, job: Object, active: list[Object]) -> list[Object]:
    """Deletes the Pods that still run."""
    for pod in active:
        name = pod["metadata"]["name"]
        world.store.delete("Pod", pod["metadata"]["namespace"], name)
        world.recorder.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {name}", _COMPONENT)
    return []


def _noted_suspension(world: World, job: Object, conditions: list[Object], *, suspended: bool) -> list[Object]:
    known = next((item for item in conditions if item["type"] == "Suspended"), None)
    if suspended == (known is not None and known["status"] == "True"):
        return conditions
    now = world.clock.stamp()
    word = "suspended" if suspended else "resumed"
    reason = f"Job{word.capitalize()}"
    new = {
        "type": "Suspended",
        "status": str(suspended),
        "reason": reason,
        "message": f"Job {word}",
        "lastProbeTime": now,
    }
    world.recorder.event(job, "Normal", "Suspended" if suspended else "Resumed", f"Job {word}", _COMPONENT)
    return with_condition(conditions, new, now)


def _forget_in_time(world: World, job: Object) -> None:
    """Deletes an ended Job, and its Pods before it, when it has been kept for as long as it asked."""
    kept = job["spec"].get("ttlSecondsAfterFinished")
    if kept is None:
        return
    meta, status = job["metadata"], job["status"]
    end = max(item["lastTransitionTime"] for item in status["conditions"] if item["type"] in ("Complete", "Failed"))
    left = kept - seconds_since(world, end)
    if left > 0:
        world.wake_after(left, "job", meta["namespace"], meta["name"])
        return
    finalizers = [*(meta.get("finalizers") or ()), "foregroundDeletion"]
    world.store.update({**job, "metadata": {**meta, "finalizers": finalizers}})
    world.store.delete("Job", meta["namespace"], meta["name"])


def _create(world: World, job: Object, failed: int, index: int | None = None) -> list[Object]:
    """``index``: of an indexed Job, which piece of the work the Pod is for."""
    meta, template, prefix = job["metadata"], job["spec"]["template"], f"{job['metadata']['name']}-"
    if index is not None:
        template, prefix = template_of(job, index, failed), f"{prefix}{index}-"
    if failed:  # 10 s, 20 s, 40 s … after failures
        pods = [pod for pod in owned(world, "Pod", job) if pod["metadata"].get("generateName") == prefix]
        last = max((pod["metadata"]["creationTimestamp"] for pod in pods), default=meta["creationTimestamp"])
        wait = 10.0 * 2 ** (failed - 1) - (world.clock.now.timestamp() - datetime.fromisoformat(last).timestamp())
        if wait > 0:
            world.wake_after(wait, "job", meta["namespace"], meta["name"])
            return []
    labels = {
        "batch.kubernetes.io/job-name": meta["name"],
        "job-name": meta["name"],
        "batch.kubernetes.io/controller-uid": meta["uid"],
        "controller-uid": meta["uid"],
    }
    try:
        pod = create_pod(world, job, template, labels=labels, prefix=prefix)
    except Refused as refused:
        world.recorder.event(job, "Warning", "FailedCreate", f"Error creating: {refused}", _COMPONENT)
        try_again(world, "job", job, _FIRST_WAIT, _LONGEST_WAIT)
        return []
    world.recorder.event(job, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}", _COMPONENT)
    return [pod]
