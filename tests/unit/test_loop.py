"""The Coordinator, driven by scripted hands."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import ModelError, Refused, RunError
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Evidence, Fact, Inventory, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.verdict import Check, Verdict
from ansible_collections.e2ereme.remediate.plugins.plugin_utils import loop, wishes
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.differences import FieldChange
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.episode import Bounds, Episode, Undone
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.plan import Effect, Plan, Target
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Finding, Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report import Report, Suspect
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.risk import Reason, Risk, Weighed
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.runresult import RunResult
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.snapshot import Snapshot
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.step import (
    Answer,
    EscalateStep,
    PlaybookStep,
    ProbeStep,
    Step,
    UnreadableStep,
)

CART = ObjectRef("Deployment", "shop", "cart")
WEB = ObjectRef("Deployment", "shop", "web")
REPORT = Report("cart fails", (Suspect("cart"),), "shop", "critical", "text", "cart fails")
SICK = Verdict(False, (Check("Pods ready", "Deployment cart", False, "0", "2"),), 0.0)
WELL = Verdict(True, (), 15.0)


def evidence(anomalous: bool = True) -> Evidence:
    inventory = Inventory(
        "shop", "2026-01-01T00:00:00Z", {"Deployment": ({"metadata": {"name": "cart"}, "spec": {"replicas": 2}},)}
    )
    facts = (Fact("e1", "state", CART, "Deployment cart: 0/2 Pods ready", 1.0 if anomalous else 0.0, "Pods"),)
    return Evidence(facts, (CART, WEB), inventory)


def playbook(text: str, replicas: int = 3) -> Playbook:
    """One that scales cart, of which there are two."""
    identity = {"api_version": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "cart"}
    task = {"kubernetes.core.k8s": {"state": "patched", **identity, "definition": {"spec": {"replicas": replicas}}}}
    return Playbook(({"name": text, **task},), text, (CART,))


def plan_of(wish: wishes.Propose) -> Plan:
    """A Plan as the hands would make it."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Plan(
        report=REPORT,
        diagnosis=wish.diagnosis,
        playbook=wish.playbook,
        effects=(Effect(CART, "patch", "dry run", (FieldChange("spec.replicas", 2, 3),)),),
        risk=wish.risk,
        policy="",
        policy_source="built-in",
        target=Target("shop", {}),
        seen=(),
        created=now,
        expires=now + timedelta(hours=1),
        author="me",
        path="plan.json",
    )


def weighing(approval: str, level: str = "high") -> Callable[..., Weighed]:
    return lambda playbook, inventory: Weighed(Risk(level, (Reason(level, "much is at stake"),)), approval)


class Hands:
    """Answers each wish from a script; keeps what was wished."""

    def __init__(self, steps: list[Step], **replies: Any) -> None:
        self.steps = iter(steps)
        self.replies = {"verdicts": itertools.repeat(WELL), "complete": True, "restored": True, **replies}
        self.wishes: list[str] = []
        self.written: list[wishes.Write] = []

    def _reply(self, name: str, default: Callable[[], Any]) -> Any:
        self.wishes.append(name)
        made = self.replies.get(name, default)
        return made() if callable(made) else made

    def look(self, wish: wishes.Look) -> Evidence:
        return self._reply("look", evidence)

    def write(self, wish: wishes.Write) -> Answer:
        self.written.append(wish)
        return self._reply("write", lambda: Answer(next(self.steps), "", 100, 20, 0.1))

    def gate(self, wish: wishes.Gate) -> Any:
        return self._reply("gate", lambda: playbook(wish.step.text))

    def propose(self, wish: wishes.Propose) -> Any:
        return self._reply("propose", lambda: plan_of(wish))

    def admit(self, wish: wishes.Admit) -> Playbook:
        raise NotImplementedError

    def retrace(self, wish: wishes.Retrace) -> Any:
        raise NotImplementedError

    def save(self, wish: wishes.Save) -> Snapshot:
        return self._reply("save", lambda: Snapshot("2026-01-01T00:00:00Z", ()))

    def run(self, wish: wishes.Run) -> RunResult:
        return self._reply("run", lambda: RunResult(0, (), 1.0))

    def verify(self, wish: wishes.Verify) -> Verdict:
        return self._reply("verify", lambda: next(self.replies["verdicts"]))

    def undo(self, wish: wishes.Undo) -> Undone:
        return self._reply(
            "undo", lambda: Undone(RunResult(0, (), 1.0), WELL, self.replies["complete"], self.replies["restored"])
        )

    def tell(self, wish: wishes.Tell) -> None:
        pass


