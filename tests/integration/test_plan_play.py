"""Plan, apply and undo from outside: what is approved is what runs, once, on what was seen."""

from __future__ import annotations

import json
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
    assert [(field["old"], field["new"]) for field in document["effects"][0]["fields"]] == [
        (play.place.bad, play.place.good)
    ]
    assert document["effects"][0]["basis"] == "dry run"
    assert play.place.image() == play.place.bad, "a Plan changes nothing"
    asked = len(play.model.asked)

    applied = apply(play, planned)

    assert applied.rc == 0, applied.output
    assert applied.episode["outcome"] == "resolved"
    assert play.place.image() == play.place.good
    assert len(play.model.asked) == asked, "the model is not asked again"

    again = apply(play, planned)
    assert again.rc == 2
    assert "applied already" in again.output

    undone = undo(play, applied.folder)
    assert undone.rc == 0, undone.output
    assert play.place.image() == play.place.bad
    assert "changed=0" in undo(play, applied.folder).output, "there is nothing left to undo"
    assert verify_chain(play.folder.parent / "state" / "e2ereme" / "audit.jsonl") == ()


def test_a_plan_on_what_has_changed_since_is_refused_with_who_and_what(play: Player, planned: Path) -> None:
    set_image(play, play.place.worse)

    applied = apply(play, planned)

    assert applied.rc == 2
    assert "refused: Changed since the Plan was made: Deployment cart" in applied.output
    assert play.place.worse in applied.output
    assert play.place.image() == play.place.worse


def test_a_plan_used_up_elsewhere_is_refused_though_its_file_was_copied_before(play: Player, planned: Path) -> None:
    copy = play.folder.parent / "copy.json"
    copy.write_bytes(planned.read_bytes())
    assert apply(play, planned).rc == 0
    set_image(play, play.place.bad)
    play.place.wait_for(lambda: "ImagePull" in json.dumps(play.place.cluster.list("Pod", play.place.namespace)))

    applied = apply(play, copy)

    assert applied.rc == 2
    assert "refused: " in applied.output
    assert play.place.image() == play.place.bad


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda plan: plan["playbook"].update(text=plan["playbook"]["text"].replace("cart", "web")), "was altered"),
        (lambda plan: plan.update(expires="2001-01-01T00:00:00Z"), "was altered"),
        (lambda plan: plan.update(schema=99), "no Plan of form 1"),
    ],
)
def test_an_altered_plan_is_not_applied(play: Player, planned: Path, change: Any, message: str) -> None:
    document = json.loads(planned.read_text("utf-8"))
    change(document)
    planned.write_text(json.dumps(document))

    applied = apply(play, planned)

    assert applied.rc == 2
    assert message in applied.output
    assert play.place.image() == play.place.bad


def test_another_policy_or_another_approval_refuses_the_plan(play: Player, planned: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text("version: 1\nceilings: {replicas: 3}\n")

    assert "The policy has changed" in apply(play, planned, remediate_policy=str(policy)).output
    assert "The approval is for the Plan 000000000000" in apply(play, planned, remediate_approved="0" * 12).output
    assert play.place.image() == play.place.bad


def test_check_mode_says_whether_a_plan_could_be_applied(play: Player, planned: Path) -> None:
    applied = apply(play, planned, "--check")

    assert applied.rc == 0, applied.output
    assert "It can be applied; nothing was changed" in applied.output
    assert play.place.image() == play.place.bad
    assert apply(play, planned).rc == 0, "and it still can be"


def test_a_risk_that_a_person_must_approve_ends_with_a_plan(play: Player, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text("version: 1\napproval_by_risk: {low: person}\n")
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]

    played = play(remediate_policy=str(policy))

    assert played.rc == 0, played.output
    assert played.episode["outcome"] == "planned"
    assert "A person must approve it" in played.output
    assert play.place.image() == play.place.bad
    assert apply(play, played.folder, remediate_policy=str(policy)).rc == 0
    assert play.place.image() == play.place.good


def test_a_risk_that_is_never_allowed_is_refused(play: Player, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text("version: 1\napproval_by_risk: {low: never}\n")
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]

    played = play(remediate_policy=str(policy))

    assert played.rc == 2
    assert "refused: " in played.output
    assert "the policy never allows a change of this risk" in played.output
    assert play.place.image() == play.place.bad


def test_undo_leaves_what_another_hand_changed_unless_forced(play: Player) -> None:
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]
    assert play().rc == 0
    replicas = play.place.cluster.get(play.place.cart)["spec"]["replicas"]
    play.place.cluster.patch(play.place.cart, {"spec": {"replicas": replicas + 1}}, STRATEGIC_PATCH)

    undone = undo(play, play.folder, "--check")
    assert undone.rc == 0 and "it would restore" in undone.output
    assert play.place.image() == play.place.good

    set_image(play, play.place.worse)
    refused = undo(play, play.folder)
    assert refused.rc == 2
    assert "Changed since by another hand" in refused.output
    assert play.place.image() == play.place.worse

    assert undo(play, play.folder, remediate_force=True).rc == 0
    assert play.place.image() == play.place.bad
    assert play.place.cluster.get(play.place.cart)["spec"]["replicas"] == replicas + 1


def test_undo_of_what_changed_nothing_says_so(play: Player, tmp_path: Path) -> None:
    undone = undo(play, tmp_path)

    assert undone.rc == 2
    assert "tells of nothing that was changed" in undone.output
