"""Verdicts on simulated clusters."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import STRATEGIC_PATCH, Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Evidence, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import look
from ansible_collections.e2ereme.remediate.plugins.module_utils.verdict import Verdict
from ansible_collections.e2ereme.remediate.plugins.module_utils.verify import verify, verify_undone
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

CART = ObjectRef("Deployment", "shop", "cart")
SERVICE = ObjectRef("Service", "shop", "cart")


class Shop:
    """The shop with a change that breaks it, the Evidence of that, and a change that may repair it."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(shop(), seed=1)
        self.sandbox.advance(60)
        self.cluster = Cluster(self.sandbox.transport())

    def patch(self, ref: ObjectRef, spec: object) -> None:
        self.cluster.patch(ref, {"spec": spec}, STRATEGIC_PATCH)

    def image(self, name: str, tag: str) -> None:
        ref = ObjectRef("Deployment", "shop", name)
        container = self.cluster.get(ref)["spec"]["template"]["spec"]["containers"][0]
        image = container["image"].rpartition(":")[0] + f":{tag}"
        self.patch(ref, {"template": {"spec": {"containers": [{"name": container["name"], "image": image}]}}})

    def tag(self, name: str) -> str:
        found = self.cluster.get(ObjectRef("Deployment", "shop", name))
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2])

    def look(self) -> Evidence:
        self.sandbox.advance(60)
        return look(self.cluster, "shop", (("cart", ""),))

    def verify(self, before: Evidence, *touched: ObjectRef, **options: Any) -> Verdict:
        return verify(self.cluster, before, touched or (CART,), **options)


def test_a_repair_is_healthy_after_the_settle_window() -> None:
    here = Shop()
    sound = here.tag("cart")
    here.image("cart", "none")
    before = here.look()
    here.image("cart", sound)
    verdict = here.verify(before, settle=15.0)
    assert (verdict.healthy, verdict.failed, verdict.worse) == (True, (), ())
    assert verdict.held_seconds >= 15.0


def test_a_change_that_repairs_nothing_is_not_healthy() -> None:
    here = Shop()
    here.image("cart", "none")
    before = here.look()
    here.image("cart", "neither")
    verdict = here.verify(before)
    assert not verdict.healthy
    assert "symptom" in {check.name for check in verdict.failed}


def test_it_gives_up_early_when_the_new_image_cannot_be_pulled() -> None:
    here = Shop()
    here.image("cart", "none")
    before = here.look()
    here.image("cart", "neither")
    started = here.sandbox.clock.elapsed
    here.verify(before, timeout=120.0)
    assert here.sandbox.clock.elapsed - started < 60


def test_a_pod_of_the_broken_revision_that_came_late_does_not_condemn_the_repair() -> None:
    here = Shop()
    here.patch(CART, {"strategy": {"rollingUpdate": {"maxUnavailable": 0}}})
    slow = {"name": "cart", "readinessProbe": {"initialDelaySeconds": 10}}
    here.patch(CART, {"template": {"spec": {"containers": [slow]}}})
    sound = here.tag("cart")
    here.image("cart", "none")
    before = here.look()
    here.patch(CART, {"replicas": 0})
    here.sandbox.advance(20)
    here.patch(CART, {"replicas": 1})
    here.sandbox.advance(40)
    here.image("cart", sound)
    assert here.verify(before, settle=5.0).failed == ()


def test_scaled_to_zero_is_not_healthy() -> None:
    here = Shop()
    before = here.look()
    here.patch(CART, {"replicas": 0})
    verdict = here.verify(before)
    assert not verdict.healthy
    assert any("Deployment cart" in line for line in verdict.worse)


def test_a_deleted_service_is_not_healthy() -> None:
    here = Shop()
    before = here.look()
    here.cluster.delete(SERVICE)
    verdict = here.verify(before)
    assert not verdict.healthy
    assert "Service cart: it is gone" in verdict.worse