def episode(hands: Hands, report: Report = REPORT, bounds: Bounds | None = None, **options: Any) -> Episode:
    return wishes.drive(loop.remediate(report, bounds or Bounds(), lambda: 0.0, **options), hands)


def throwing(error: BaseException) -> Callable[[], Any]:
    def throw() -> Any:
        raise error

    return throw


def test_a_verified_playbook_resolves() -> None:
    hands = Hands([PlaybookStep("scale cart")])
    ended = episode(hands)
    assert ended.outcome == "resolved"
    assert ended.message.startswith("resolved:")
    assert ended.changed == (CART,)
    assert hands.wishes == ["look", "write", "gate", "save", "run", "verify"]


def test_a_suspect_of_which_nothing_wrong_was_seen_is_told() -> None:
    asked = replace(REPORT, suspects=(Suspect("cart"), Suspect("web")))
    ended = episode(Hands([PlaybookStep("scale cart")]), report=asked)
    assert ended.message.endswith("The report names web, of which nothing wrong was seen")
    assert "names" not in episode(Hands([PlaybookStep("scale cart")])).message


def test_a_failed_verification_is_undone_and_tried_again() -> None:
    hands = Hands([PlaybookStep("one"), PlaybookStep("two")], verdicts=iter([SICK, WELL]))
    ended = episode(hands)
    assert ended.outcome == "resolved"
    assert [attempt.undone is not None for attempt in ended.attempts] == [True, False]
    assert len(hands.written[1].attempts) == 1, "the second try sees the first"


def test_the_same_playbook_is_not_run_twice() -> None:
    hands = Hands([PlaybookStep("one"), PlaybookStep("one"), EscalateStep("no idea")], verdicts=iter([SICK]))
    ended = episode(hands)
    assert hands.wishes.count("run") == 1
    assert ended.attempts[1].findings[0].rule == "loop.repeated"


def test_a_playbook_that_changes_nothing_is_not_run() -> None:
    hands = Hands([PlaybookStep("idle"), EscalateStep("no idea")], gate=lambda: playbook("idle", replicas=2))
    ended = episode(hands)
    assert ended.outcome == "escalated"
    assert ended.attempts[0].findings[0].rule == "loop.no-change"
    assert "run" not in hands.wishes


def test_findings_come_back_without_a_run() -> None:
    findings = (Finding("task.keyword", "tasks[0]", "delegate_to is not allowed"),)
    hands = Hands([PlaybookStep("bad"), EscalateStep("cannot")], gate=lambda: findings)
    ended = episode(hands)
    assert ended.outcome == "escalated"
    assert "run" not in hands.wishes
    assert hands.written[1].attempts[0].findings == findings


def test_a_failed_run_is_undone() -> None:
    hands = Hands([PlaybookStep("one"), EscalateStep("cannot")], run=lambda: RunResult(2, (), 1.0))
    ended = episode(hands)
    assert ended.attempts[0].undone is not None
    assert ended.changed == ()


def test_an_incomplete_undo_hands_over_and_names_what_is_changed() -> None:
    ended = episode(Hands([PlaybookStep("one")], verdicts=iter([SICK]), complete=False, restored=False))
    assert ended.outcome == "escalated"
    assert "undo.yml" in ended.message
    assert ended.changed == (CART,)


def test_an_undo_that_restored_everything_allows_another_try_though_health_is_worse() -> None:
    hands = Hands([PlaybookStep("one"), PlaybookStep("two")], verdicts=iter([SICK, WELL]), complete=False)
    assert episode(hands).outcome == "resolved"


def test_a_probe_step_looks_closer_once() -> None:
    hands = Hands([ProbeStep((WEB,)), EscalateStep("cannot")])
    episode(hands)
    assert hands.wishes == ["look", "write", "look", "write"]
    assert hands.written[1].looked == (WEB,)


def test_nothing_anomalous_is_healthy_without_the_model() -> None:
    hands = Hands([], look=lambda: evidence(anomalous=False))
    assert episode(hands).outcome == "healthy"
    assert "write" not in hands.wishes


def test_a_service_that_is_not_there_is_handed_over_without_the_model() -> None:
    report = Report("ghost is down", (Suspect("ghost"),), "shop", "critical", "text", "ghost is down")
    hands = Hands([])
    ended = episode(hands, report)
    assert ended.outcome == "escalated"
    assert "ghost" in ended.message
    assert hands.wishes == ["look"]


