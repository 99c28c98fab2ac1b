"""Findings come all at once, with the line of the model's text and what would be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Inventory
from ansible_collections.e2ereme.remediate.plugins.plugin_utils import gate as gate_module
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.gate import gate
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.lint import Linted, Remark
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Finding, Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.policy import Policy

WRONG = """\
- tasks:
    - name: Scale
      become: true
      kubernetes.core.k8s_scale:
        api_version: apps/v1
        kind: Deployment
        namespace: prod
        name: wob
        replicas: 100
        kubeconfig: /tmp/x
"""
RIGHT = """\
- tasks:
    - name: Look
      kubernetes.core.k8s_info: {api_version: v1, kind: Pod, namespace: shop}
    - name: Scale
      kubernetes.core.k8s_scale: {api_version: apps/v1, kind: Deployment, namespace: shop, name: web, replicas: 3}
"""


def test_all_findings_come_at_once_in_the_order_of_lines(gated: Callable[[str], Any]) -> None:
    found = gated(WRONG)
    assert [(finding.rule, finding.line) for finding in found] == [
        ("task.keyword", 3),
        ("policy.namespace", 4),
        ("names.object", 4),
        ("policy.ceiling", 9),
        ("args.refused", 10),
    ]


def test_a_finding_says_where_in_the_playbook(gated: Callable[[str], Any]) -> None:
    assert gated(WRONG)[-1].where == "tasks[0].kubernetes.core.k8s_scale.kubeconfig"


def test_a_finding_about_a_name_tells_the_names_that_exist(gated: Callable[[str], Any]) -> None:
    told = next(finding.what for finding in gated(WRONG) if finding.rule == "names.object")
    assert told == "there is no Deployment wob in shop; there are cart, web"


def test_a_finding_about_an_alias_tells_the_argument(task_gated: Callable[[str], Any]) -> None:
    found = task_gated("kubernetes.core.k8s_info: {api: v1, kind: Pod, namespace: shop}")
    assert "api is an alias; write api_version" in [finding.what for finding in found]


def test_a_lint_remark_points_to_the_models_line(
    inventory: Inventory, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lint(text: str) -> Linted:
        line = text.splitlines().index('    - name: !unsafe "Scale"') + 1
        return Linted("passed", (Remark("name[casing]", "Names begin with a capital.", line + 1),))

    monkeypatch.setattr(gate_module, "lint", lint)
    found = gate(RIGHT, inventory, policy, "shop")
    assert found == (Finding("lint.name[casing]", "tasks[1]", "Names begin with a capital.", 4),)


def test_where_lint_is_not_installed_the_playbook_says_so(
    inventory: Inventory, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "lint", lambda text: Linted("not installed"))
    found = gate(RIGHT, inventory, policy, "shop")
    assert isinstance(found, Playbook)
    assert found.lint == "not installed"


def test_the_findings_of_a_huge_wrong_playbook_are_bounded(gated: Callable[[str], Any]) -> None:
    found = gated("- tasks:\n" + "    - shell: id\n" * 500)
    assert len(found) == 50
