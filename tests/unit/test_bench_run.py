"""Results on disk: a run goes on where it stopped."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.benchmark import run
from ansible_collections.e2ereme.remediate.benchmark.cases import Case
from ansible_collections.e2ereme.remediate.benchmark.methods import Method
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError

CASES = [Case("bad_image_tag", "typo", 1_000_000), Case("bad_image_tag", "typo", 1_000_001)]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """What was really measured, in order; measuring is replaced."""
    seen: list[tuple[int, str]] = []

    def measure(case: Case, method: Method) -> run.Result:
        seen.append((case.seed, method.name))
        return run.Result(
            case.fault, case.variant, case.seed, method.name, method.model, "resolve", "resolved", True, True, (), (),
            1, 1, 0.0, 0.1, 10, 5, 3.0, "resolved: done", "", run.format_hash(),
        )  # fmt: skip

    monkeypatch.setattr(run, "measure", measure)
    return seen


def test_what_is_there_already_is_not_measured_again(tmp_path: Path, measured: list[tuple[int, str]]) -> None:
    out = tmp_path / "results.jsonl"
    methods = [Method("restart", None)]
    run.run(CASES[:1], methods, out)

    results = run.run(CASES, methods, out)

    assert measured == [(1_000_000, "restart"), (1_000_001, "restart")]
    assert [result.seed for result in results] == [1_000_000, 1_000_001]


def test_another_model_is_measured_anew(tmp_path: Path, measured: list[tuple[int, str]]) -> None:
    out = tmp_path / "results.jsonl"
    run.run(CASES[:1], [Method("adapter", None, model="old")], out)

    run.run(CASES[:1], [Method("adapter", None, model="new")], out)

    assert len(measured) == 2


def test_a_line_that_was_cut_off_is_measured_again(tmp_path: Path, measured: list[tuple[int, str]]) -> None:
    out = tmp_path / "results.jsonl"
    run.run(CASES, [Method("restart", None)], out)
    out.write_text(out.read_text()[:-30])

    run.run(CASES, [Method("restart", None)], out)

    assert [seed for seed, _ in measured] == [1_000_000, 1_000_001, 1_000_001]
    assert len(list(run.read(out))) == 2


def test_a_file_of_something_else_is_refused_with_its_line(tmp_path: Path, measured: list[tuple[int, str]]) -> None:
    out = tmp_path / "results.jsonl"
    run.run(CASES[:1], [Method("restart", None)], out)
    out.write_text('{"other": 1}\n' + out.read_text())

    with pytest.raises(InputError, match=r"line 1, is no result"):
        run.run(CASES, [Method("restart", None)], out)


def test_a_result_survives_the_file(tmp_path: Path, measured: list[tuple[int, str]]) -> None:
    out = tmp_path / "results.jsonl"
    (result,) = run.run(CASES[:1], [Method("restart", None)], out)

    assert json.loads(out.read_text()) == json.loads(json.dumps(asdict(result)))
    assert next(iter(run.read(out))) == result


def test_a_case_that_cannot_be_staged_is_skipped_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def measure(case: Case, method: Method) -> run.Result:
        raise run.StageError(f"{case.key} does not show")

    monkeypatch.setattr(run, "measure", measure)
    methods = [Method("restart", None), Method("undo", None)]

    results = run.run(CASES[:1], methods, skip=lambda error: told.append(str(error)))

    assert results == []
    assert told == ["bad_image_tag/typo/1000000 does not show"]
