"""Strains: what adds up, what a restart takes away, and who is told."""

from __future__ import annotations

import pytest

from ansible_collections.e2ereme.remediate.sandbox.nodes.strain import NONE, Strain, Strains


def test_stress_workers_add_up_and_the_stricter_delay_counts() -> None:
    strains = Strains()
    strains.put("a", "uid", "app", Strain(cores=2, memory=100, delay=0.2))
    strains.put("b", "uid", "", Strain(cores=3, memory=50, delay=0.1))
    both = strains.of_container("uid", "app")
    assert (both.cores, both.memory, both.delay) == (5, 150, 0.2)
    assert strains.of_container("uid", "sidecar").cores == 3


def test_two_losses_leave_what_passes_both() -> None:
    assert Strain(loss=0.5).plus(Strain(loss=0.2)).loss == pytest.approx(0.6)


def test_a_removed_strain_is_gone_and_removing_it_again_is_no_error() -> None:
    strains = Strains()
    strains.put("a", "uid", "", Strain(delay=1))
    strains.remove("a")
    strains.remove("a")
    assert strains.of_pod("uid") == NONE


def test_a_restart_takes_stress_and_disk_but_leaves_the_network() -> None:
    strains = Strains()
    strains.put("cpu", "uid", "app", Strain(cores=10))
    strains.put("disk", "uid", "app", Strain(disk_delay=5, volume="/var/log"))
    strains.put("net", "uid", "", Strain(delay=1))
    strains.put("other", "uid", "sidecar", Strain(cores=1))
    strains.restarted("uid", "app")
    assert strains.of_container("uid", "app") == Strain(delay=1)
    assert strains.of_container("uid", "sidecar").cores == 1
    assert [strains.holds(key) for key in ("cpu", "disk", "net", "other")] == [False, False, True, True]


def test_a_pod_that_is_gone_takes_all_its_strains_along() -> None:
    strains = Strains()
    strains.put("a", "uid", "", Strain(delay=1))
    strains.put("b", "next", "", Strain(delay=2))
    strains.forget("uid")
    assert strains.of_pod("uid") == NONE
    assert strains.of_pod("next").delay == 2


def test_a_strain_between_two_pods_does_not_touch_others() -> None:
    strains = Strains()
    strains.put("a", "uid", "", Strain(cut=True, peers=frozenset({"peer"})))
    assert strains.towards("uid", "peer").cut
    assert not strains.towards("uid", "other").cut


def test_a_disk_strain_is_on_files_of_its_volume_only() -> None:
    strains = Strains()
    strains.put("a", "uid", "app", Strain(disk_delay=5, volume="/data"))
    assert strains.on_volume("uid", "app", "/data/app.log")
    assert not strains.on_volume("uid", "app", "/database/app.log")
    assert not strains.on_volume("uid", "other", "/data/app.log")


def test_each_change_is_told_with_its_target() -> None:
    strains, told = Strains(), []
    strains.changed = lambda uid, container: told.append((uid, container))
    strains.put("a", "uid", "app", Strain(cores=1))
    strains.remove("a")
    assert told == [("uid", "app"), ("uid", "app")]
