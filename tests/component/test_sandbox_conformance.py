"""The committed recording of unmodified clients against a real cluster: the sandbox answers the same."""

from __future__ import annotations

from collections import Counter

import pytest

from ansible_collections.e2ereme.remediate.benchmark.conformance.exchange import load
from ansible_collections.e2ereme.remediate.benchmark.conformance.replay import Result, replay
from ansible_collections.e2ereme.remediate.benchmark.conformance.report import agreement

CLIENTS = {"kubectl", "kubernetes.core", "python", "kr8s", "probe"}
TARGET = 0.95


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return list(replay(load()))


def test_the_recording_holds_every_client_and_enough_requests(results: list[Result]) -> None:
    counted = Counter(result.exchange.client for result in results)
    assert counted.keys() >= CLIENTS
    assert sum(counted.values()) >= 200


def test_the_sandbox_answers_as_the_cluster_did(results: list[Result]) -> None:
    misses = [f"{r.exchange.method} {r.exchange.target}: {r.misses[0]}" for r in results if r.misses]
    assert agreement(results) >= TARGET, "\n".join(misses)


@pytest.mark.parametrize("area", ["apply", "create", "discovery", "openapi", "patch", "refusals", "reviews", "table"])
def test_no_part_of_the_api_falls_behind(results: list[Result], area: str) -> None:
    of_area = [result for result in results if result.exchange.area == area]
    assert len(of_area) >= 4
    assert agreement(of_area) >= 0.9


def test_a_recording_holds_no_credentials() -> None:
    text = "".join(str(exchange) for exchange in load())
    assert "PRIVATE KEY" not in text
    assert "eyJhbGciOi" not in text
