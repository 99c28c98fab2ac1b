"""Alertmanager's webhook, k8sgpt's JSON, and structures of no particular tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report import Suspect
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report_parse import LARGEST, parse_report


def alert(status: str = "firing", **labels: str) -> dict[str, Any]:
    notes = {"summary": f"{labels.get('deployment', 'it')} is broken"}
    return {"status": status, "labels": {"alertname": "Down", **labels}, "annotations": notes}


def webhook(*alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"version": "4", "receiver": "ops", "groupLabels": {}, "alerts": list(alerts), **more}


def test_an_alert_names_namespace_suspect_and_severity() -> None:
    report = parse_report(webhook(alert(namespace="shop", deployment="cart", severity="Critical")))
    assert (report.namespace, report.suspects, report.severity) == (
        "shop",
        (Suspect("cart", "Deployment"),),
        "critical",
    )


def test_the_webhook_is_the_same_as_text() -> None:
    data = webhook(alert(namespace="shop", deployment="cart"))
    assert parse_report(json.dumps(data)) == parse_report(data)


def test_several_alerts_give_all_suspects_of_one_namespace() -> None:
    report = parse_report(
        webhook(
            alert(namespace="shop", deployment="cart"),
            alert(namespace="shop", pod="web-5b5c6f9dcc-8q2kr"),
            alert(namespace="other", deployment="db"),
        )
    )
    assert {item.name for item in report.suspects} == {"cart", "web"}


def test_resolved_alerts_beside_a_firing_one_do_not_count() -> None:
    report = parse_report(
        webhook(alert("resolved", namespace="shop", deployment="web"), alert(namespace="shop", deployment="cart"))
    )
    assert (report.resolved, [item.name for item in report.suspects]) == (False, ["cart"])


def test_only_resolved_alerts_make_a_resolved_report() -> None:
    assert parse_report(webhook(alert("resolved", namespace="shop", deployment="web"))).resolved


def test_common_labels_fill_in() -> None:
    assert parse_report(webhook(alert(deployment="cart"), commonLabels={"namespace": "shop"})).namespace == "shop"


def test_k8sgpt_results_name_the_parent() -> None:
    data = {
        "status": "ProblemDetected",
        "problems": 1,
        "results": [
            {
                "kind": "Pod",
                "name": "shop/cart-5b5c6f9dcc-8q2kr",
                "error": [{"Text": "Back-off pulling image x"}],
                "parentObject": "Deployment/cart",
            }
        ],
    }
    report = parse_report(data)
    assert (report.source, report.namespace, report.suspects) == ("k8sgpt", "shop", (Suspect("cart", "Deployment"),))
    assert "Back-off pulling image x" in report.summary


def test_k8sgpt_without_problems_is_resolved() -> None:
    assert parse_report({"status": "OK", "problems": 0, "results": None}, "shop").resolved


def test_yaml_of_no_particular_tool() -> None:
    report = parse_report("namespace: shop\nservice: cart\nseverity: high\nsummary: slow since noon\n")
    assert (report.namespace, report.suspects, report.summary) == (
        "shop",
        (Suspect("cart", "Service"),),
        "slow since noon",
    )


def test_a_sentence_with_a_colon_is_no_yaml() -> None:
    assert parse_report("cart is down\nnote: since noon", "shop").source == "text"


def test_an_object_reference_is_a_suspect() -> None:
    data = {"message": "x", "involvedObject": {"kind": "Deployment", "name": "cart", "namespace": "shop"}}
    assert parse_report(data).suspects == (Suspect("cart", "Deployment"),)


def test_a_path_is_read(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    file.write_text("the cart service is down in namespace shop")
    assert parse_report(str(file)).suspects == (Suspect("cart", "Service"),)


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        parse_report(str(tmp_path / "none.json"), "shop")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"a\0b", "binary"),
        (b"pay\xe9 is down", "UTF-8"),
        (b"x" * (LARGEST + 1), "larger"),
    ],
    ids=["empty", "blank", "binary", "latin-1", "large"],
)
def test_unusable_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "report"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        parse_report(str(file), "shop")


def test_two_megabytes_of_text_are_read() -> None:
    assert parse_report("the cart service is down. " + "x " * 1_000_000, "shop").suspects[0].name == "cart"


@pytest.mark.parametrize("value", [None, 3, True])
def test_what_is_no_report_is_refused(value: Any) -> None:
    with pytest.raises(InputError):
        parse_report(value, "shop")


def test_without_a_namespace_the_error_names_the_option() -> None:
    with pytest.raises(InputError, match="remediate_namespace"):
        parse_report("cart is down")


def test_yaml_aliases_do_not_explode() -> None:
    lines = ["summary: cart is down", "a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}]" for i in range(1, 20)]
    assert parse_report("\n".join(lines), "shop").namespace == "shop"
