"""Which cases there are, and that training and benchmark never meet."""

from __future__ import annotations

import pytest

from ansible_collections.e2ereme.remediate.benchmark import cases, methods
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError


def test_training_and_benchmark_share_no_seed() -> None:
    assert max(cases.TRAINING_SEEDS) < 100_000
    assert min(cases.BENCHMARK_SEEDS) >= 1_000_000


def test_a_fault_takes_its_variants_in_turn() -> None:
    variants = cases.faults.FAULTS["bad_image_tag"].variants
    made = cases.cases(["bad_image_tag"], range(1_000_000, 1_000_000 + 2 * len(variants)))

    assert [case.variant for case in made] == [*variants, *variants]


def test_every_method_meets_the_same_cases() -> None:
    seeds = range(1_000_000, 1_000_003)

    assert cases.cases(list(cases.SEVEN), seeds) == cases.cases(list(cases.SEVEN), iter(seeds))


def test_the_seven_and_the_false_reports_are_known() -> None:
    made = cases.cases([*cases.SEVEN, cases.FALSE_REPORT], [1_000_000])

    assert len(made) == 8


def test_an_unknown_fault_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="bad_image_tag"):
        cases.cases(["no_such_fault"], [1_000_000])


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="restart"):
        methods.method("no_such_method")


def test_the_unseen_are_never_taught_and_do_not_grow_by_themselves() -> None:
    faults = cases.faults.FAULTS

    assert all(not faults[name].taught for name in cases.group("unseen"))
    assert len(cases.group("unseen")) == 15


def test_courses_have_names_of_their_own_and_take_their_variants_in_turn() -> None:
    assert not set(cases.group("courses")) & {*cases.known(), cases.FALSE_REPORT}

    made = cases.cases(["late"], range(1_000_000, 1_000_003))

    assert [case.variant for case in made] == ["repairable", "beyond", "repairable"]
