"""The sandbox's clock."""

from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.e2ereme.remediate.sandbox.clock import Clock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_events_run_in_the_order_of_their_moments_each_at_its_own():
    clock, seen = Clock(START), []
    clock.after(3, lambda: seen.append(("late", clock.now)))
    clock.at(START + timedelta(seconds=1), lambda: seen.append(("early", clock.now)))
    clock.advance(10)
    assert seen == [("early", START + timedelta(seconds=1)), ("late", START + timedelta(seconds=3))]
    assert clock.now == START + timedelta(seconds=10)


def test_events_of_one_instant_run_in_the_order_in_which_they_were_asked_for():
    clock, seen = Clock(START), []
    for name in "abc":
        clock.after(1, lambda name=name: seen.append(name))
    clock.advance(1)
    assert seen == ["a", "b", "c"]


def test_an_event_may_plan_another_within_the_time_that_passes():
    clock, seen = Clock(START), []
    clock.after(1, lambda: clock.after(1, lambda: seen.append(clock.elapsed)))
    clock.advance(5)
    assert seen == [2.0]


def test_a_cancelled_event_does_not_happen():
    clock, seen = Clock(START), []
    clock.after(1, lambda: seen.append(1)).cancel()
    clock.advance(2)
    assert seen == []


def test_settling_runs_what_is_due_and_lets_no_time_pass():
    clock, seen = Clock(START), []
    clock.after(0, lambda: seen.append("now"))
    clock.after(1, lambda: seen.append("later"))
    clock.settle()
    assert (seen, clock.elapsed) == (["now"], 0.0)


def test_events_that_never_end_are_reported_instead_of_hanging():
    clock = Clock(START)

    def again():
        clock.after(0, again)

    again()
    with pytest.raises(RuntimeError, match="without end"):
        clock.settle()


def test_a_stamp_is_written_as_the_api_server_writes_times():
    clock = Clock(START)
    clock.advance(61.5)
    assert (clock.stamp(), clock.micro_stamp()) == ("2026-03-02T09:01:01Z", "2026-03-02T09:01:01.500000Z")
