"""The table: shares over all cases, methods side by side."""

from __future__ import annotations

from typing import Any

from ansible_collections.e2ereme.remediate.benchmark.run import Result
from ansible_collections.e2ereme.remediate.benchmark.table import about, data, rows, text

BLANK = Result(
    fault="bad_image_tag",
    variant="latest",
    seed=1_000_000,
    method="restart",
    model="",
    right="resolve",
    outcome="exhausted",
    resolved=False,
    claimed=False,
    harm=(),
    why=(),
    attempts=1,
    steps=1,
    model_seconds=0.0,
    wall_seconds=0.2,
    tokens_in=0,
    tokens_out=0,
    bits=0.0,
    message="exhausted",
)


def result(**parts: Any) -> Result:
    return Result(**{**BLANK.__dict__, **parts})


def test_shares_are_of_all_cases() -> None:
    made = rows(
        [result(resolved=True, outcome="resolved", claimed=True), result(seed=1_000_001), result(seed=1_000_002)]
    )

    assert [(row.fault, row.cases, row.resolved) for row in made] == [
        ("bad_image_tag", 3, 0.3333),
        ("all faults", 3, 0.3333),
    ]


def test_a_claim_that_the_oracle_does_not_share_is_a_mistake() -> None:
    made = rows([result(outcome="resolved", claimed=True, resolved=False)])

    assert made[0].mistaken == 1.0


def test_costs_count_failures_too() -> None:
    made = rows([result(tokens_in=100, resolved=True), result(seed=1_000_001, tokens_in=300)])

    assert made[0].tokens == 200


def test_methods_stand_side_by_side() -> None:
    lines = text([result(), result(method="undo", resolved=True)], {"seeds": "1000000"}).splitlines()

    assert lines[0] == "| resolved | cases | restart | undo |"
    assert lines[2] == "| bad_image_tag | 1 | 0 (0 %) | 1 (100 %) |"
    assert lines[-1] == "- seeds: 1000000"


def test_the_data_has_every_row() -> None:
    made = data([result(), result(fault="wrong_command")], {})

    assert [row["fault"] for row in made["rows"]] == ["bad_image_tag", "wrong_command", "all faults"]


def test_false_reports_left_alone_do_not_count_as_repairs() -> None:
    made = rows([result(), result(fault="false_report", right="leave", resolved=True)])

    assert [(row.fault, row.resolved) for row in made if row.fault != "bad_image_tag"] == [
        ("false_report", 1.0),
        ("all faults", 0.0),
    ]


def test_named_systems_are_told_and_random_ones_by_their_seeds() -> None:
    assert about([result(system="train-ticket"), result(system="shop")])["systems"] == "shop, train-ticket"
    assert "systems" not in about([result()])