def test_breaking_a_bystander_is_worse() -> None:
    here = Shop()
    before = here.look()
    here.patch(ObjectRef("Deployment", "shop", "payment"), {"replicas": 0})
    verdict = here.verify(before, timeout=20.0)
    assert not verdict.healthy
    assert any("payment" in line for line in verdict.worse)


def test_what_was_broken_elsewhere_is_told_and_not_held_against_it() -> None:
    here = Shop()
    sound = here.tag("cart")
    here.image("payment", "none")
    here.image("cart", "none")
    before = here.look()
    here.image("cart", sound)
    verdict = here.verify(before, suspects=(CART, SERVICE))
    assert verdict.healthy
    assert [check.subject for check in verdict.checks if check.name == "elsewhere"] == ["Deployment payment"]


def test_a_service_repair_is_judged_by_its_requests() -> None:
    here = Shop()
    here.patch(SERVICE, {"ports": [{"port": 8080, "targetPort": 9999}]})
    before = here.look()
    here.patch(SERVICE, {"ports": [{"port": 8080, "targetPort": "http"}]})
    verdict = here.verify(before, SERVICE)
    assert verdict.healthy
    assert any(check.name.startswith("GET") and check.subject == "Service cart" for check in verdict.checks)


@pytest.mark.parametrize(("wanted", "healthy"), [(200, True), (204, False)])
def test_checks_of_the_user_count(wanted: int, healthy: bool) -> None:
    here = Shop()
    before = here.look()
    check = {"name": "cart", "path": "/healthz", "status": wanted}
    assert here.verify(before, checks=(check,), settle=5.0, timeout=30.0).healthy == healthy


def test_a_malformed_check_is_an_input_error() -> None:
    here = Shop()
    with pytest.raises(InputError, match="unknown options url"):
        here.verify(here.look(), checks=({"name": "cart", "url": "/"},))


def test_an_undo_is_complete_when_nothing_is_worse_than_before() -> None:
    here = Shop()
    here.image("cart", "none")
    before = here.look()
    here.patch(CART, {"replicas": 0})
    here.patch(CART, {"replicas": 2})
    assert verify_undone(here.cluster, before, (CART,)).worse == ()


def test_an_undo_that_left_something_gone_is_not_complete() -> None:
    here = Shop()
    before = here.look()
    here.cluster.delete(SERVICE)
    assert "Service cart: it is gone" in verify_undone(here.cluster, before, (CART,), timeout=5.0).worse


class Counted:
    """A Transport that notes what is read."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.paths: list[str] = []

    def request(self, method: str, path: str, *args: Any, **options: Any) -> Any:
        self.paths.append(path.rpartition("/")[2])
        return self.inner.request(method, path, *args, **options)

    def sleep(self, seconds: float) -> None:
        self.inner.sleep(seconds)


def test_what_cannot_tell_whether_it_runs_is_read_at_the_start_and_the_end_of_settling_only() -> None:
    here = Shop()
    sound = here.tag("cart")
    here.image("cart", "none")
    before = here.look()
    here.image("cart", sound)
    here.sandbox.advance(30)
    counted = Counted(here.sandbox.transport())
    assert verify(Cluster(counted), before, (CART,), settle=15.0).healthy
    assert counted.paths.count("pods") >= 6
    assert (counted.paths.count("configmaps"), counted.paths.count("events")) == (2, 2)


def test_a_service_that_somebody_deletes_while_it_settles_is_seen() -> None:
    here = Shop()
    before = here.look()

    class Deleting(Counted):
        def sleep(self, seconds: float) -> None:
            if here.cluster.find(ObjectRef("Service", "shop", "payment")):
                here.cluster.delete(ObjectRef("Service", "shop", "payment"))
            super().sleep(seconds)

    verdict = verify(Cluster(Deleting(here.sandbox.transport())), before, (CART,), settle=9.0, timeout=20.0)
    assert not verdict.healthy
    assert "Service payment: it is gone" in verdict.worse
