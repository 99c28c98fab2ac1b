"""The playbook from outside: what a user gives, sees, and gets back."""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from staging import Player, patch

from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.audit import verify as verify_chain

ON_BOTH = pytest.mark.parametrize("place", ["sandbox", pytest.param("lab", marks=pytest.mark.lab)], indirect=True)
ESCALATE = "cites: e1\ndiagnosis: beyond reach\nstep: escalate\nreason: a person must push the image\n"


@ON_BOTH
def test_a_good_playbook_resolves_and_leaves_an_episode(play: Player, root: Path) -> None:
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]

    played = play()

    assert played.rc == 0, played.output
    assert played.episode["outcome"] == "resolved"
    assert play.place.image() == play.place.good
    schema = json.loads((root / "docs" / "episode.schema.json").read_text("utf-8"))
    jsonschema.validate(played.episode, schema)
    assert "changed=1" in played.output
    assert verify_chain(played.folder.parent / "state" / "e2ereme" / "audit.jsonl") == ()
    for line in ("probe", "write", "attempt 1: passed: ", "verify", "resolved: "):
        assert line in played.output, played.output
    attempt = {path.name for path in (played.folder / "attempt-1").iterdir()}
    files = {"answer.txt", "evidence.txt", "playbook.yml", "undo.yml", "diff.txt", "before.json", "after.json"}
    assert attempt == files


def test_ansible_runner_repairs_as_well(play: Player) -> None:
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]

    played = play(remediate_runner="ansible_runner")

    assert played.rc == 0, played.output
    assert play.place.image() == play.place.good
    assert played.episode["attempts"][0]["run"]["tasks"][0]["status"] == "changed"


def test_an_engine_that_is_not_there_breaks_before_anything_is_changed(
    play: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]

    played = play(remediate_execution_environment="quay.io/org/ee:1")

    assert played.rc == 2
    assert "podman, which should run the execution environment" in played.output
    assert play.place.image() == play.place.bad


def test_its_undo_is_an_ordinary_playbook(play: Player) -> None:
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]
    assert play().rc == 0

    os.environ["K8S_AUTH_KUBECONFIG"] = play.place.kubeconfig
    try:
        undone = play(playbook=str(play.folder / "attempt-1" / "undo.yml"))
    finally:
        del os.environ["K8S_AUTH_KUBECONFIG"]

    assert undone.rc == 0, undone.output
    assert play.place.image() == play.place.bad


def test_an_escalation_fails_the_task_with_its_reason(play: Player) -> None:
    play.place.break_image()
    play.model.answers = [ESCALATE]

    played = play()

    assert played.rc == 2
    assert "escalated: a person must push the image" in played.output
    assert played.episode["changed"] == []


def test_a_rescue_gets_the_message(play: Player, tmp_path: Path) -> None:
    play.place.break_image()
    play.model.answers = [ESCALATE]
    book = tmp_path / "book.yml"
    book.write_text(
        textwrap.dedent("""\
        - hosts: localhost
          gather_facts: false
          tasks:
            - block:
                - ansible.builtin.include_role: {name: e2ereme.remediate.remediate}
                  vars: {remediate_report: "{{ report }}"}
              rescue:
                - ansible.builtin.debug: {msg: "paged: {{ remediate_result.message }}"}
        """)
    )

    played = play(playbook=str(book))

    assert played.rc == 0, played.output
    assert "paged: escalated: a person must push the image" in played.output


def test_what_does_not_help_is_undone(play: Player) -> None:
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.worse)]

    played = play(remediate_attempts=1)

    assert played.rc == 2
    assert "exhausted: " in played.output
    attempt = played.episode["attempts"][0]
    assert attempt["run"]["rc"] == 0
    assert attempt["verdict"]["healthy"] is False
    assert attempt["undone"]["complete"] is True
    assert play.place.image() == play.place.bad


def test_the_next_attempt_is_told_what_came_of_the_last(play: Player) -> None:
    play.place.break_image()
    play.model.answers = [
        patch(play.place, play.place.worse),
        patch(play.place, play.place.good),
    ]

    played = play()

    assert played.rc == 0, played.output
    assert [bool(a["undone"]) for a in played.episode["attempts"]] == [True, False]
    assert play.place.worse in json.dumps(play.model.asked[-1]["messages"])


