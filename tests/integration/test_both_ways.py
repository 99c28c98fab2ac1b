"""Random allowed playbooks leave the same cluster, whether Ansible carries them out or the sandbox itself does.

More of them: ``python tests/benchmark/bench_both_ways.py --count 200``.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.benchmark.both_ways import BothWays, apart, seen, systems
from ansible_collections.e2ereme.remediate.benchmark.random_playbooks import random_playbook
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

PLAYBOOKS = 8


@pytest.fixture(scope="module")
def shop() -> Sandbox:
    return next(systems(0))


def test_both_ways_leave_equal_stores_and_say_the_same(shop: Sandbox, tmp_path: Path) -> None:
    with BothWays(tmp_path) as both:
        found = [both.compare(shop, seed) for seed in range(PLAYBOOKS)]
    apart_ = [f"{one.text}\n" + "\n".join(one.differences) for one in found if one.differences]
    assert not apart_, "\n".join(apart_)
    statuses = [status for one in found for status in one.statuses]
    assert len(statuses) > PLAYBOOKS
    assert "changed" in statuses


def test_a_cluster_that_differs_in_one_field_is_told_apart(shop: Sandbox) -> None:
    other = shop.clone()
    assert list(apart(seen(shop), seen(other))) == []
    path = "/apis/apps/v1/namespaces/shop/deployments/cart"
    patch = {"spec": {"minReadySeconds": 1}}
    other.handle("PATCH", path, None, patch, "application/merge-patch+json", user_agent="tester/1")
    said = list(apart(seen(shop), seen(other)))
    assert said
    assert said[0].startswith("Deployment/cart: ")


def test_the_same_seed_writes_the_same_playbook_and_another_one_another(shop: Sandbox) -> None:
    objects = {kind: shop.store.list(kind, "shop") for kind in shop.store.registry.stored}
    first, again, another = (random_playbook(random.Random(seed), "shop", objects) for seed in (1, 1, 2))
    assert first == again != another
