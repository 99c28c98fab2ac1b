"""The API's verbs over a scripted Transport, and what refusals become."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster, Response
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import (
    ClusterError,
    Conflict,
    Forbidden,
    InputError,
    NotFound,
    Unreachable,
)
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.kinds import path_of

CART = ObjectRef("Deployment", "shop", "cart")
Answer = Callable[[str, str, Mapping[str, str]], Response]


class Scripted:
    """Answers by a function, and keeps what was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
        content_type: str = "application/json",
        timeout: float = 10.0,
    ) -> Response:
        self.asked.append((method, path, query or {}))
        return self.answer(method, path, query or {})

    def sleep(self, seconds: float) -> None: ...


def answering(status: int, body: object, headers: Mapping[str, str] | None = None) -> Cluster:
    return Cluster(Scripted(lambda *_: Response(status, headers or {}, json.dumps(body).encode())))


def test_a_list_is_read_page_by_page() -> None:
    pages = {"": (["a", "b"], "next"), "next": (["c"], "")}

    def answer(_method: str, _path: str, query: Mapping[str, str]) -> Response:
        names, token = pages[query.get("continue", "")]
        items = [{"metadata": {"name": name}} for name in names]
        return Response(200, {}, json.dumps({"metadata": {"continue": token}, "items": items}).encode())

    found = Cluster(Scripted(answer)).list("Pod", "shop")
    assert [item["metadata"]["name"] for item in found] == ["a", "b", "c"]


def test_items_of_a_list_know_their_kind() -> None:
    found = answering(200, {"items": [{"metadata": {"name": "a"}}]}).list("Deployment", "shop")
    assert (found[0]["kind"], found[0]["apiVersion"]) == ("Deployment", "apps/v1")


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, Forbidden), (403, Forbidden), (404, NotFound), (409, Conflict), (422, ClusterError), (503, Unreachable)],
)
def test_a_status_becomes_its_error(status: int, error: type[ClusterError]) -> None:
    with pytest.raises(error, match="said why") as caught:
        answering(status, {"kind": "Status", "message": "said why"}).get(CART)
    assert (caught.value.status, bool(caught.value.hint)) == (status, True)


def test_find_gives_none_for_what_is_not_there() -> None:
    assert answering(404, {"message": "gone"}).find(CART) is None


def test_an_answer_that_is_no_json_is_said_so() -> None:
    with pytest.raises(ClusterError, match="not a JSON object"):
        answering(200, "hello").get(CART)


def test_a_connection_error_is_unreachable() -> None:
    def refuse(*_: object) -> Response:
        raise ConnectionRefusedError("refused")

    with pytest.raises(Unreachable):
        Cluster(Scripted(refuse)).get(CART)


def test_the_proxy_hands_over_whatever_is_answered() -> None:
    transport = Scripted(lambda *_: Response(503, {}, b"down"))
    answer = Cluster(transport).proxy(ObjectRef("Service", "shop", "cart"), 80, "/ready?deep=1")
    assert answer.status == 503
    assert transport.asked == [("GET", "/api/v1/namespaces/shop/services/cart:80/proxy/ready", {"deep": "1"})]


def test_now_is_the_servers_time() -> None:
    cluster = answering(200, {}, {"date": "Mon, 02 Mar 2026 09:00:00 GMT"})
    assert cluster.now().isoformat() == "2026-03-02T09:00:00+00:00"


def test_an_unknown_kind_is_an_input_error() -> None:
    with pytest.raises(InputError, match="Widget"):
        path_of("Widget", "shop")


def test_names_cannot_leave_their_path() -> None:
    assert path_of("Pod", "shop", "../../secrets") == "/api/v1/namespaces/shop/pods/..%2F..%2Fsecrets"
