"""CronJobs: a Job each time that the schedule says so, under one of three policies, and how many are kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ..api.admission import admit, with_job_labels
from ..api.decoding import decode
from ..api.resources import STORED
from ..api.schedule import BadSchedule, Schedule, parse, zone_of
from ..api.schema import compiled
from ..api.status import StatusError
from .pods import owned, reference
from .world import World

Object = dict[str, Any]

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_COMPONENT = "cronjob-controller"
_LATE = 0.1  # the controller looks a moment after the time that was asked for
_MANY_MISSED = 100


def reconcile(world: World, namespace: str, name: str) -> None:
    item = world.store.get("CronJob", namespace, name)
    if item is None or "deletionTimestamp" in item["metadata"]:
        return
    jobs = owned(world, "Job", item)
    item = _note_ends(world, item, jobs)
    _tidy(world, item, jobs)
    spec = item["spec"]
    if spec.get("suspend"):
        return
    try:
        schedule, zone = parse(spec["schedule"]), zone_of(spec.get("timeZone") or "")
    except BadSchedule as error:
        text = f'unparseable schedule: "{spec["schedule"]}" : {error}'
        world.recorder.event(item, "Warning", "UnparseableSchedule", text, _COMPONENT)
        return
    now = world.clock.now
    due = _due(world, item, schedule, zone)
    if due is not None:
        _start(world, item, due)
    following = schedule.after(now, zone)
    if following is not None:
        wait = (following - now).total_seconds() + _LATE
        world.wake_after(wait, "cronjob", namespace, name)


def _due(world: World, item: Object, schedule: Schedule, zone: Any) -> datetime | None:
    """The latest time that has come since the last one that was heeded."""
    now, meta, status = world.clock.now, item["metadata"], item.get("status") or {}
    since = datetime.fromisoformat(status.get("lastScheduleTime") or meta["creationTimestamp"])
    deadline = item["spec"].get("startingDeadlineSeconds")
    if deadline is not None:
        since = max(since, now - timedelta(seconds=deadline))
    latest, missed, at = None, 0, schedule.after(since, zone)
    while at is not None and at <= now:
        latest, missed = at, missed + 1
        at = schedule.after(at, zone)
    if missed > _MANY_MISSED:
        text = (
            f"too many missed start times: {missed}. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        )
        world.recorder.event(item, "Warning", "TooManyMissedTimes", text, _COMPONENT)
    return latest


def _start(world: World, item: Object, due: datetime) -> None:
    meta, policy = item["metadata"], item["spec"].get("concurrencyPolicy", "Allow")
    name = f"{meta['name']}-{int(due.timestamp()) // 60}"
    running = [job for job in owned(world, "Job", item) if not ended(job)]
    if any(job["metadata"]["name"] == name for job in owned(world, "Job", item)):
        return
    if policy == "Forbid" and running:
        text = "Not starting job because prior execution is running and concurrency policy is Forbid"
        world.recorder.event(item, "Normal", "JobAlreadyActive", text, _COMPONENT)
        return
    if policy == "Replace":
        for job in running:
            _delete(world, item, job)
        item = world.store.get("CronJob", meta["namespace"], meta["name"]) or item
    template = item["spec"]["jobTemplate"]
    there = template.get("metadata") or {}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "annotations": {**(there.get("annotations") or {}), SCHEDULED: due.strftime("%Y-%m-%dT%H:%M:%SZ")},
            **({"labels": there["labels"]} if there.get("labels") else {}),
            "ownerReferences": [reference(item)],
        },
        "spec": template["spec"],
    }
    job = with_job_labels(decode(compiled("batch", "v1", "Job"), job, []), world.store.new_uid())
    try:
        made = world.store.create(admit(world.store, STORED["Job"], job))
    except StatusError as error:
        text = f"Error creating job: {error.message}"
        world.recorder.event(item, "Warning", "FailedCreate", text, _COMPONENT)
        return
    world.recorder.event(item, "Normal", "SuccessfulCreate", f"Created job {name}", _COMPONENT)
    status = {**(item.get("status") or {}), "lastScheduleTime": due.strftime("%Y-%m-%dT%H:%M:%SZ")}
    status["active"] = [*status.get("active", ()), _named(made)]
    world.put_status(item, status)


def _note_ends(world: World, item: Object, jobs: list[Object]) -> Object:
    """Says which Jobs have ended since, and takes them from the active ones."""
    status = dict(item.get("status") or {})
    known = {there["uid"] for there in status.get("active", ())}
    gone = known - {job["metadata"]["uid"] for job in jobs}
    for there in status.get("active", ()):
        if there["uid"] in gone:
            world.recorder.event(item, "Normal", "MissingJob", f"Active job went missing: {there['name']}", _COMPONENT)
    over: set[str] = set()
    for job in jobs:
        name, uid, kind = job["metadata"]["name"], job["metadata"]["uid"], ended(job)
        if not kind and uid not in known:
            text = f"Saw a job that the controller did not create or forgot: {name}"
            world.recorder.event(item, "Warning", "UnexpectedJob", text, _COMPONENT)
        elif kind and uid in known:
            over.add(uid)
            text = f"Saw completed job: {name}, condition: {kind}"
            world.recorder.event(item, "Normal", "SawCompletedJob", text, _COMPONENT)
        if kind == "Complete":  # also of one that somebody made by hand
            status["lastSuccessfulTime"] = max(status.get("lastSuccessfulTime", ""), job["status"]["completionTime"])
    active = [there for there in status.pop("active", ()) if there["uid"] not in over | gone]
    if active:
        status["active"] = active
    return world.put_status(item, status)


def _tidy(world: World, item: Object, jobs: list[Object]) -> None:
    """Deletes the oldest ended Jobs beyond the limits of the history."""
    spec = item["spec"]
    for kind, limit in (
        ("Complete", spec.get("successfulJobsHistoryLimit", 3)),
        ("Failed", spec.get("failedJobsHistoryLimit", 1)),
    ):
        over = [job for job in jobs if ended(job) == kind]
        over.sort(key=lambda job: (job["status"].get("startTime", ""), job["metadata"]["name"]))
        for job in over[: max(0, len(over) - limit)]:
            _delete(world, item, job)


def _delete(world: World, item: Object, job: Object) -> None:
    meta = job["metadata"]
    status = dict(item.get("status") or {})
    left = [there for there in status.get("active", ()) if there["uid"] != meta["uid"]]
    status.pop("active", None)
    if left:
        status["active"] = left
    live = world.store.get("CronJob", meta["namespace"], item["metadata"]["name"]) or item
    world.put_status(live, {**(live.get("status") or {}), **status} if left else status)
    world.store.delete("Job", meta["namespace"], meta["name"], 0)
    world.recorder.event(item, "Normal", "SuccessfulDelete", f"Deleted job {meta['name']}", _COMPONENT)


def ended(job: Object) -> str:
    """Complete or Failed; "" while it runs."""
    for found in (job.get("status") or {}).get("conditions") or ():
        if found["type"] in ("Complete", "Failed") and found["status"] == "True":
            return str(found["type"])
    return ""


def _named(job: Object) -> Object:
    meta = job["metadata"]
    return {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "name": meta["name"],
        "namespace": meta["namespace"],
        "resourceVersion": meta["resourceVersion"],
        "uid": meta["uid"],
    }
