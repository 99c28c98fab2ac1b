# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The course of an Episode that applies a Plan: the way of every other, without the model."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ..module_utils.evidence import Evidence
from .course import Course, carry_out, guard, learnt, to_its_end
from .episode import Attempt, Episode
from .plan import Plan
from .playbook import Finding, Playbook
from .step import Answer, PlaybookStep
from .telling import changes_in_words, plan_lines
from .wishes import Admit, Look, Loop, Propose, Tell, Wish


def apply(plan: Plan, *, dry: bool = False) -> Loop:
    """Applies a Plan, once. ``dry``: only says whether that could be done, and what it would change."""
    course = Course(plan.report)
    return (yield from to_its_end(course, _applied(course, plan, dry)))


def _applied(course: Course, plan: Plan, dry: bool) -> Generator[Wish, Any, Episode]:
    yield Tell("plan", f"applying {plan.digest[:12]}, made at {plan.created:%H:%M} UTC by {plan.author}")
    evidence: Evidence = yield Look(())
    course.evidence.append(evidence)
    playbook: Playbook = yield Admit(plan, evidence)
    guarded = guard(plan.report, evidence)
    if guarded:
        return course.end(*guarded)
    step = PlaybookStep(plan.playbook.text, (), plan.diagnosis)
    course.attempts.append(Attempt(Answer(step, "", 0, 0, 0.0), playbook=playbook))
    change = changes_in_words(playbook, evidence.inventory)
    yield Tell("gate", f"passed again, and nothing changed since: {change}", 1)
    if dry:
        again: Plan | tuple[Finding, ...] = yield Propose(playbook, evidence, plan.risk, plan.diagnosis)
        if not isinstance(again, Plan):
            course.amend(findings=again)
            return course.end("refused", f"the API server refuses it in a dry run: {again[0].what}")
        for line in plan_lines(again):
            yield Tell("plan", line, 1)
        return course.end("planned", f"{change}. It can be applied; nothing was changed")
    outcome, why = yield from carry_out(course, playbook, evidence, change)
    if outcome:
        return course.end(outcome, why)
    return course.end("exhausted", f"the Plan did not repair it. {learnt(course)}")
