"""One trial on a real cluster comes out as on the sandbox; `e2ereme fidelity run cluster` plays them all."""

from __future__ import annotations

import pytest

from ansible_collections.e2ereme.remediate.benchmark.fidelity.campaign import system_of
from ansible_collections.e2ereme.remediate.benchmark.fidelity.comparison import compare
from ansible_collections.e2ereme.remediate.benchmark.fidelity.trial import Trial, run

pytestmark = [pytest.mark.lab, pytest.mark.long]


@pytest.mark.parametrize(("fault", "variant"), [("scaled_to_zero", "live"), ("wrong_command", "latest")])
def test_a_failure_and_its_repairs_are_judged_alike(fault: str, variant: str) -> None:
    trial = Trial("shop", fault, variant, seed=1)
    real, simulated = (run(trial, system_of(trial), side) for side in ("cluster", "sandbox"))

    found = compare(trial, real, simulated)

    assert found.agree == 3, found.misses
    assert found.lines_alike >= 0.75 * found.lines, found.misses
