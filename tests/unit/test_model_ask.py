"""Asking a model: what comes back is an Answer, whatever it wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.e2ereme.remediate.model import client
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Evidence, Fact, Inventory, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.policy import load_policy
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report import Report
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.step import EscalateStep, UnreadableStep

CART = ObjectRef("Deployment", "shop", "cart")
EVIDENCE = Evidence(
    (Fact("e1", "state", CART, "Deployment cart: 0/2 Pods ready", 1.0, "Pods"),),
    (CART,),
    Inventory(
        "shop",
        "2026-01-01T00:00:00Z",
        {"Deployment": ({"kind": "Deployment", "metadata": {"name": "cart"}, "spec": {}},)},
    ),
)
REPORT = Report("cart is down", (), "shop", "", "text", "cart is down")


class Says:
    """A model that says one thing."""

    fixed = "You repair."

    def __init__(self, text: str) -> None:
        self._text = text

    def complete(self, messages: Sequence[Mapping[str, str]], lark: str) -> client.Completion:
        return client.Completion(self._text, 10, 5, None)


def test_an_answer_in_the_format_is_its_step() -> None:
    said = "cites: e1\ndiagnosis: none\nstep: escalate\nreason: no access\n"
    assert isinstance(client.ask(Says(said), REPORT, EVIDENCE, load_policy()).step, EscalateStep)


def test_an_answer_out_of_the_format_is_an_unreadable_step_that_says_why() -> None:
    got = client.ask(Says("Sure! Here is a playbook."), REPORT, EVIDENCE, load_policy())

    assert isinstance(got.step, UnreadableStep)
    assert "cites" in got.step.why
    assert (got.text, got.tokens_in) == ("Sure! Here is a playbook.", 10)
