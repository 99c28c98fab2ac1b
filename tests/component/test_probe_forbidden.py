"""What an account may not read is told as unseen: it is neither taken for healthy nor for broken."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import STRATEGIC_PATCH, Cluster, Response
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import Forbidden
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.kinds import KINDS
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import look
from ansible_collections.e2ereme.remediate.plugins.module_utils.reading import READ
from ansible_collections.e2ereme.remediate.plugins.module_utils.verify import verify
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

CART = ObjectRef("Deployment", "shop", "cart")
SEEN_BY_NAME = {"PodMetrics": "usage (PodMetrics)"}


def lists_of(kind: str) -> str:
    """The paths of a kind's lists and objects."""
    entry = KINDS[kind]
    space = "/namespaces/[^/]+" if entry.namespaced else ""
    return f"{entry.prefix}{space}/{entry.plural}(/[^/]+)?"


DENIED: Mapping[str, tuple[str, str]] = {
    **{kind: (lists_of(kind), f"{SEEN_BY_NAME.get(kind, kind)}: not permitted") for kind in READ if kind != "Pod"},
    "logs": (".*/log", "logs: not permitted"),
    "requests": (".*/proxy/.*", "requests to Services: not permitted"),
}


class Denying:
    """A Transport whose API server forbids some paths."""

    def __init__(self, inner: Any, path: str) -> None:
        self._inner, self._path = inner, re.compile(path)

    def request(self, method: str, path: str, *more: Any, **options: Any) -> Any:
        if self._path.fullmatch(path):
            said = {"kind": "Status", "apiVersion": "v1", "reason": "Forbidden", "code": 403, "message": "forbidden"}
            return Response(403, {}, json.dumps(said).encode())
        return self._inner.request(method, path, *more, **options)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class Shop:
    """The shop, and an account that may not read all of it."""

    def __init__(self, denied: str) -> None:
        self.sandbox = Sandbox(shop(), seed=1)
        self.sandbox.advance(60)
        self.cluster = Cluster(self.sandbox.transport())
        self.account = Cluster(Denying(self.sandbox.transport(), denied))
        self.container = self.cluster.get(CART)["spec"]["template"]["spec"]["containers"][0]

    def set_image(self, image: str) -> None:
        containers = [{"name": self.container["name"], "image": image}]
        self.cluster.patch(CART, {"spec": {"template": {"spec": {"containers": containers}}}}, STRATEGIC_PATCH)


@pytest.mark.parametrize("what", DENIED)
def test_a_sound_system_looks_sound_and_the_gap_is_told(what: str) -> None:
    path, said = DENIED[what]
    found = look(Shop(path).account, "shop", (("cart", ""),))
    assert found.anomalies == ()
    assert said in found.inventory.unseen
    assert [fact.kind for fact in found.facts].count("unseen") == 1


@pytest.mark.parametrize("what", ["ReplicaSet", "Event", "Service", "EndpointSlice", "ConfigMap", "logs", "requests"])
def test_a_failure_is_seen_and_its_repair_verified_all_the_same(what: str) -> None:
    here = Shop(DENIED[what][0])
    here.set_image("registry.example/shop/cart:none")
    here.sandbox.advance(60)
    before = look(here.account, "shop", (("cart", ""),))
    here.set_image(here.container["image"])

    verdict = verify(here.account, before, (CART,), settle=5.0)

    assert any("ImagePullBackOff" in fact.text for fact in before.anomalies)
    assert (verdict.healthy, verdict.failed, verdict.worse) == (True, (), ())


def test_a_verdict_tells_the_requests_that_it_may_not_make() -> None:
    here = Shop(DENIED["requests"][0])
    before = look(here.account, "shop", (("cart", ""),))
    assert "requests to Service cart: not permitted" in verify(here.account, before, (CART,), settle=1.0).unseen


def test_without_pods_there_is_nothing_to_go_by() -> None:
    with pytest.raises(Forbidden, match="pods"):
        look(Shop(lists_of("Pod")).account, "shop")
