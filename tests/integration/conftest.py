"""The stage of these tests: see tests/staging.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from staging import Place, Player, ScriptedModel, on_lab, scripted_model, simulated


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """The simulated shop; by indirect parameter ``lab`` a namespace of its own on a real cluster."""
    with on_lab() if getattr(request, "param", "") == "lab" else simulated(tmp_path) as found:
        yield found


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    """The scripted server; set its ``answers``."""
    with scripted_model() as script:
        yield script


@pytest.fixture
def play(root: Path, place: Place, model: ScriptedModel, tmp_path: Path) -> Player:
    """ansible-playbook, ready to be called."""
    return Player(root, place, model, tmp_path / "out")