@ON_BOTH
def test_plan_mode_changes_nothing_and_shows_the_playbook(play: Player) -> None:
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]

    played = play(remediate_mode="plan")

    assert played.rc == 0, played.output
    assert "changed=0" in played.output
    assert played.episode["outcome"] == "planned"
    assert f"+      - image: {play.place.good}" in (played.folder / "attempt-1" / "diff.txt").read_text()
    assert play.place.image() == play.place.bad


@ON_BOTH
def test_check_mode_says_what_would_change_and_diff_mode_shows_it(play: Player) -> None:
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]

    played = play("--check", "--diff")

    assert played.rc == 0, played.output
    assert "changed=1" in played.output
    assert re.search(rf"(?m)^\+ .*image: {re.escape(play.place.good)}$", played.output)
    assert play.place.image() == play.place.bad


def test_a_healthy_service_is_left_alone_without_asking_the_model(play: Player) -> None:
    played = play()

    assert played.rc == 0, played.output
    assert played.episode["outcome"] == "healthy"
    assert play.model.asked == []


def test_a_service_that_does_not_exist_is_escalated(play: Player) -> None:
    played = play(report="Deployment nonexistent-thing is down")

    assert played.rc == 2
    assert played.episode["outcome"] == "escalated"
    assert "nonexistent-thing" in played.episode["message"]


def test_on_many_hosts_it_works_once_on_the_controller(play: Player, tmp_path: Path) -> None:
    book = tmp_path / "book.yml"
    book.write_text(
        textwrap.dedent("""\
        - hosts: all
          gather_facts: false
          tasks:
            - ansible.builtin.import_role: {name: e2ereme.remediate.remediate}
              vars: {remediate_report: "{{ report }}"}
            - ansible.builtin.debug: {msg: "{{ inventory_hostname }} {{ remediate_result.outcome }}"}
        """)
    )

    played = play("-i", "one.invalid,two.invalid,three.invalid", playbook=str(book))

    assert played.rc == 0, played.output
    assert played.output.count("looking at ") == 1
    for host in ("one", "two", "three"):
        assert f"{host}.invalid healthy" in played.output


def test_no_log_hides_report_and_findings(play: Player, tmp_path: Path) -> None:
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]
    book = tmp_path / "book.yml"
    book.write_text(
        textwrap.dedent("""\
        - hosts: localhost
          gather_facts: false
          tasks:
            - ansible.builtin.include_role: {name: e2ereme.remediate.remediate, apply: {no_log: true}}
              vars: {remediate_report: "{{ report }}"}
        """)
    )

    played = play("-vvv", playbook=str(book))

    assert played.rc == 0, played.output
    assert play.place.bad not in played.output


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"report": ""}, "empty"),
        ({"remediate_namespace": "not-there"}, "not-there"),
        ({"remediate_kubeconfig": "/does/not/exist"}, "kubeconfig"),
        ({"remediate_model": "/does/not/exist"}, "/does/not/exist"),
        ({"remediate_policy": "/does/not/exist"}, "/does/not/exist cannot be read"),
        ({"remediate_out": "/proc/nowhere"}, "/proc/nowhere cannot be written"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(play: Player, variables: dict[str, Any], message: str) -> None:
    played = play(**variables)

    assert played.rc == 2
    assert message in played.output
    assert "Traceback" not in played.output


def test_a_second_repair_of_the_same_target_is_refused(play: Player) -> None:
    play.place.break_image()
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "e2ereme-deployment-cart", "namespace": play.place.namespace},
        "spec": {
            "holderIdentity": "somebody-else",
            "leaseDurationSeconds": 3600,
            "renewTime": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime()),
        },
    }
    ref = ObjectRef("Lease", play.place.namespace, "e2ereme-deployment-cart")
    if play.place.cluster.find(ref):
        play.place.cluster.delete(ref)
    play.place.cluster.create(lease)
    play.model.answers = [patch(play.place, play.place.good)]
    try:
        played = play()
    finally:
        play.place.cluster.delete(ref)

    assert played.rc == 2
    assert "refused: " in played.output
    assert "somebody-else" in played.output
    assert play.place.image() == play.place.bad
