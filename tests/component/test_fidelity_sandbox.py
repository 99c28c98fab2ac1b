"""The sandbox beside what a real cluster did in the same failures, treated the same ways."""

from __future__ import annotations

import pytest

from ansible_collections.e2ereme.remediate.benchmark.fidelity import campaign, record, table
from ansible_collections.e2ereme.remediate.benchmark.fidelity.comparison import Compared
from ansible_collections.e2ereme.remediate.benchmark.fidelity.trial import TREATMENTS, Trial, run

AGREE = 0.93  # of treatments have the same Verdict and the same Judgement
ALIKE = 0.87  # of the lines of Evidence are the same up to names and numbers


@pytest.fixture(scope="module")
def rows() -> list[Compared]:
    return table.compared(campaign.on_sandbox(record.load(record.RECORDED)))


def test_verdicts_and_judgements_are_a_real_clusters(rows: list[Compared]) -> None:
    agree, _ = table.shares(rows)

    assert len(rows) >= 10
    assert agree >= AGREE, table.text(rows, misses=True)


def test_evidence_reads_as_on_a_real_cluster(rows: list[Compared]) -> None:
    _, alike = table.shares(rows)

    assert alike >= ALIKE, table.text(rows, misses=True)


def test_a_trial_repeats_itself() -> None:
    trial = Trial("shop", "scaled_to_zero", "live", seed=3)
    first, second = (run(trial, campaign.system_of(trial), "sandbox") for _ in range(2))

    assert (first.injected, first.evidence, first.treated) == (second.injected, second.evidence, second.treated)
    assert first.evidence
    assert tuple(first.treated) == TREATMENTS
    assert [each.resolved for each in first.treated.values()] == [False, False, True]
