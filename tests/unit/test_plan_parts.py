"""What a Plan holds, when it may still be applied, and where an undo leads."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError, Refused
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.applicable import (
    changes_since,
    require_applicable,
    require_unchanged,
)
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.differences import FieldChange
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.dryrun import seen
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.plan import Effect, Plan, Target, as_text, read_plan
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.policy import load_policy
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report import Report, Suspect
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.retrace import require_within, way_back
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.risk import Reason, Risk
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.snapshot import Saved, Snapshot
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.states import as_text as state_text
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.states import find_attempt, read_state

CART = ObjectRef("Deployment", "shop", "cart")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MARKS = {"Namespace kube-system": "u-1"}
POLICY = load_policy()


def deployment(**changes: Any) -> dict[str, Any]:
    container = {"name": "cart", "image": "r/cart:1", "env": [{"name": "A", "value": "1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop", "uid": "u-9", "generation": 3, "resourceVersion": "70"},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [container]}}},
        "status": {"readyReplicas": 0},
        **changes,
    }


def edited(manifest: dict[str, Any], generation: int = 4, **spec: Any) -> dict[str, Any]:
    found = copy.deepcopy(manifest)
    found["spec"] |= spec
    found["metadata"] |= {"generation": generation, "resourceVersion": "99"}
    return found


@pytest.fixture
def plan() -> Plan:
    return Plan(
        report=Report("cart fails", (Suspect("cart", "deployment"),), "shop", "critical", "text", "cart fails"),
        diagnosis="wrong image",
        playbook=Playbook((), "- hosts: localhost\n", (CART,)),
        effects=(Effect(CART, "patch", "dry run", (FieldChange("spec.replicas", 2, 3),)),),
        risk=Risk("low", (Reason("low", "little"),)),
        policy=POLICY.digest,
        policy_source="built-in",
        target=Target("shop", MARKS),
        seen=(seen(CART, deployment()),),
        created=NOON,
        expires=NOON + timedelta(hours=1),
        author="me",
    )


def test_a_plan_reads_back_as_it_was_written_and_fits_its_schema(plan: Plan, tmp_path: Path, root: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(as_text(plan))

    found = read_plan(tmp_path)

    assert found.digest == plan.digest
    assert (found.effects, found.seen, found.risk, found.expires) == (plan.effects, plan.seen, plan.risk, plan.expires)
    assert found.path == str(file)
    schema = json.loads((root / "docs" / "plan.schema.json").read_text("utf-8"))
    jsonschema.validate(json.loads(file.read_text()), schema)


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"schema": 1}', "\x00\xff"])
def test_what_is_no_plan_is_said(text: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(InputError):
        read_plan(file)


@pytest.mark.parametrize("key", ["playbook", "seen", "risk", "target", "policy", "expires", "effects"])
def test_no_part_of_a_plan_can_be_altered_unnoticed(plan: Plan, key: str, tmp_path: Path) -> None:
    document = json.loads(as_text(plan))
    document[key] = "other"
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(document))
    with pytest.raises(InputError, match="altered"):
        read_plan(file)


def test_a_plan_may_be_applied_on_its_cluster_under_its_policy_in_time(plan: Plan) -> None:
    require_applicable(plan, NOON, POLICY, Target("shop", MARKS), plan.digest[:12])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"now": NOON + timedelta(hours=1)}, "expired"),
        ({"target": Target("shop", {"Namespace kube-system": "u-2"})}, "another cluster"),
        ({"target": Target("shop", {})}, "Nothing tells whether this is the cluster"),
        ({"policy": replace(POLICY, digest="other", source="p.yml")}, "policy has changed"),
        ({"approved": "0" * 64}, "The approval is for"),
        ({"approved": "0"}, "The approval is for"),
    ],
)
def test_a_plan_may_not_be_applied(plan: Plan, how: dict[str, Any], message: str) -> None:
    given = {"now": NOON, "policy": POLICY, "target": Target("shop", MARKS), "approved": "", **how}
    with pytest.raises(Refused, match=message):
        require_applicable(plan, **given)


def test_a_status_that_moves_on_is_no_change(plan: Plan) -> None:
    live = deployment(status={"readyReplicas": 1})
    live["metadata"]["resourceVersion"] = "4711"
    require_unchanged(plan, {CART: live})


def test_a_changed_field_is_told_with_who_changed_it(plan: Plan) -> None:
    live = edited(deployment(), replicas=5)
    live["metadata"]["managedFields"] = [{"manager": "kubectl-edit", "time": "2026-01-01T12:05:00Z"}]
    with pytest.raises(Refused, match=r"spec.replicas: 2 -> 5 by kubectl-edit at 12:05"):
        require_unchanged(plan, {CART: live})


@pytest.mark.parametrize(
    ("live", "line"),
    [
        (None, "is gone"),
        (edited(deployment()), "changed and changed back"),
        (deployment(metadata={**deployment()["metadata"], "uid": "u-10"}), "deleted and created anew"),
    ],
)
def test_other_changes_are_seen_too(plan: Plan, live: Any, line: str) -> None:
    (said,) = changes_since(plan.seen[0], live, NOON)
    assert line in said


def snapshot(manifest: dict[str, Any] | None) -> Snapshot:
    return Snapshot("2026-01-01T12:00:00Z", (Saved(CART, manifest),))


BEFORE, AFTER = deployment(), edited(deployment(), replicas=3)


def test_the_way_back_takes_only_what_was_changed() -> None:
    live = edited(AFTER, paused=True)
    way = way_back(snapshot(BEFORE), snapshot(AFTER), snapshot(live))
    assert way.lines == ("Deployment cart spec.replicas: 3 -> 2",)
    assert way.foreign == ()
    assert way.goal.objects[0].manifest["spec"]["paused"] is True  # type: ignore[index]


def test_the_way_back_names_what_another_hand_changed() -> None:
    way = way_back(snapshot(BEFORE), snapshot(AFTER), snapshot(edited(AFTER, replicas=9)))
    assert way.foreign == ("Deployment cart spec.replicas: 9, not 3 as it was left",)


def test_there_is_no_way_back_from_what_is_back_already() -> None:
    assert way_back(snapshot(BEFORE), snapshot(AFTER), snapshot(BEFORE)).playbook.tasks == ()


def test_entries_of_a_list_go_back_by_their_key() -> None:
    before, after = deployment(), deployment()
    env = after["spec"]["template"]["spec"]["containers"][0]["env"]
    env[0]["value"] = "2"
    live = copy.deepcopy(after)
    live["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "B", "value": "theirs"})

    way = way_back(snapshot(before), snapshot(after), snapshot(live))

    spec = way.goal.objects[0].manifest["spec"]["template"]["spec"]  # type: ignore[index]
    assert spec["containers"][0]["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "theirs"}]


def test_a_run_that_was_cut_short_goes_back_as_a_whole() -> None:
    way = way_back(snapshot(BEFORE), None, snapshot(edited(AFTER, paused=True)))
    assert way.lines == ("Deployment cart spec.replicas: 3 -> 2", "Deployment cart spec.paused: true -> nothing")


def test_an_object_that_was_created_is_taken_away_and_one_that_was_deleted_comes_back() -> None:
    assert way_back(snapshot(None), snapshot(AFTER), snapshot(AFTER)).lines == ("Deployment cart is taken away",)
    assert way_back(snapshot(BEFORE), snapshot(None), snapshot(None)).lines == ("Deployment cart is created again",)


def test_an_undo_keeps_to_the_policy() -> None:
    secret = ObjectRef("Secret", "shop", "s")
    with pytest.raises(Refused, match="nothing touch Secret s"):
        require_within(Snapshot("", (Saved(secret, None),)), POLICY)


def test_states_are_found_from_anything_in_an_episode(tmp_path: Path) -> None:
    attempt = tmp_path / "attempt-2"
    attempt.mkdir()
    (attempt / "before.json").write_text(state_text(snapshot(BEFORE)))

    assert find_attempt(tmp_path) == find_attempt(attempt) == find_attempt(tmp_path / "episode.json") == attempt
    kept = read_state(attempt / "before.json")
    assert kept is not None and kept.objects[0].manifest is not None
    assert kept.objects[0].manifest["metadata"]["uid"] == "u-9"
    assert read_state(attempt / "after.json") is None


def test_where_nothing_was_changed_there_is_nothing_to_find(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tells of nothing that was changed"):
        find_attempt(tmp_path)
