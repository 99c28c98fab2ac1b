"""What is encoded piece by piece is the same, byte for byte, as what json would write at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.api.claims import with_claims
from ansible_collections.e2ereme.remediate.sandbox.api.encoding import encoded
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop


def plainly(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    made = Sandbox(shop(), seed=3)
    made.advance(60)
    return made


@pytest.mark.parametrize("kind", ["Pod", "Deployment", "ReplicaSet", "Service", "Node", "Event", "ConfigMap"])
def test_objects_of_a_cluster(sandbox: Sandbox, kind: str) -> None:
    objects = [with_claims(obj) for obj in sandbox.store.list(kind)]
    assert objects
    for obj in (*objects, *objects):  # the second time from what was kept
        assert encoded(obj) == plainly(obj)


@pytest.mark.parametrize(
    "obj",
    [
        {},
        {"metadata": {"managedFields": []}},
        {"metadata": {"managedFields": [{"fieldsV1": {}}], "name": "a"}, "spec": {"containers": []}},
        {"metadata": {"name": 'ä"\\', "managedFields": [{"manager": "m", "fieldsV1": {"f:a": {}}, "time": None}]}},
        {"metadata": {"name": "\x00kept\x00", "managedFields": [{"fieldsV1": {"f:a": {}}}]}},
        {"spec": {"a": 1, "containers": [{}, {"env": [], "args": ["<&>"], "name": "x"}], "z": [True, 1.5]}},
    ],
)
def test_any_shape(obj: dict[str, Any]) -> None:
    assert encoded(obj) == plainly(obj)
