"""How often the same thing is said: counted, combined, or as a series."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.clock import Clock
from ansible_collections.e2ereme.remediate.sandbox.controllers.recorder import Recorder
from ansible_collections.e2ereme.remediate.sandbox.store import Store

POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "web-1", "namespace": "shop", "uid": "u-1", "resourceVersion": "7"},
}


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


@pytest.fixture
def store(clock: Clock) -> Store:
    return Store(clock, random.Random(1))


@pytest.fixture
def recorder(store: Store, clock: Clock) -> Recorder:
    return Recorder(store, clock, random.Random(2))


def events(store: Store) -> list[tuple[str, Any]]:
    return [(item["message"], item.get("count")) for item in store.list("Event", "shop")]


def test_the_same_message_is_counted(recorder: Recorder, store: Store, clock: Clock) -> None:
    for _ in range(3):
        recorder.event(POD, "Warning", "Unhealthy", "no answer", "kubelet", host="node-1")
        clock.advance(10)
    assert events(store) == [("no answer", 3)]
    assert store.list("Event", "shop")[0]["lastTimestamp"] == "2026-03-02T09:00:20Z"


def test_the_tenth_different_message_of_one_reason_is_combined(recorder: Recorder, store: Store) -> None:
    for number in range(14):
        recorder.event(POD, "Warning", "FailedCreate", f"Error creating: pod {number}", "replicaset-controller")
    told = dict(events(store))
    assert len(told) == 10
    assert told["(combined from similar events): Error creating: pod 13"] == 5
    combined = next(item for item in store.list("Event", "shop") if item["count"] == 5)
    assert combined["reportingComponent"] == ""
    assert combined["source"] == {"component": "replicaset-controller"}


def test_after_ten_quiet_minutes_messages_are_told_apart_again(recorder: Recorder, store: Store, clock: Clock) -> None:
    for number in range(9):
        recorder.event(POD, "Warning", "FailedCreate", f"pod {number}", "replicaset-controller")
    clock.advance(601)
    recorder.event(POD, "Warning", "FailedCreate", "pod 9", "replicaset-controller")
    assert ("pod 9", 1) in events(store)


def test_what_the_scheduler_says_again_becomes_a_series(recorder: Recorder, store: Store, clock: Clock) -> None:
    for _ in range(4):
        recorder.event(POD, "Warning", "FailedScheduling", "no node", "default-scheduler", action="Scheduling")
        clock.advance(60)
    (event,) = store.list("Event", "shop")
    assert event["series"] == {"count": 2, "lastObservedTime": "2026-03-02T09:01:00.000000Z"}
    assert (event["eventTime"], event["lastTimestamp"]) == ("2026-03-02T09:00:00.000000Z", None)
    clock.advance(400)  # it has ended: how long it was is noted
    (event,) = store.list("Event", "shop")
    assert event["series"] == {"count": 4, "lastObservedTime": "2026-03-02T09:03:00.000000Z"}
    recorder.event(POD, "Warning", "FailedScheduling", "no node", "default-scheduler", action="Scheduling")
    assert len(store.list("Event", "shop")) == 2


def test_events_are_gone_an_hour_after_they_were_last_written(recorder: Recorder, store: Store, clock: Clock) -> None:
    recorder.event(POD, "Normal", "Pulled", "there", "kubelet")
    clock.advance(3000)
    recorder.event(POD, "Normal", "Created", "made", "kubelet")
    clock.advance(1600)
    assert events(store) == [("made", 1)]