def test_plan_mode_ends_with_a_plan_before_the_snapshot() -> None:
    hands = Hands([PlaybookStep("one")])
    ended = episode(hands, mode="plan")
    assert ended.outcome == "planned"
    assert "Deployment cart spec.replicas: 2 -> 3" in ended.message
    assert hands.wishes == ["look", "write", "gate", "propose"]


def test_a_dry_run_that_the_server_refuses_is_tried_otherwise() -> None:
    refused = iter([(Finding("dry-run", "play", "admission webhook denied it"),), None])
    hands = Hands([PlaybookStep("one"), PlaybookStep("two")])
    hands.propose = lambda wish: next(refused) or plan_of(wish)  # type: ignore[method-assign]
    ended = episode(hands, mode="plan")
    assert ended.outcome == "planned"
    assert [finding.what for finding in ended.attempts[0].findings] == ["admission webhook denied it"]


def test_a_risk_that_a_person_must_approve_ends_with_a_plan() -> None:
    hands = Hands([PlaybookStep("one")])
    ended = episode(hands, weigh=weighing("person"))
    assert ended.outcome == "planned"
    assert "much is at stake" in ended.message
    assert "save" not in hands.wishes


def test_a_risk_that_is_never_allowed_is_told_to_the_model_and_refused_in_the_end() -> None:
    hands = Hands([PlaybookStep("one"), PlaybookStep("two")])
    ended = episode(hands, bounds=Bounds(attempts=2), weigh=weighing("never"))
    assert ended.outcome == "refused"
    assert [attempt.findings[0].rule for attempt in ended.attempts] == ["policy.approval"] * 2
    assert "run" not in hands.wishes


@pytest.mark.parametrize(
    ("bounds", "used_up"),
    [
        (Bounds(attempts=2), "attempts"),
        (Bounds(steps=2), "steps"),
        (Bounds(tokens=200), "tokens"),
    ],
)
def test_each_bound_ends_it(bounds: Bounds, used_up: str) -> None:
    steps: list[Step] = [PlaybookStep(f"try {number}") for number in range(9)]
    ended = episode(Hands(steps, verdicts=itertools.repeat(SICK)), bounds=bounds)
    assert ended.outcome == "exhausted"
    assert used_up in ended.message


def test_a_refusal_ends_it_untouched() -> None:
    ended = episode(Hands([PlaybookStep("one")], save=throwing(Refused("somebody holds the Lease"))))
    assert ended.outcome == "refused"
    assert ended.changed == ()


def test_a_broken_part_ends_it_after_the_undo() -> None:
    hands = Hands([PlaybookStep("one")], verify=throwing(RunError("the cluster is gone")))
    ended = episode(hands)
    assert ended.outcome == "broken"
    assert hands.wishes[-1] == "undo"


def test_a_dead_model_is_broken() -> None:
    assert episode(Hands([], write=throwing(ModelError("the worker died")))).outcome == "broken"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), wishes.Cancelled("SIGTERM")])
def test_cancelling_during_the_run_undoes(error: BaseException) -> None:
    hands = Hands([PlaybookStep("one")], run=throwing(error))
    ended = episode(hands)
    assert ended.outcome == "cancelled"
    assert hands.wishes[-1] == "undo"
    assert ended.changed == ()


def test_a_failing_undo_says_what_to_run() -> None:
    hands = Hands([PlaybookStep("one")], verdicts=iter([SICK]), undo=throwing(RunError("no connection")))
    ended = episode(hands)
    assert ended.outcome == "broken"
    assert CART in ended.changed


def test_solo_gen_neither_probes_nor_reflects() -> None:
    hands = Hands([PlaybookStep("one")], verdicts=iter([SICK]))
    ended = episode(hands, probing=False, reflection=False)
    assert ended.outcome == "exhausted"
    assert "probe" not in hands.written[0].steps


def test_an_answer_that_cannot_be_read_is_a_try_with_a_finding() -> None:
    hands = Hands([UnreadableStep("It begins with cites."), PlaybookStep("fix")])

    ended = episode(hands)

    assert ended.outcome == "resolved"
    assert [finding.rule for finding in ended.attempts[0].findings] == ["answer.format"]
    assert "It begins with cites." in str(hands.written[1].attempts)


def test_answers_that_cannot_be_read_use_the_attempts_up() -> None:
    ended = episode(Hands([UnreadableStep("no format")] * 9), bounds=Bounds(attempts=2))

    assert ended.outcome == "exhausted"
    assert len(ended.attempts) == 2
