"""The parts used apart: probe, verify, lint and the lookup, through real Ansible."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from staging import Played, Player, patch

ESCALATE = "cites: e1\ndiagnosis: beyond reach\nstep: escalate\nreason: a person must push the image\n"


@pytest.fixture
def book(play: Player, tmp_path: Path) -> Any:
    """Runs tasks on the Place and keeps what they register, by name, as JSON."""

    def run(tasks: str, *arguments: str, **variables: Any) -> tuple[Played, dict[str, Any]]:
        kept = tmp_path / "kept.json"
        kept.unlink(missing_ok=True)
        head = [{"name": "Test", "hosts": "localhost", "gather_facts": False, "tasks": []}]
        head[0]["tasks"] = yaml.safe_load(textwrap.dedent(tasks))
        head[0]["module_defaults"] = {
            "group/e2ereme.remediate.remediate": {"kubeconfig": play.place.kubeconfig},
        }
        keep = {"name": "Keep", "ansible.builtin.copy": {"content": "{{ done | to_json }}", "dest": str(kept)}}
        head[0]["tasks"].append({**keep, "check_mode": False})
        path = tmp_path / "book.yml"
        path.write_text(yaml.safe_dump(head))
        played = play(*arguments, playbook=str(path), space=play.place.namespace, **variables)
        return played, json.loads(kept.read_text()) if kept.exists() else {}

    return run


def test_probe_says_what_is_wrong_and_changes_nothing(play: Player, book: Any) -> None:
    play.place.break_image()
    tasks = """
    - e2ereme.remediate.probe: {namespace: "{{ space }}", suspects: [cart]}
      register: done
    """
    played, done = book(tasks, "--check")

    assert played.rc == 0, played.output
    assert done["changed"] is False
    assert any("cart" in line and "ImagePull" in line for line in done["anomalies"]), done["anomalies"]
    fact = next(fact for fact in done["evidence"]["facts"] if fact["anomaly"])
    assert set(fact) == {"id", "kind", "subject", "text", "anomaly", "source", "time"}
    assert done["evidence"]["near"][0] == {"kind": "Deployment", "namespace": play.place.namespace, "name": "cart"}


def test_probe_takes_the_suspects_of_a_report(book: Any) -> None:
    tasks = """
    - e2ereme.remediate.probe:
        namespace: "{{ space }}"
        suspects: "{{ ('deployment/cart does not answer' | e2ereme.remediate.report(space)).suspects }}"
      register: done
    """
    played, done = book(tasks)

    assert played.rc == 0, played.output
    assert done["anomalies"] == []
    assert done["evidence"]["near"][0]["name"] == "cart"


def test_verify_holds_on_a_healthy_namespace_with_the_users_own_check(book: Any) -> None:
    tasks = """
    - e2ereme.remediate.verify:
        namespace: "{{ space }}"
        settle: 2
        checks: [{name: cart, kind: Service, path: /healthz, max_seconds: 5}]
      register: done
    """
    played, done = book(tasks)

    assert played.rc == 0, played.output
    assert done["healthy"] is True
    assert done["verdict"]["held_seconds"] >= 2
    assert any(check["name"].startswith("asserted") and check["passed"] for check in done["verdict"]["checks"])


def test_verify_names_each_check_that_failed_with_measure_and_bound(play: Player, book: Any) -> None:
    play.place.break_image()
    tasks = """
    - e2ereme.remediate.verify: {namespace: "{{ space }}", workloads: [cart], settle: 1, timeout: 5}
      register: done
      ignore_errors: true
    """
    played, done = book(tasks)

    assert done["failed"] is True, played.output
    assert done["msg"].startswith("not healthy: ")
    assert "Deployment cart rollout" in done["msg"]
    assert done["healthy"] is False


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("e2ereme.remediate.probe: {namespace: not-there}", "not-there"),
        ("e2ereme.remediate.probe: {namespace: shop, suspects: [{kind: Pod}]}", "Entry 1 of suspects names nothing"),
        ("e2ereme.remediate.verify: {namespace: shop, workloads: [ghost]}", "has no workload ghost"),
        ("e2ereme.remediate.verify: {namespace: shop, settle: 1, checks: [{path: /}]}", "Check 1 has no name"),
        ("e2ereme.remediate.probe: {namespace: shop, kubeconfig: /does/not/exist}", "/does/not/exist"),
    ],
)
def test_what_cannot_be_used_is_said(book: Any, task: str, message: str) -> None:
    played, done = book(f"- {task}\n  register: done\n  ignore_errors: true\n")

    assert message in done["msg"], played.output
    assert "Traceback" not in played.output


def test_the_lookup_gives_a_playbook_that_runs_by_itself_and_asks_the_model_once(
    play: Player, book: Any, tmp_path: Path
) -> None:
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]
    tasks = """
    - ansible.builtin.set_fact:
        done: "{{ [lookup(name, report, **how), lookup(name, report, **how)] }}"
      vars: &how
        name: e2ereme.remediate.playbook
        how: {namespace: "{{ space }}", kubeconfig: "{{ remediate_kubeconfig }}", model: "{{ remediate_model }}"}
    - ansible.builtin.set_fact:
        done: "{{ done + [lookup(name, report, **how)] }}"
      vars: *how
    """
    played, done = book(tasks)

    assert played.rc == 0, played.output
    assert len(set(done)) == 1 and play.place.good in done[0]
    assert len(play.model.asked) == 1
    assert play.place.image() == play.place.bad, "a lookup changes nothing"
    again, kept = book(tasks)
    assert again.rc == 0 and kept == done
    assert len(play.model.asked) == 1, "the Evidence says the same"

    written = tmp_path / "written.yml"
    written.write_text(done[0])
    ran = play(f"-eansible_python_interpreter={sys.executable}", playbook=str(written))
    assert "Patch" in ran.output


def test_the_lookup_fails_with_the_outcome_where_a_person_must_act(play: Player, book: Any) -> None:
    play.place.break_image()
    play.model.answers = [ESCALATE]
    tasks = """
    - ansible.builtin.debug: {msg: "{{ lookup('e2ereme.remediate.playbook', report, **how) }}"}
      vars:
        how: {namespace: "{{ space }}", kubeconfig: "{{ remediate_kubeconfig }}", model: "{{ remediate_model }}"}
    """
    played, _ = book(tasks)

    assert played.rc == 2
    assert "escalated: a person must push the image" in played.output


GOOD = """
- name: Repair shop
  tasks:
    - name: Scale cart
      kubernetes.core.k8s_scale:
        api_version: apps/v1
        kind: Deployment
        namespace: {space}
        name: {name}
        replicas: 2
