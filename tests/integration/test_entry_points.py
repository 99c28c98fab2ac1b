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

    def run(tasks: str, *arguments: str, hosts: str = "localhost", **variables: Any) -> tuple[Played, dict[str, Any]]:
        kept = tmp_path / "kept.json"
        kept.unlink(missing_ok=True)
        head: list[dict[str, Any]] = [{"name": "Test", "hosts": hosts, "gather_facts": False, "connection": "local"}]
        head[0]["tasks"] = yaml.safe_load(textwrap.dedent(tasks))
        head[0]["module_defaults"] = {
            "group/e2ereme.remediate.remediate": {"kubeconfig": play.place.kubeconfig},
        }
        keep = {"name": "Keep", "ansible.builtin.copy": {"content": "{{ done | to_json }}", "dest": str(kept)}}
        head[0]["tasks"].append({**keep, "check_mode": False, "run_once": True})
        path = tmp_path / "book.yml"
        path.write_text(yaml.safe_dump(head))
        played = play(*arguments, playbook=str(path), space=play.place.namespace, **variables)
        return played, json.loads(kept.read_text()) if kept.exists() else {}

    return run


def test_probe_says_what_is_wrong_in_check_mode_too_and_changes_nothing(play: Player, book: Any) -> None:
    play.place.break_image()
    tasks = """
    - e2ereme.remediate.probe:
        namespace: "{{ space }}"
        suspects: "{{ ('deployment/cart does not answer' | e2ereme.remediate.report(space)).suspects }}"
      register: done
    """
    played, done = book(tasks, "--check")

    assert played.rc == 0, played.output
    assert done["changed"] is False
    assert any("cart" in line and "ImagePull" in line for line in done["anomalies"]), done["anomalies"]
    fact = next(fact for fact in done["evidence"]["facts"] if fact["anomaly"])
    assert set(fact) == {"id", "kind", "subject", "text", "anomaly", "source", "time"}
    assert done["evidence"]["near"][0] == {"kind": "Deployment", "namespace": play.place.namespace, "name": "cart"}


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


def test_what_cannot_be_used_is_said(book: Any) -> None:
    cases = {
        "e2ereme.remediate.probe: {namespace: not-there}": "The namespace not-there does not exist",
        "e2ereme.remediate.probe: {namespace: shop, suspects: [{kind: Pod}]}": "Entry 1 of suspects names nothing",
        "e2ereme.remediate.probe: {namespace: shop, kubeconfig: /does/not/exist}": "/does/not/exist",
        "e2ereme.remediate.verify: {namespace: shop, workloads: [ghost]}": "has no workload ghost",
        "e2ereme.remediate.verify: {namespace: shop, checks: [{path: /}]}": "Check 1 has no name",
        "e2ereme.remediate.lint: {namespace: shop, playbook: /not/there.yml}": "'/not/there.yml' cannot be read",
    }
    names = [f"said{number}" for number in range(len(cases))]
    lines = [f"- {task}\n  register: {name}\n  ignore_errors: true" for task, name in zip(cases, names, strict=True)]
    kept = "[" + ", ".join(f"{name}.msg" for name in names) + "]"
    lines.append(f"- ansible.builtin.set_fact: {{done: {{said: '{{{{ {kept} }}}}'}}}}")
    played, done = book("\n".join(lines) + "\n")

    for message, said in zip(cases.values(), done["said"], strict=True):
        assert message in said, played.output
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
    inventory = ("-i", "one,two,", "--forks", "2", f"-eansible_python_interpreter={sys.executable}")
    played, done = book(tasks, *inventory, hosts="all")

    assert played.rc == 0, played.output
    assert len(set(done)) == 1 and play.place.good in done[0]
    assert len(play.model.asked) == 1, "two hosts, three evaluations on each"
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
    - ansible.builtin.set_fact:
        done: {text: "{{ lookup('e2ereme.remediate.playbook', report, errors='ignore', **how) }}"}
      vars: &how
        how: {namespace: "{{ space }}", kubeconfig: "{{ remediate_kubeconfig }}", model: "{{ remediate_model }}"}
    - ansible.builtin.debug: {msg: "{{ lookup('e2ereme.remediate.playbook', report, **how) }}"}
      vars: *how
      ignore_errors: true
    """
    played, done = book(tasks)

    assert "escalated: a person must push the image" in played.output
    assert not done["text"], "errors=ignore gives nothing, as with every lookup"
    assert len(play.model.asked) == 1


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


SHELL = "- hosts: all\n  tasks:\n    - ansible.builtin.shell: reboot\n"


def test_lint_names_rule_and_line_of_each_finding(play: Player, book: Any, tmp_path: Path) -> None:
    good = GOOD.replace("{space}", play.place.namespace).replace("{name}", "cart")
    typo, many = good.replace("name: cart", "name: crt"), good.replace("replicas: 2", "replicas: 2000")
    cases: list[tuple[str, bool, list[tuple[int, str]]]] = [
        (good, True, []),
        (typo, True, [(5, "names.object")]),
        (typo, False, []),
        (many, False, [(10, "policy.ceiling")]),
        (good.replace("Scale", "scale"), False, [(4, "lint.name[casing]")]),
        (SHELL, False, [(1, "play.keyword"), (3, "task.module")]),
    ]
    asked = []
    for number, (text, cluster, _) in enumerate(cases):
        file = tmp_path / f"proposed-{number}.yml"
        file.write_text(text)
        asked.append({"playbook": str(file), "cluster": cluster})
    tasks = f"""
    - e2ereme.remediate.lint:
        playbook: "{{{{ item.playbook }}}}"
        namespace: "{{{{ space }}}}"
        cluster: "{{{{ item.cluster }}}}"
      loop: {json.dumps(asked)}
      register: done
      ignore_errors: true
    """
    played, done = book(tasks)

    for (_, cluster, findings), result in zip(cases, done["results"], strict=True):
        assert [(finding["line"], finding["rule"]) for finding in result["findings"]] == findings, played.output
        assert result["failed"] is bool(findings)
        assert bool(result["playbook"]) is not bool(findings)
        assert bool(result["unchecked"]) is not cluster


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
        verify_checks: [{name: cart, kind: service, path: /healthz, max_seconds: 5}]
        verify_settle: 2
        verify_kubeconfig: "{{ remediate_kubeconfig }}"
    - ansible.builtin.set_fact: {done: {probed: "{{ probe_result.anomalies }}", healthy: "{{ verify_result.healthy }}"}}
    """
    played, done = book(tasks)

    assert played.rc == 0, played.output
    assert done == {"probed": [], "healthy": True}
