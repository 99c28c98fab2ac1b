"""What counts as the same on sandbox and cluster, and how trials are kept and shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.benchmark.fidelity import campaign, record, table
from ansible_collections.e2ereme.remediate.benchmark.fidelity.comparison import compare
from ansible_collections.e2ereme.remediate.benchmark.fidelity.sides import YARDSTICK
from ansible_collections.e2ereme.remediate.benchmark.fidelity.trial import (
    TREATMENTS,
    NotUp,
    Outcome,
    Stage,
    Treated,
    Trial,
)
from ansible_collections.e2ereme.remediate.benchmark.fidelity.wording import alike, only_in, plain
from ansible_collections.e2ereme.remediate.benchmark.oracle import Observation
from ansible_collections.e2ereme.remediate.benchmark.serving import NOT_SERVED
from ansible_collections.e2ereme.remediate.benchmark.site import TransportSite
from ansible_collections.e2ereme.remediate.plugins.module_utils import measure
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.sandbox.systems.program import read_settings

TRIAL = Trial("shop", "bad_image_tag", "latest")
ILL = Treated("nothing", False, False, ("cart rollout: 1 of 2",), (), ("cart:80 answers 503",))
WELL = Treated("ground truth", True, True)
LINES = ("e1 Deployment cart: revision 1 -> 2, 20s ago: image tag: 1 -> 9", "e2 Service cart: port 80")
OUTCOME = Outcome(("Deployment cart image: 1 -> 9",), LINES, {"none": ILL, "wrong": ILL, "right": WELL}, "", 3.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("e1 Deployment cart: revision 1 -> 2, 20s ago", "e7 Deployment cart: revision 11 -> 12, 1m5s ago"),
        ("e1 Pod cart-59fc88bb77-tbf2x: exit code 78", "e1 Pod cart-6cc6c88b7f-4n79z: exit code 137"),
        ("e2 dial tcp 10.244.1.7:8080: connect: refused", "e2 dial tcp 10.9.0.12:8081: connect: refused"),
        ("e3 GET :80/ takes 1.17s, siblings 0.18s", "e3 GET :80/ takes 12.00s, siblings 0.01s"),
        ("e4 FATAL at 2026-03-02T09:00:00Z", "e4 FATAL at 2026-11-24T13:00:01Z"),
        ("e5 needs 250m, 64Mi", "e5 needs 2500m, 128Mi"),
        ("e6 Unhealthy: connection refused", "e6 Unhealthy (3x): connection refused"),
    ],
)
def test_names_and_numbers_are_no_difference(one: str, other: str) -> None:
    assert plain(one) == plain(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("e1 Deployment cart: image a/b:1", "e1 Deployment mail: image a/b:1"),
        ("e1 rollout stuck, new Pod ErrImagePull", "e1 rollout stuck, new Pod ImagePullBackOff"),
        ("e1 limits memory 64Mi", "e1 limits memory 64Gi"),
        ("e1 checkout-config: has LEVEL", "e1 checkout: has LEVEL"),
    ],
)
def test_what_is_said_is_a_difference(one: str, other: str) -> None:
    assert plain(one) != plain(other)


def test_each_line_that_only_one_side_has_counts() -> None:
    assert alike(["a 1", "b", "c"], ["a 2", "d"]) == (2, 5)
    assert only_in(["a 1", "b", "c"], ["a 2", "d"]) == ["b", "c"]


def test_a_line_said_twice_needs_two_like_it() -> None:
    assert alike(["a 1", "a 2"], ["a 3"]) == (2, 3)


def test_the_same_outcome_agrees_in_everything() -> None:
    found = compare(TRIAL, OUTCOME, replace(OUTCOME, seconds=99.0))

    assert (found.agree, found.lines_alike, found.lines, found.first_alike, found.misses) == (3, 4, 4, True, ())


@pytest.mark.parametrize(
    ("change", "miss"),
    [
        ({"healthy": True}, "verdict of none (nothing): cluster not healthy (cart rollout: 1 of 2), sandbox healthy"),
        (
            {"resolved": True},
            "judgement of none (nothing): cluster not resolved (cart:80 answers 503), sandbox resolved",
        ),
        (
            {"harm": ("deleted Service cart",)},
            "judgement of none (nothing): cluster not resolved (cart:80 answers 503), "
            "sandbox not resolved (cart:80 answers 503), harm: deleted Service cart",
        ),
    ],
)
def test_another_verdict_or_judgement_is_a_miss(change: dict[str, object], miss: str) -> None:
    treated = {**OUTCOME.treated, "none": replace(ILL, **change)}  # type: ignore[arg-type]

    found = compare(TRIAL, OUTCOME, replace(OUTCOME, treated=treated))

    assert (found.agree, found.misses) == (2, (miss,))


def test_why_something_is_ill_may_be_told_differently() -> None:
    treated = {**OUTCOME.treated, "none": replace(ILL, why=("cart:80 answers 502",), failed=())}

    assert compare(TRIAL, OUTCOME, replace(OUTCOME, treated=treated)).misses == ()


def test_a_fault_that_only_one_side_takes_fails_every_treatment() -> None:
    found = compare(TRIAL, OUTCOME, Outcome(refused="the fault does not show"))

    assert (found.agree, len(found.verdicts), len(found.misses)) == (0, len(TREATMENTS), 1)


def test_a_fault_that_no_side_takes_counts_for_nothing() -> None:
    refused = Outcome(refused="nothing to break")

    assert compare(TRIAL, refused, refused).verdicts == {}
    assert table.shares([compare(TRIAL, refused, refused)]) == (1.0, 1.0)


@pytest.mark.parametrize("name", ["trials.jsonl", "trials.jsonl.gz"])
def test_records_come_back_as_they_were(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".gz":
        record.save({(TRIAL, "cluster"): OUTCOME}, path)
    else:
        record.append(path, TRIAL, "cluster", OUTCOME)

    assert record.load(path) == {(TRIAL, "cluster"): OUTCOME}


def test_a_later_record_counts_and_a_torn_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    record.append(path, TRIAL, "sandbox", Outcome(refused="first"))
    record.append(path, TRIAL, "sandbox", OUTCOME)
    with path.open("a") as file:
        file.write(record.line(TRIAL, "cluster", OUTCOME)[:80])

    assert record.load(path) == {(TRIAL, "sandbox"): OUTCOME}


def test_the_table_counts_by_fault_and_in_all() -> None:
    other = replace(TRIAL, fault="scaled_to_zero", variant="live")
    worse = replace(OUTCOME, treated={**OUTCOME.treated, "right": replace(WELL, healthy=False)}, evidence=LINES[1:])
    outcomes = {
        (TRIAL, "cluster"): OUTCOME,
        (TRIAL, "sandbox"): OUTCOME,
        (other, "cluster"): OUTCOME,
        (other, "sandbox"): worse,
        (replace(other, seed=7), "cluster"): OUTCOME,  # the sandbox has not played it yet
    }

    shown = table.text(table.compared(outcomes))

    assert "| shop | bad_image_tag | 1 | 3 of 3 | 3 of 3 | 100.0% | 100.0% | 1 of 1 |" in shown
    assert "| shop | scaled_to_zero | 1 | 2 of 3 | 3 of 3 | 66.7% | 66.7% | 0 of 1 |" in shown
    assert "| all | all | 2 | 5 of 6 | 6 of 6 | 83.3% | 85.7% | 1 of 2 |" in shown


def test_a_run_goes_on_where_it_stopped_and_leaves_out_what_did_not_come_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = campaign.trials("shop", ["bad_image_tag"])
    played: list[str] = []

    def play(trial: Trial, *_: object) -> Outcome:
        if trial.variant == "buried":
            raise NotUp("not up")
        played.append(trial.variant)
        return OUTCOME

    monkeypatch.setattr(campaign, "play", play)
    for limit in (1, None):
        campaign.run(planned, "cluster", tmp_path / "out.jsonl", limit, 2, lambda _: None)

    assert played == ["latest", "moved_on"]
    assert {trial.variant for trial, _ in record.load(tmp_path / "out.jsonl")} == {"latest", "moved_on"}


def test_trials_leave_a_shared_cluster_alone_unless_told() -> None:
    names = {trial.fault for trial in campaign.trials("shop", ["all"])}
    everything = {trial.fault for trial in campaign.trials("shop", ["all"], whole_cluster=True)}

    assert "nodes_cordoned" in everything - names


def test_what_no_real_cluster_can_be_broken_by_is_not_tried() -> None:
    assert "node_lost" not in {trial.fault for trial in campaign.trials("shop", ["all"], whole_cluster=True)}
    assert campaign.trials("shop", ["node_lost"], whole_cluster=True) == []


@pytest.mark.parametrize(("system", "fault"), [("shop", "none_such"), ("shop", "bad_image_tag/none"), ("none", "all")])
def test_a_name_that_nobody_knows_is_refused(system: str, fault: str) -> None:
    with pytest.raises(InputError):
        campaign.trials(system, [fault])


def test_a_caller_that_gives_up_is_heard_out() -> None:
    """Else a real cluster says that nobody answered, where the sandbox's caller names who did not."""
    assert read_settings({"PORT": "80"}).call_seconds < measure.WAIT


@pytest.mark.parametrize(("yardstick", "restarts"), [(("beside", "yardstick", 80), 1), (None, 1), (("b", "y", 80), 0)])
def test_a_cluster_whose_sound_programs_are_killed_is_not_measured_on(
    yardstick: tuple[str, str, int] | None, restarts: int
) -> None:
    cart = ObjectRef("Deployment", "shop", "cart")
    healthy = Observation({}, {}, NOT_SERVED, {cart: (2, restarts)})
    stage = Stage(TRIAL, campaign.system_of(TRIAL), None, TransportSite(None, yardstick))

    if yardstick and restarts:
        with pytest.raises(NotUp, match="Deployment cart restarted"):
            stage.require_quiet(healthy)
    else:
        stage.require_quiet(healthy)


def test_a_trial_with_a_long_name_leaves_room_for_its_yardstick() -> None:
    name = Trial("online-boutique", "node_selector_unmatched", "moved_on").namespace + YARDSTICK
    assert len(name) <= 63
    assert "--" not in name
