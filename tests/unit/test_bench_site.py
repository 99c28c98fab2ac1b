"""How the oracle visits a cluster: a client's patience counts, whichever way in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.benchmark.site import PATIENCE, SandboxSite, TransportSite, Visit
from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Response
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import Unreachable


class Late:
    """A sandbox, and a Transport to it, whose one Service answers after ``seconds``; ``hang``: never."""

    threads = 8

    def __init__(self, seconds: float, hang: bool = False) -> None:
        self.seconds, self.hang, self.behaviour = seconds, hang, self
        self.asked: list[str] = []

    def proxy(self, *_: str) -> tuple[int, float, str]:
        return 200, self.seconds, "ok"

    def request(self, method: str, path: str, timeout: float = 0.0) -> Response:
        self.asked.append(path)
        if self.hang:
            raise Unreachable("no answer", "wait")
        answer = Response(200, {}, b"ok")
        object.__setattr__(answer, "seconds", self.seconds)
        return answer


@pytest.mark.parametrize("way", [SandboxSite, TransportSite])
@pytest.mark.parametrize(
    ("seconds", "seen"), [(0.5, Visit(200, 0.5)), (PATIENCE + 1, Visit(0, PATIENCE))], ids=["in time", "too late"]
)
def test_an_answer_counts_within_a_clients_patience(way: Any, seconds: float, seen: Visit) -> None:
    assert way(Late(seconds)).visit("shop", "cart", 80) == seen


def test_a_service_that_never_answers_is_a_visit_without_an_answer() -> None:
    assert TransportSite(Late(0.0, hang=True)).visit("shop", "cart", 80).status == 0


def test_a_site_visits_through_the_proxy_and_not_with_more_threads_than_the_transport_has() -> None:
    transport = Late(0.1)
    site = TransportSite(transport)
    site.visit("shop", "cart", 80)

    assert transport.asked == ["/api/v1/namespaces/shop/services/cart:80/proxy/"]
    assert 1 < site.threads <= transport.threads


def test_new_pods_are_made_where_a_controller_makes_them() -> None:
    pods = [
        {"metadata": {"name": "cart-1", "ownerReferences": [{"kind": "ReplicaSet"}]}},
        {"metadata": {"name": "alone"}},
    ]
    asked: list[tuple[str, str]] = []

    class Cluster:
        def request(self, method: str, path: str) -> Response:
            asked.append((method, path))
            return Response(200, {}, json.dumps({"items": pods}).encode())

    TransportSite(Cluster()).renew_pods("shop")

    assert [path for method, path in asked if method == "DELETE"] == ["/api/v1/namespaces/shop/pods/cart-1"]
