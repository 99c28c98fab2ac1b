"""``e2ereme bench`` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import pytest

from ansible_collections.e2ereme.remediate.benchmark import cases, run
from ansible_collections.e2ereme.remediate.cli.main import main

ARGUMENTS = ["bench", "--faults", "scaled_to_zero", "--seeds", "1", "--methods", "nothing,expert"]


def test_it_prints_the_table_and_writes_both_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, table = tmp_path / "results.jsonl", tmp_path / "table.json"

    status = main([*ARGUMENTS, "--out", str(out), "--json", str(table)])

    printed = capsys.readouterr().out
    assert status == 0
    assert "| scaled_to_zero | 1 | 0 (0 %) | 1 (100 %) |" in printed
    assert "| false_report | 1 | 1 (100 %) | 1 (100 %) |" in printed
    assert len(out.read_text().splitlines()) == 4
    assert {row["method"] for row in json.loads(table.read_text())["rows"]} == {"nothing", "expert"}


def test_an_unknown_fault_ends_it_with_the_known_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["bench", "--faults", "gremlins", "--out", str(tmp_path / "results.jsonl")])

    assert status == 1
    assert "bad_image_tag" in capsys.readouterr().err


def test_cases_that_cannot_be_staged_are_told_in_place_of_an_empty_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(case: cases.Case, _method: object) -> NoReturn:
        raise cases.StageError(f"{case.key}: nothing to break")

    monkeypatch.setattr(run, "measure", refuse)
    asked = ["bench", "--faults", "bad_image_tag", "--seeds", "1", "--methods", "nothing", "--no-false-reports"]
    assert main([*asked, "--out", str(tmp_path / "results.jsonl")]) == 1
    assert "No case could be staged: bad_image_tag" in capsys.readouterr().err
