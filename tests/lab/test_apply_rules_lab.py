"""Server-side apply on a real API server, against the same written rules: the rules are the right ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from applying import STEPS, Data, Step, Variables, check
from hypothesis import HealthCheck, given, settings

from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import Api

pytestmark = pytest.mark.lab

SPACE = "apply-rules-lab-test"
NUMBERS = count()


@pytest.fixture(scope="module")
def transport() -> Iterator[KubernetesTransport]:
    transport = KubernetesTransport()
    api = Api(transport)
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}, "test")
    try:
        yield transport
    finally:
        api.delete("Namespace", "", SPACE)


@pytest.mark.parametrize("shape", [Data(), Variables()], ids=["keys of a map", "items of a list"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_a_real_api_server_keeps_the_documented_rules(
    transport: KubernetesTransport, shape: Data | Variables, steps: list[Step]
) -> None:
    check(transport, shape, SPACE, f"shared-{next(NUMBERS)}", steps)
