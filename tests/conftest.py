"""What all tests share: where the checkout is, which tests need a real cluster, how hypothesis searches."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# A noisy machine is no failure; and the same commit must give the same result: seeds come from the test itself.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository root, which is the collection root."""
    return ROOT


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in tests/lab need a real Kubernetes; without one they are skipped, and say why."""
    needs_cluster = pytest.mark.skip(reason="no real cluster: set KUBECONFIG, and LAB=1 for make test")
    for item in items:
        if ROOT / "tests" / "lab" in item.path.parents:
            item.add_marker(pytest.mark.lab)
        if item.get_closest_marker("lab") and not os.environ.get("KUBECONFIG"):
            item.add_marker(needs_cluster)
