"""Plan, apply and undo from outside: what is approved is what runs, once, on what was seen."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from staging import Played, Player, patch

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import STRATEGIC_PATCH
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.audit import verify as verify_chain

ON_BOTH = pytest.mark.parametrize("place", ["sandbox", pytest.param("lab", marks=pytest.mark.lab)], indirect=True)


@pytest.fixture
def planned(play: Player, root: Path) -> Path:
    """The Plan to give a broken cart its image back."""
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]
    played = play(playbook=str(root / "playbooks" / "plan.yml"))
    assert played.rc == 0, played.output
    return play.folder / "plan.json"


def apply(play: Player, plan: Path, *arguments: str, **variables: Any) -> Played:
    """Applies a Plan into a folder of its own."""
    out = play.folder.parent / "applied"
    book = str(play.root / "playbooks" / "apply.yml")
    played = play(*arguments, playbook=book, plan=str(plan), remediate_out=str(out), **variables)
    return Played(played.rc, played.output, out)


def undo(play: Player, episode: Path, *arguments: str, **variables: Any) -> Played:
    """Undoes an Episode into a folder of its own."""
    out = play.folder.parent / "undone"
    book = str(play.root / "playbooks" / "undo.yml")
    played = play(*arguments, playbook=book, episode=str(episode), remediate_out=str(out), **variables)
    return Played(played.rc, played.output, out)


def set_image(play: Player, image: str) -> None:
    containers = [{"name": "cart", "image": image}]
    body = {"spec": {"template": {"spec": {"containers": containers}}}}
    play.place.cluster.patch(play.place.cart, body, STRATEGIC_PATCH)


@ON_BOTH
def test_a_plan_is_applied_once_and_its_episode_can_be_undone(play: Player, planned: Path) -> None:
    document = json.loads(planned.read_text("utf-8"))
    (effect,) = document["effects"]
    assert effect["basis"] == "dry run"
    assert [(field["old"], field["new"]) for field in effect["fields"]] == [(play.place.bad, play.place.good)]
    assert play.place.image() == play.place.bad, "a Plan changes nothing"
    asked = len(play.model.asked)

    checked = apply(play, planned, "--check")
    assert "It can be applied; nothing was changed" in checked.output
    assert play.place.image() == play.place.bad
    assert "refused: The approval is for the Plan 0000" in apply(play, planned, remediate_approved="0" * 12).output

    applied = apply(play, planned, remediate_approved=document["digest"])
    assert applied.rc == 0, applied.output
    assert applied.episode["outcome"] == "resolved"
    assert play.place.image() == play.place.good
    assert len(play.model.asked) == asked, "the model is not asked again"
    assert "applied already" in apply(play, planned).output

    undone = undo(play, applied.folder)
    assert undone.rc == 0, undone.output
    assert play.place.image() == play.place.bad
    assert "changed=0" in undo(play, applied.folder).output, "there is nothing left to undo"
    assert verify_chain(play.folder.parent / "state" / "e2ereme" / "audit.jsonl") == ()


def test_what_a_person_must_approve_waits_as_a_plan_and_an_undo_leaves_other_hands_work(
    play: Player, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text("version: 1\napproval_by_risk: {low: person}\n")
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]

    played = play("--diff", remediate_policy=str(policy))
    assert played.rc == 0, played.output
    assert played.episode["outcome"] == "planned"
    assert "A person must approve it" in played.output
    assert re.search(rf"(?m)^\+ .*image: {re.escape(play.place.good)}$", played.output), "--diff shows it"
    assert play.place.image() == play.place.bad
    assert apply(play, played.folder, remediate_policy=str(policy)).rc == 0
    assert play.place.image() == play.place.good

    set_image(play, play.place.worse)
    play.place.cluster.patch(play.place.cart, {"spec": {"minReadySeconds": 7}}, STRATEGIC_PATCH)
    refused = undo(play, played.folder)
    assert refused.rc == 2
    assert "Changed since by another hand" in refused.output
    assert play.place.image() == play.place.worse
    assert undo(play, played.folder, remediate_force=True).rc == 0
    assert play.place.image() == play.place.bad
    assert play.place.cluster.get(play.place.cart)["spec"]["minReadySeconds"] == 7


def test_a_report_that_was_given_up_is_refused_when_it_comes_again(play: Player, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text("version: 1\ndeduplicate_minutes: 60\n")
    play.place.break_image()
    play.model.answers = ["cites: e1\ndiagnosis: beyond reach\nstep: escalate\nreason: a person must push it\n"]

    assert play(remediate_policy=str(policy)).episode["outcome"] == "escalated"
    again = play(remediate_policy=str(policy))

    assert again.episode["outcome"] == "refused"
    assert "The same report ended escalated" in again.output
    assert len(play.model.asked) == 1
