"""argspecs.json is what the installed kubernetes.core declares."""

from __future__ import annotations

import pytest

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.argspec import ARGUMENTS
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.argspec_capture import TARGET, capture, render

pytest.importorskip("ansible_collections.kubernetes.core.plugins.modules.k8s")


def test_the_captured_specs_are_up_to_date() -> None:
    assert TARGET.read_text() == render(capture())


def test_every_allowed_argument_is_one_that_the_module_has() -> None:
    specs = capture()
    for module, allowed in ARGUMENTS.items():
        declared = specs[module]["argument_spec"]
        names = set(declared) | {alias for entry in declared.values() for alias in entry.get("aliases", ())}
        assert allowed <= names
