"""Seconds by span, and signals that become one Cancelled."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Response
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.interrupts import Interrupts
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.spans import Spans, TimedTransport
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.wishes import Cancelled


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def request(self, *_: object, **__: object) -> Response:
        self.now += 1
        return Response(200)


def test_an_inner_span_does_not_count_for_the_outer_one() -> None:
    clock = Clock()
    spans = Spans(clock)
    with spans("verify"):
        clock.sleep(1)
        with spans("settle"):
            clock.sleep(15)
        clock.sleep(2)

    assert spans.seconds()["verify"] == 3
    assert spans.seconds()["settle"] == 15


def test_own_is_the_wall_time_less_cluster_model_ansible_and_waiting() -> None:
    clock = Clock()
    spans = Spans(clock)
    for name in ("probe", "write", "run", "settle"):
        with spans(name):
            clock.sleep(10)
    with spans("gate"):
        clock.sleep(0.25)
    clock.sleep(0.5)

    assert spans.seconds()["own"] == 0.75
    assert spans.seconds()["wall"] == 40.75


def test_a_span_ends_with_an_error_too() -> None:
    clock = Clock()
    spans = Spans(clock)
    with contextlib.suppress(ValueError), spans("gate"):
        clock.sleep(1)
        raise ValueError
    clock.sleep(5)

    assert spans.seconds()["gate"] == 1


def test_waiting_of_a_transport_is_settle() -> None:
    clock = Clock()
    spans = Spans(clock)
    transport = TimedTransport(clock, spans)
    with spans("verify"):
        transport.request("GET", "/version")
        transport.sleep(4)

    assert spans.seconds()["verify"] == 1
    assert spans.seconds()["settle"] == 4


def test_a_signal_while_open_cancels_once() -> None:
    interrupts = Interrupts()
    with interrupts.listening():
        with pytest.raises(Cancelled, match="SIGINT"), interrupts.open():
            os.kill(os.getpid(), signal.SIGINT)
        with interrupts.open():
            os.kill(os.getpid(), signal.SIGTERM)  # Ansible sends both; the undo goes on


def test_a_signal_between_two_blocks_cancels_the_next() -> None:
    interrupts = Interrupts()
    with interrupts.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Cancelled, match="SIGTERM"), interrupts.open():
            pytest.fail("it was opened")


def test_the_handlers_from_before_come_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts().listening():
        assert signal.getsignal(signal.SIGINT) is not before

    assert signal.getsignal(signal.SIGINT) is before
