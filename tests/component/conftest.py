"""What many component tests begin with."""

from __future__ import annotations

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop


@pytest.fixture
def sandbox() -> Sandbox:
    made = Sandbox(shop(), seed=3)
    made.advance(60)
    return made
