"""CronJobs and Jobs in time: when they start, what they leave, when they are forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.sandbox.api.schedule import BadSchedule, parse
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

CRONS = "/apis/batch/v1/namespaces/shop/cronjobs"
JOBS = "/apis/batch/v1/namespaces/shop/jobs"
MERGE = "application/merge-patch+json"


@pytest.fixture
def sandbox() -> Sandbox:
    made = Sandbox(shop(), seed=3)  # it is 09:00
    made.advance(30)
    return made


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def a_job_spec(command: list[str], **spec: Any) -> dict[str, Any]:
    container = {"name": "work", "image": next(iter(shop().images)), "command": command}
    return {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}, **spec}


def make_cron(sandbox: Sandbox, name: str, command: list[str], **spec: Any) -> None:
    body = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": a_job_spec(command, backoffLimit=0)}, **spec},
    }
    assert sandbox.handle("POST", CRONS, {}, body).status == 201


def make_job(sandbox: Sandbox, name: str, command: list[str], **spec: Any) -> None:
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": a_job_spec(command, **spec),
    }
    assert sandbox.handle("POST", JOBS, {}, body).status == 201


def get(sandbox: Sandbox, path: str) -> Any:
    return sandbox.handle("GET", path).json()


def jobs(sandbox: Sandbox) -> list[str]:
    return [job["metadata"]["name"] for job in get(sandbox, JOBS)["items"]]


def said(sandbox: Sandbox, reason: str) -> list[str]:
    events = get(sandbox, "/api/v1/namespaces/shop/events")["items"]
    return [event["message"] for event in events if event["reason"] == reason]


@pytest.mark.parametrize(
    ("schedule", "moment", "due"),
    [
        ("* * * * *", "2026-03-02T09:00:30", "2026-03-02T09:01:00"),
        ("*/15 9-17 * * mon-fri", "2026-03-06T17:50:00", "2026-03-09T09:00:00"),
        ("0 0 1,15 * *", "2026-03-02T00:00:00", "2026-03-15T00:00:00"),
        ("0 0 13 * 5", "2026-03-02T00:00:00", "2026-03-06T00:00:00"),  # the 13th, and every Friday
        ("30 2 29 feb *", "2026-03-02T00:00:00", "2028-02-29T02:30:00"),
        ("@daily", "2026-03-02T09:00:00", "2026-03-03T00:00:00"),
        ("@every 90s", "2026-03-02T09:00:00", "2026-03-02T09:01:30"),
    ],
)
def test_a_schedule_says_when_it_is_due_next(schedule: str, moment: str, due: str) -> None:
    assert parse(schedule).after(at(moment)) == at(due)


def test_a_schedule_follows_its_time_zone_through_the_change_of_clocks() -> None:
    zone = ZoneInfo("Europe/Berlin")
    before = parse("0 9 * * *").after(at("2026-03-28T00:00:00"), zone)
    after = parse("0 9 * * *").after(at("2026-03-29T00:00:00"), zone)
    assert (before, after) == (at("2026-03-28T08:00:00"), at("2026-03-29T07:00:00"))


@pytest.mark.parametrize("text", ["* * * *", "60 * * * *", "5-2 * * * *", "*/0 * * * *", "x * * * *", "@often", ""])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(BadSchedule):
        parse(text)


@given(st.integers(0, 59), st.integers(0, 23), st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))
def test_a_daily_schedule_is_due_within_a_day(minute: int, hour: int, moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    due = parse(f"{minute} {hour} * * *").after(moment)
    assert due is not None
    assert 0 < (due - moment).total_seconds() <= 86400
    assert (due.minute, due.hour, due.second) == (minute, hour, 0)


def test_a_cron_job_starts_a_job_each_minute_and_keeps_three(sandbox: Sandbox) -> None:
    make_cron(sandbox, "tick", ["true"])
    sandbox.advance(60)
    started = int(at("2026-03-02T09:01:00").timestamp()) // 60
    assert jobs(sandbox) == [f"tick-{started}"]
    job = get(sandbox, f"{JOBS}/tick-{started}")
    assert job["metadata"]["annotations"] == {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-03-02T09:01:00Z"}
    assert job["metadata"]["ownerReferences"][0]["kind"] == "CronJob"
    sandbox.advance(60 * 5 + 20)
    assert jobs(sandbox) == [f"tick-{started + minute}" for minute in (3, 4, 5)]
    status = get(sandbox, f"{CRONS}/tick")["status"]
    assert status["lastScheduleTime"] == "2026-03-02T09:06:00Z"
    assert status["lastSuccessfulTime"] >= status["lastScheduleTime"]
    assert "active" not in status
    assert f"Saw completed job: tick-{started}, condition: Complete" in said(sandbox, "SawCompletedJob")


def test_a_failing_cron_job_keeps_its_last_failure_and_no_success(sandbox: Sandbox) -> None:
    make_cron(sandbox, "bad", ["false"])
    sandbox.advance(60 * 4)
    assert len(jobs(sandbox)) == 1
    conditions = get(sandbox, JOBS)["items"][0]["status"]["conditions"]
    assert [(item["type"], item["reason"]) for item in conditions] == [
        ("FailureTarget", "BackoffLimitExceeded"),
        ("Failed", "BackoffLimitExceeded"),
    ]
    assert "lastSuccessfulTime" not in get(sandbox, f"{CRONS}/bad")["status"]


def test_a_forbidding_cron_job_waits_for_the_one_that_runs(sandbox: Sandbox) -> None:
    make_cron(sandbox, "slow", ["sleep", "150"], concurrencyPolicy="Forbid")
    sandbox.advance(60 * 3)
    assert len(jobs(sandbox)) == 1
    assert said(sandbox, "JobAlreadyActive") == [
        "Not starting job because prior execution is running and concurrency policy is Forbid"
    ]


def test_a_replacing_cron_job_ends_the_one_that_runs(sandbox: Sandbox) -> None:
    make_cron(sandbox, "swap", ["sleep", "150"], concurrencyPolicy="Replace")
    sandbox.advance(60 * 3)
    assert len(jobs(sandbox)) == 1
    assert len(said(sandbox, "SuccessfulDelete")) == 2
    assert len(get(sandbox, f"{CRONS}/swap")["status"]["active"]) == 1


def test_a_suspended_cron_job_starts_nothing_until_it_is_resumed(sandbox: Sandbox) -> None:
    make_cron(sandbox, "held", ["true"], suspend=True)
    sandbox.advance(180)
    assert jobs(sandbox) == []
    sandbox.handle("PATCH", f"{CRONS}/held", {}, {"spec": {"suspend": False}}, MERGE)
    sandbox.advance(1)
    assert len(jobs(sandbox)) == 1  # the last one that it missed


def test_the_jobs_of_a_deleted_cron_job_go_with_it(sandbox: Sandbox) -> None:
    make_cron(sandbox, "tick", ["true"])
    sandbox.advance(130)
    sandbox.handle("DELETE", f"{CRONS}/tick")
    sandbox.advance(5)
    assert jobs(sandbox) == []
    pods = get(sandbox, "/api/v1/namespaces/shop/pods")["items"]
    assert not [pod for pod in pods if pod["metadata"]["name"].startswith("tick-")]


def test_a_schedule_that_is_none_is_refused(sandbox: Sandbox) -> None:
    body = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "odd"},
        "spec": {"schedule": "every day", "jobTemplate": {"spec": a_job_spec(["true"])}},
    }
    answer = sandbox.handle("POST", CRONS, {}, body)
    assert answer.status == 422
    cause = answer.json()["details"]["causes"][0]
    assert cause["field"] == "spec.schedule"
    assert cause["message"] == 'Invalid value: "every day": expected exactly 5 fields, found 2: [every day]'


def test_a_job_that_takes_too_long_fails_and_its_pods_go(sandbox: Sandbox) -> None:
    make_job(sandbox, "long", ["sleep", "600"], activeDeadlineSeconds=40)
    sandbox.advance(120)
    status = get(sandbox, f"{JOBS}/long")["status"]
    assert [item["reason"] for item in status["conditions"]] == ["DeadlineExceeded", "DeadlineExceeded"]
    assert "active" not in status


def test_an_ended_job_is_forgotten_after_its_time(sandbox: Sandbox) -> None:
    make_job(sandbox, "short", ["true"], ttlSecondsAfterFinished=60)
    sandbox.advance(50)
    assert jobs(sandbox) == ["short"]
    sandbox.advance(60)
    assert jobs(sandbox) == []


def test_a_suspended_job_has_no_pods(sandbox: Sandbox) -> None:
    make_job(sandbox, "held", ["sleep", "100"])
    sandbox.advance(10)
    sandbox.handle("PATCH", f"{JOBS}/held", {}, {"spec": {"suspend": True}}, MERGE)
    sandbox.advance(60)
    status = get(sandbox, f"{JOBS}/held")["status"]
    assert status["conditions"][0]["reason"] == "JobSuspended"
    assert "active" not in status
