"""What a report may name, or may not: words count where the cluster has objects of that name."""

from __future__ import annotations

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Evidence, Fact, Inventory, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.episode import Bounds
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.loop import remediate
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report import Report, Suspect
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.wishes import Look, Tell, Write

CART = ObjectRef("Deployment", "shop", "cart")
MANIFEST = {"kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"}}
BROKEN = Evidence(
    (Fact("e1", "state", CART, "Deployment cart: 0/1 Pods ready", 1.0, "Pods"),),
    (CART,),
    Inventory("shop", "2026-03-02T10:00:00Z", {"Deployment": (MANIFEST,)}),
)


def first_wish(*suspects: Suspect) -> object:
    """What the loop wants once it has looked; None where it has ended."""
    report = Report("it is down", suspects, "shop", "", "text", "it is down")
    loop = remediate(report, Bounds(), lambda: 0.0)
    wish: object = next(loop)
    try:
        while not isinstance(wish, Write):
            wish = loop.send(BROKEN if isinstance(wish, Look) else None)
        return wish
    except StopIteration as end:
        return end.value.outcome


@pytest.mark.parametrize(
    ("suspects", "goes_on"),
    [
        ((Suspect("ghost"),), False),
        ((Suspect("ghost", sure=False),), True),
        ((Suspect("ghost"), Suspect("fyi", sure=False)), False),
        ((Suspect("ghost"), Suspect("cart", sure=False)), True),
    ],
)
def test_only_what_surely_is_a_name_can_be_missing(suspects: tuple[Suspect, ...], goes_on: bool) -> None:
    found = first_wish(*suspects)
    assert isinstance(found, Write) if goes_on else found == "escalated"


def test_while_looking_only_sure_names_are_told() -> None:
    report = Report("x", (Suspect("cart"), Suspect("fyi", sure=False)), "shop", "", "text", "x")
    told = next(remediate(report, Bounds(), lambda: 0.0))
    assert isinstance(told, Tell)
    assert told.text == "looking at cart in namespace shop"
