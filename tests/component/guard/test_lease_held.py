"""One repair per target at a time."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import Conflict, Refused
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.lease import ATTEMPTS, hold, lease_name
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

WEB = ObjectRef("Deployment", "shop", "web")
LEASE = ObjectRef("Lease", "shop", "e2ereme-deployment-web")


def held(cluster: Cluster, holder: str, **more: Any) -> Any:
    return hold(cluster, "shop", WEB, holder=holder, background=False, **more)


def test_a_held_lease_names_its_holder(cluster: Cluster) -> None:
    with held(cluster, "one"):
        assert cluster.get(LEASE)["spec"]["holderIdentity"] == "one"


def test_a_second_holder_is_refused_and_told_who_and_until_when(cluster: Cluster) -> None:
    with held(cluster, "one"), pytest.raises(Refused, match=r"being repaired by one until \d\d:\d\d:\d\d"):
        held(cluster, "two").__enter__()


def test_it_is_free_again_afterwards(cluster: Cluster) -> None:
    with held(cluster, "one"):
        pass
    with held(cluster, "two"):
        assert cluster.get(LEASE)["spec"]["holderIdentity"] == "two"


def test_it_is_given_back_when_the_repair_fails(cluster: Cluster) -> None:
    with pytest.raises(ZeroDivisionError), held(cluster, "one"):
        raise ZeroDivisionError
    assert "holderIdentity" not in cluster.get(LEASE)["spec"]


def test_a_dead_holders_lease_is_taken_over_once_it_has_expired(cluster: Cluster, sandbox: Sandbox) -> None:
    dead = held(cluster, "dead", seconds=60)
    dead.__enter__()
    sandbox.advance(59)
    with pytest.raises(Refused):
        held(cluster, "two").__enter__()
    sandbox.advance(2)
    with held(cluster, "two"):
        assert cluster.get(LEASE)["spec"]["leaseTransitions"] == 1


def test_renewing_moves_the_expiry_on(cluster: Cluster, sandbox: Sandbox) -> None:
    with held(cluster, "one", seconds=60) as lease:
        sandbox.advance(50)
        lease.renew()
        sandbox.advance(50)
        with pytest.raises(Refused):
            held(cluster, "two").__enter__()


def test_a_holder_that_was_too_slow_finds_out(cluster: Cluster, sandbox: Sandbox) -> None:
    with held(cluster, "slow", seconds=10) as lease:
        sandbox.advance(11)
        with held(cluster, "quick"), pytest.raises(Refused, match="being repaired by quick"):
            lease.renew()
    assert cluster.get(LEASE)["spec"].get("holderIdentity") is None


def test_the_slow_holder_does_not_give_back_the_lease_of_the_quick_one(cluster: Cluster, sandbox: Sandbox) -> None:
    slow = held(cluster, "slow", seconds=10)
    lease = slow.__enter__()
    sandbox.advance(11)
    with held(cluster, "quick"):
        slow.__exit__(None, None, None)
        assert cluster.get(LEASE)["spec"]["holderIdentity"] == "quick"
    assert "could not be given back" in lease.problems[0]


def test_other_targets_are_free(cluster: Cluster) -> None:
    with held(cluster, "one"), hold(cluster, "shop", "Deployment cart", holder="two", background=False) as other:
        assert other.ref.name == "e2ereme-deployment-cart"


def test_losing_the_race_for_it_is_refused(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with held(cluster, "one"):
        pass

    def beaten(*_: object) -> None:
        raise Conflict("somebody was faster")

    monkeypatch.setattr(cluster, "replace", beaten)
    with pytest.raises(Refused, match="being taken by somebody else"):
        held(cluster, "two").__enter__()


def test_a_thread_renews_it_in_the_background(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    renewed = threading.Event()
    real = cluster.replace
    monkeypatch.setattr(cluster, "replace", lambda manifest: (real(manifest), renewed.set())[0])
    with hold(cluster, "shop", WEB, holder="one", seconds=1):
        assert renewed.wait(5)


def test_attempts_are_counted_across_holders_until_the_limit(cluster: Cluster) -> None:
    for holder in ("one", "two"):
        with held(cluster, holder) as lease:
            lease.count_attempt(2)
    with held(cluster, "three") as lease, pytest.raises(Refused, match="was tried 2 times within the last hour"):
        lease.count_attempt(2)


def test_attempts_older_than_an_hour_are_forgotten(cluster: Cluster, sandbox: Sandbox) -> None:
    with held(cluster, "one", seconds=7200) as lease:
        lease.count_attempt(1)
        sandbox.advance(3601)
        lease.count_attempt(1)
    assert cluster.get(LEASE)["metadata"]["annotations"][ATTEMPTS].count(",") == 0


@pytest.mark.parametrize("target", ["Deployment web", "a" * 300, "Ünïcode / odd", "Deployment a.b", "Deployment a-b"])
def test_its_name_is_one_that_the_api_takes(target: str, cluster: Cluster) -> None:
    with hold(cluster, "shop", target, holder="one", background=False) as lease:
        assert cluster.get(lease.ref)["spec"]["holderIdentity"] == "one"


def test_targets_that_look_alike_have_leases_of_their_own() -> None:
    names = {lease_name(target) for target in ("Deployment a.b", "Deployment a-b", "Deployment a b", "Deployment A.B")}
    assert len(names) == 3  # no two names differ by case alone