"""


@pytest.mark.parametrize(
    ("text", "cluster", "rules"),
    [
        (GOOD.replace("{name}", "cart"), True, []),
        (GOOD.replace("{name}", "crt"), True, ["names.object"]),
        (GOOD.replace("{name}", "crt"), False, []),
        (GOOD.replace("{name}", "cart").replace("replicas: 2", "replicas: 2000"), False, ["policy.ceiling"]),
        ("- hosts: all\n  tasks:\n    - ansible.builtin.shell: reboot\n", False, ["play.keyword", "task.module"]),
    ],
)
def test_lint_names_rule_and_line_of_each_finding(
    play: Player, book: Any, tmp_path: Path, text: str, cluster: bool, rules: list[str]
) -> None:
    file = tmp_path / "proposed.yml"
    file.write_text(text.replace("{space}", play.place.namespace))
    tasks = f"""
    - e2ereme.remediate.lint: {{playbook: "{file}", namespace: "{{{{ space }}}}", cluster: {str(cluster).lower()}}}
      register: done
      ignore_errors: true
    """
    played, done = book(tasks)

    found = done["findings"]
    assert {finding["rule"] for finding in found} == set(rules), played.output
    assert done["failed"] is bool(rules)
    assert bool(done["playbook"]) is not bool(rules)
    assert all(finding["line"] > 0 for finding in found)
    assert bool(done["unchecked"]) is not cluster


def test_the_roles_do_what_the_modules_do(play: Player, book: Any) -> None:
    tasks = """
    - ansible.builtin.include_role: {name: e2ereme.remediate.probe}
      vars:
        probe_namespace: "{{ space }}"
        probe_required_healthy: true
        probe_kubeconfig: "{{ remediate_kubeconfig }}"
    - ansible.builtin.include_role: {name: e2ereme.remediate.verify}
      vars:
        verify_namespace: "{{ space }}"
        verify_workloads: [cart]
        verify_settle: 1
        verify_kubeconfig: "{{ remediate_kubeconfig }}"
    - ansible.builtin.set_fact: {done: {probed: "{{ probe_result.anomalies }}", healthy: "{{ verify_result.healthy }}"}}
    """
    played, done = book(tasks)

    assert played.rc == 0, played.output
    assert done == {"probed": [], "healthy": True}
