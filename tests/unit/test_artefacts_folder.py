"""The folder of an Episode: its form, its permissions, and what happens when it cannot be written."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import (
    Evidence,
    Fact,
    Inventory,
    ObjectRef,
)
from ansible_collections.e2ereme.remediate.plugins.module_utils.verdict import Check, Verdict
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.artefacts import Folder, as_document
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.episode import Attempt, Episode, Undone
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Finding, Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report import Report, Suspect
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.risk import Reason, Risk
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.runresult import RunResult, TaskResult
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.spans import Spans
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.step import (
    Answer,
    EscalateStep,
    PlaybookStep,
    ProbeStep,
)

CART = ObjectRef("Deployment", "shop", "cart")


@pytest.fixture
def schema(root: Path) -> Any:
    return json.loads((root / "docs" / "episode.schema.json").read_text("utf-8"))


RISK = Risk("medium", (Reason("medium", "it replaces 2 Pods that serve"),))


def episode() -> Episode:
    """One Episode with every kind of step, a refused, a failed and a good attempt."""
    answers = (
        Answer(ProbeStep((CART,)), "step: probe", 900, 20, 0.7, 1.5),
        Answer(PlaybookStep("- tasks: []", ("e1",), "bad image"), "…", 950, 120, 1.4, 6.0),
        Answer(EscalateStep("a person must grant the quota"), "…", 950, 30, 0.8),
    )
    playbook = Playbook(({"name": "Patch Deployment cart"},), "- hosts: localhost\n", (CART,))
    run = RunResult(2, (TaskResult("Patch", "kubernetes.core.k8s", "failed", "no", 0.6),), 2.1)
    bad = Verdict(False, (Check("ready Pods", "Deployment cart", False, "1", "2"),), 0.0, ("Service cart",))
    attempts = (
        Attempt(answers[1], (Finding("policy.kind", "tasks[0]", "Secrets are not allowed", 3),)),
        Attempt(answers[1], playbook=playbook, run=run, verdict=bad, undone=Undone(run, bad, False), risk=RISK),
    )
    fact = Fact("e1", "state", CART, "Deployment cart: 1 of 2 Pods ready", 9.0, "status")
    evidence = Evidence((fact,), (CART,), Inventory("shop", "2026-01-01T00:00:00Z", {}, unseen=("nodes: forbidden",)))
    report = Report("cart is down", (Suspect("cart"),), "shop", "", "text", "cart is down")
    return Episode(report, "escalated", "escalated: quota", answers, attempts, (evidence,), (CART,))


def test_episode_json_follows_its_schema(tmp_path: Path, schema: Any) -> None:
    path = Folder(tmp_path / "out").episode(episode(), Spans(lambda: 0.0).seconds())

    document = json.loads(path.read_text("utf-8"))
    jsonschema.validate(document, schema)
    assert [attempt["risk"] and attempt["risk"]["level"] for attempt in document["attempts"]] == [None, "medium"]


def test_the_schema_refuses_an_unknown_outcome(schema: Any) -> None:
    document = as_document(episode(), Spans(lambda: 0.0).seconds()) | {"outcome": "fine"}

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_tokens_add_up_over_the_steps() -> None:
    assert as_document(episode(), {})["tokens"] == {"in": 2800, "out": 170}


def test_evidence_lines_mark_anomalies() -> None:
    assert as_document(episode(), {})["evidence"] == ["e1 ! Deployment cart: 1 of 2 Pods ready"]


def test_files_are_readable_for_their_owner_alone(tmp_path: Path) -> None:
    path = Folder(tmp_path / "a" / "out").attempt(1, "playbook.yml", "- hosts: localhost\n")

    assert path == tmp_path / "a" / "out" / "attempt-1" / "playbook.yml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_no_draft_is_left_beside_the_file(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "out")
    folder.attempt(1, "diff.txt", "one")
    folder.attempt(1, "diff.txt", "two")

    assert [entry.name for entry in (tmp_path / "out" / "attempt-1").iterdir()] == ["diff.txt"]
    assert (tmp_path / "out" / "attempt-1" / "diff.txt").read_text() == "two"


def test_a_folder_that_cannot_be_made_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(InputError, match=r"file/out cannot be written: Not a directory\. .*remediate_out"):
        Folder(tmp_path / "file" / "out")


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path / "out")
    folder.attempt(1, "undo.yml", "old")

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match="No space left on device"):
        folder.attempt(1, "undo.yml", "new")

    assert (tmp_path / "out" / "attempt-1" / "undo.yml").read_text() == "old"
    assert len(list((tmp_path / "out" / "attempt-1").iterdir())) == 1
