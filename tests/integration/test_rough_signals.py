"""A remediation that is interrupted leaves nothing behind: a few moments of the thirty of ``make interrupts``."""

from __future__ import annotations

from pathlib import Path

import pytest
from interrupting import Moment, interrupt
from staging import Place, ScriptedModel

MOMENTS = (
    Moment("write", 0.1, "SIGHUP"),
    Moment("snapshot", 0.0, "SIGTERM"),
    Moment("task", 0.3, "SIGKILL"),
    Moment("verify", 0.1, "Ctrl-C twice"),
    Moment("run", 0.4, "worker SIGKILL"),
)


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_nothing_is_left_behind(root: Path, tmp_path: Path, place: Place, model: ScriptedModel, moment: Moment) -> None:
    found = interrupt(root, tmp_path, place, model, moment)

    assert found.problems == []
