"""Commands and cases on a system that is named."""

from __future__ import annotations

import pytest

from ansible_collections.e2ereme.remediate.benchmark import cases
from ansible_collections.e2ereme.remediate.benchmark.methods import method
from ansible_collections.e2ereme.remediate.benchmark.run import measure
from ansible_collections.e2ereme.remediate.cli import _systems, demo
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError
from ansible_collections.e2ereme.remediate.sandbox.systems import known_systems


def test_the_help_names_every_system() -> None:
    assert set(_systems.NAMES.split(", ")) >= set(known_systems())


def test_a_system_that_is_not_there_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no system 'bookinfo'"):
        _systems.system_of("bookinfo")


@pytest.mark.parametrize("name", ["simple-micro", "online-boutique", "train-ticket"])
def test_the_demonstration_breaks_the_named_system(name: str) -> None:
    scene = demo.stage("service_target_port", 0, name)
    assert scene.system.name == name
    assert scene.injected.namespace == name


@pytest.mark.parametrize("name", ["simple-micro", "online-boutique", "train-ticket"])
def test_a_case_on_a_named_system_is_resolved_by_new_pods_and_not_by_doing_nothing(name: str) -> None:
    [case] = cases.cases(["pod_failure"], [1_000_000], name)
    assert cases.stage(case).system.name == name
    assert measure(case, method("restart")).resolved
    assert not measure(case, method("nothing")).resolved


def test_results_on_different_systems_are_different_measurements() -> None:
    named, random = (cases.Case("bad_image_tag", "typo", 1, system) for system in ("simple-micro", ""))
    assert named.key != random.key == "bad_image_tag/typo/1"
