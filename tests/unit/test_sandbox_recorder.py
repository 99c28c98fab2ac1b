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


def failing(recorder: Recorder, times: int, message: str = "no answer") -> None:
    for _ in range(times):
        recorder.event(POD, "Warning", "Unhealthy", message, "kubelet", host="node-1")


def test_a_source_that_says_too_much_about_one_object_is_held_back(recorder: Recorder, store: Store) -> None:
    failing(recorder, 40)
    failing(recorder, 2, "another thing")
    assert events(store) == [("no answer", 25)]


def test_one_more_passes_in_five_minutes_and_tells_of_all_before(
    recorder: Recorder, store: Store, clock: Clock
) -> None:
    failing(recorder, 40)
    clock.advance(299)
    failing(recorder, 1)
    assert events(store) == [("no answer", 25)]
    clock.advance(2)
    failing(recorder, 2)
    assert events(store) == [("no answer", 42)]


def test_other_sources_and_objects_are_not_held_back(recorder: Recorder, store: Store) -> None:
    failing(recorder, 40)
    recorder.event(POD, "Normal", "Scheduled", "placed", "default-scheduler")
    other = {**POD, "metadata": {**POD["metadata"], "name": "web-2", "uid": "u-2"}}  # type: ignore[dict-item]
    recorder.event(other, "Warning", "Unhealthy", "no answer", "kubelet", host="node-1")
    assert sorted(events(store)) == [("no answer", 1), ("no answer", 25), ("placed", 1)]


def test_what_is_held_back_draws_the_same_luck(store: Store, clock: Clock) -> None:
    """Whatever else is random in a cluster goes on as if every Event had been written."""
    rng = random.Random(2)
    recorder = Recorder(store, clock, rng)
    failing(recorder, 25)
    failing(recorder, 3, "another thing")
    held = rng.random()
    again = random.Random(2)
    for _ in range(2):
        again.getrandbits(60)
    assert held == again.random()
