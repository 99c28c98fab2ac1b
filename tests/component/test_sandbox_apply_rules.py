"""Server-side apply on the sandbox, against its documented rules (tests/applying.py)."""

import pytest
from applying import STEPS, Data, Variables, check
from hypothesis import given

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox


@pytest.mark.parametrize("shape", [Data(), Variables()], ids=["keys of a map", "items of a list"])
@given(steps=STEPS)
def test_values_owners_and_conflicts_are_as_documented(shape, steps):
    check(Sandbox().transport(), shape, "default", "shared", steps)
