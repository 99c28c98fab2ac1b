"""Jobs: Pods that run to their end."""

from __future__ import annotations

from typing import Any

from .pods import Refused, create_pod, is_active, is_ready, owned, with_condition
from .world import World

Object = dict[str, Any]

_COMPONENT = "job-controller"


def reconcile(world: World, namespace: str, name: str) -> None:
    job = world.store.get("Job", namespace, name)
    if job is None or "deletionTimestamp" in job["metadata"]:
        return
    status = job.get("status", {})
    if any(
        item["type"] in ("Complete", "Failed") and item["status"] == "True" for item in status.get("conditions", ())
    ):
        return
    pods = owned(world, "Pod", job)
    active = [pod for pod in pods if is_active(pod)]
    done = sum(pod["status"].get("phase") == "Succeeded" for pod in pods)
    failed = sum(pod["status"].get("phase") == "Failed" for pod in pods)
    spec = job["spec"]
    completions, limit = spec.get("completions", 1), spec.get("backoffLimit", 6)
    now = world.clock.stamp()
    conditions: list[Object] = status.get("conditions", [])
    if done >= completions:
        for kind in ("SuccessCriteriaMet", "Complete"):
            conditions = with_condition(
                conditions,
                {
                    "type": kind,
                    "status": "True",
                    "reason": "CompletionsReached",
                    "message": "Reached expected number of succeeded pods",
                    "lastProbeTime": now,
                },
                now,
            )
        world.recorder.event(job, "Normal", "Completed", "Job completed", _COMPONENT)
    elif failed > limit:
        conditions = with_condition(
            conditions,
            {
                "type": "Failed",
                "status": "True",
                "reason": "BackoffLimitExceeded",
                "message": "Job has reached the specified backoff limit",
                "lastProbeTime": now,
            },
            now,
        )
        world.recorder.event(
            job, "Warning", "BackoffLimitExceeded", "Job has reached the specified backoff limit", _COMPONENT
        )
    elif not spec.get("suspend"):
        for _ in range(min(spec.get("parallelism", 1), completions - done) - len(active)):
            active += _create(world, job, failed)
    made: Object = {"startTime": status.get("startTime", now), "ready": 0, "terminating": 0}
    made["uncountedTerminatedPods"] = {}
    for key, value in (
        ("active", len(active)),
        ("ready", sum(is_ready(pod) for pod in active)),
        ("succeeded", done),
        ("failed", failed),
    ):
        if value:
            made[key] = value
    if conditions:
        made["conditions"] = conditions
    if done >= completions:
        made["completionTime"] = now
    live = world.store.get("Job", namespace, name)
    if live is not None:
        world.put_status(live, made)


def _create(world: World, job: Object, failed: int) -> list[Object]:
    meta = job["metadata"]
    if failed:  # 10 s, 20 s, 40 s … after failures
        last = max(pod["metadata"]["creationTimestamp"] for pod in owned(world, "Pod", job))
        wait = 10.0 * 2 ** (failed - 1) - (world.clock.now.timestamp() - _seconds(last))
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
        pod = create_pod(world, job, job["spec"]["template"], labels=labels)
    except Refused as refused:
        world.recorder.event(job, "Warning", "FailedCreate", f"Error creating: {refused}", _COMPONENT)
        world.wake_after(30.0, "job", meta["namespace"], meta["name"])
        return []
    world.recorder.event(job, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}", _COMPONENT)
    return [pod]


def _seconds(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp).timestamp()
