"""Which workload a report names."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.benchmark.named import named_workload
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Inventory, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report import Report, Suspect


def workload(name: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": []}}
    return {"kind": "Deployment", "metadata": {"name": name, "namespace": "shop"}, "spec": {"template": template}}


INVENTORY = Inventory(
    "shop",
    "2026-01-01T00:00:00Z",
    {
        "Deployment": (workload("cart"), workload("cart-store")),
        "Service": (
            {
                "kind": "Service",
                "metadata": {"name": "basket", "namespace": "shop"},
                "spec": {"selector": {"app": "cart"}},
            },
        ),
    },
)


def report(*suspects: Suspect) -> Report:
    return Report("", suspects, "shop", "", "text", "")


@pytest.mark.parametrize(
    ("suspect", "name"),
    [
        (Suspect("cart"), "cart"),
        (Suspect("cart", "Deployment"), "cart"),
        (Suspect("basket", "Service"), "cart"),
        (Suspect("cart-store-5d9f7c-x2x4z", "Pod"), "cart-store"),
    ],
)
def test_a_suspect_leads_to_its_workload(suspect: Suspect, name: str) -> None:
    assert named_workload(report(suspect), INVENTORY) == ObjectRef("Deployment", "shop", name)


def test_the_first_suspect_that_leads_somewhere_counts() -> None:
    found = named_workload(report(Suspect("nowhere"), Suspect("cart-store")), INVENTORY)

    assert found == ObjectRef("Deployment", "shop", "cart-store")


def test_a_report_without_names_names_nothing() -> None:
    assert named_workload(report(), INVENTORY) is None
