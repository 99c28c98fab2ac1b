"""A Scene is staged once and played as often as one likes."""

from __future__ import annotations

import pytest

from ansible_collections.e2ereme.remediate.benchmark.cases import BENCHMARK_SEEDS, Case, stage
from ansible_collections.e2ereme.remediate.benchmark.oracle import judge
from ansible_collections.e2ereme.remediate.benchmark.restage import again, many
from ansible_collections.e2ereme.remediate.sandbox import faults


@pytest.mark.parametrize("fault", ["bad_image_tag", "network_delay", "wrong_env_value"])
def test_what_is_done_to_one_scene_is_not_done_to_the_next(fault: str) -> None:
    scene = stage(Case(fault, "", BENCHMARK_SEEDS[5], "simple-micro"))
    found, kept = [], many(scene)
    for heals in (True, False, True, False):
        one = again(scene) if len(found) < 2 else kept()
        assert one.injected is not None
        if heals:
            faults.heal(one.sandbox.transport(), one.injected, one.system)
            one.sandbox.advance(240)
        found.append(judge(one.site, one.charge, "resolved"))
    assert [judgement.resolved for judgement in found] == [True, False, True, False]
    assert found[0] == found[2]
    assert found[1] == found[3]
