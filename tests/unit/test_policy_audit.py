"""The audit log's chain."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.audit import append, verify


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    for outcome in ("resolved", "escalated", "refused"):
        append(path, {"outcome": outcome})
    return path


def test_an_untouched_chain_is_whole(log: Path) -> None:
    assert verify(log) == ()


def test_a_changed_line_is_found(log: Path) -> None:
    log.write_text(log.read_text().replace("escalated", "resolved"))
    assert verify(log) == ("line 2 was changed",)


def test_a_removed_line_is_found(log: Path) -> None:
    lines = log.read_text().splitlines(keepends=True)
    log.write_text(lines[0] + lines[2])
    assert verify(log) == ("line 2 does not follow the line before it",)


def test_a_line_that_is_no_record_is_found(log: Path) -> None:
    log.write_text("hello\n" + log.read_text())
    assert verify(log) == ("line 1 is not a record",)


def test_only_its_owner_may_read_it(log: Path) -> None:
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        append(tmp_path / "none" / "audit.jsonl", {})
