# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Coordinator: a generator that yields what it wants done and receives what came of it.

It does no input or output itself. ``drive`` (wishes.py) feeds it with a pair of hands: those of the
action plugin, of the benchmark, of a training rollout or of a test. Cancelling is ``throw(Cancelled)``:
the loop still yields the undo of what it changed before it returns its Episode.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from ..module_utils.evidence import Evidence, Inventory
from .course import Course, aside, carry_out, guard, learnt, to_its_end
from .episode import Attempt, Bounds
from .plan import Plan
from .playbook import Finding, Playbook
from .report import Report
from .risk import Risk, Weighed
from .step import Answer, EscalateStep, PlaybookStep, ProbeStep, UnreadableStep
from .telling import anomalies, changes_in_words, cited, effects, plan_lines
from .wishes import Gate, Look, Loop, Propose, Tell, Wish, Write

Weigh = Callable[[Playbook, Inventory], Weighed]
"""Says how risky a Playbook is, and whether the policy wants a person to approve it."""


_FORBIDDEN = "policy.approval"


def _unweighed(_playbook: Playbook, _inventory: Inventory) -> Weighed:
    return Weighed(Risk("low"), "auto")


@dataclass(frozen=True)
class _Choices:
    """How this course is to go; see ``remediate``."""

    mode: str
    probing: bool
    reflection: bool
    weigh: Weigh


def remediate(
    report: Report,
    bounds: Bounds,
    now: Callable[[], float],
    *,
    mode: str = "auto",
    probing: bool = True,
    reflection: bool = True,
    weigh: Weigh = _unweighed,
) -> Loop:
    """The whole course of an Episode.

    ``now`` counts seconds. ``probing=False, reflection=False`` is SoloGen, the baseline of
    MicroRemed: one look, one playbook, no second try. Mode ``plan`` ends with a Plan; so does
    ``auto`` where ``weigh`` says that a person must approve.
    """
    course = Course(report)
    started = now()
    choices = _Choices(mode, probing, reflection, weigh)
    return (yield from to_its_end(course, _episode(course, bounds, lambda: now() - started, choices)))


def _episode(course: Course, bounds: Bounds, elapsed: Callable[[], float], chosen: _Choices) -> Loop:
    yield Tell("probe", f"looking at {_names(course.report) or 'everything'} in namespace {course.report.namespace}")
    evidence: Evidence = yield Look(())
    course.evidence.append(evidence)
    guarded = guard(course.report, evidence)
    if guarded:
        return course.end(*guarded)
    for line in anomalies(evidence):
        yield Tell("probe", line)
    while True:
        used_up = _used_up(course, bounds, elapsed())
        if used_up:
            return course.end("refused" if _only_forbidden(course) else "exhausted", f"{used_up}. {learnt(course)}")
        number = len(course.attempts) + 1
        steps = _choices(evidence, chosen.probing and len(course.answers) + 1 < bounds.steps, course)
        yield Tell("write", f"the model reads {len(evidence.facts)} facts and writes", number)
        answer: Answer = yield Write(evidence, tuple(course.attempts), steps, tuple(course.looked))
        course.answers.append(answer)
        step = answer.step
        yield Tell("write", f"{cited(step)}; {answer.seconds:.1f} s", number)
        if isinstance(step, EscalateStep):
            return course.end("escalated", f"{step.reason}. {learnt(course)}")
        if isinstance(step, ProbeStep):
            yield Tell("probe", "looking closer at " + ", ".join(map(str, step.targets)), number)
            course.looked.extend(step.targets)
            evidence = yield Look(tuple(course.looked))
            for line in anomalies(evidence, course.evidence):
                yield Tell("probe", line, number)
            course.evidence.append(evidence)
            continue
        resolved, why = yield from _attempt(course, step, evidence, chosen)
        if resolved:
            return course.end(resolved, why)
        if not chosen.reflection:
            return course.end("exhausted", f"one try without reflection. {learnt(course)}")
        evidence = yield Look(tuple(course.looked))
        for line in anomalies(evidence, course.evidence):
            yield Tell("probe", line, number)
        course.evidence.append(evidence)


def _attempt(
    course: Course, step: PlaybookStep | UnreadableStep, evidence: Evidence, chosen: _Choices
) -> Generator[Wish, Any, tuple[str, str]]:
    """One try. Returns the outcome that ends the Episode with its reason, or two empty strings."""
    course.attempts.append(Attempt(course.answers[-1]))
    number = len(course.attempts)
    gated: Playbook | tuple[Finding, ...]
    if isinstance(step, UnreadableStep):
        gated = (Finding("answer.format", "answer", step.why),)
    else:
        gated = yield Gate(step, evidence)
    if not isinstance(gated, Playbook):
        course.amend(findings=gated)
        for finding in gated[:3]:
            yield Tell("gate", f"does not pass: {finding.what} ({finding.rule}, {finding.where})", number)
        return "", ""
    idle = _repeats(course, gated) or _changes_nothing(gated, evidence)
    course.amend(playbook=gated, findings=idle)
    if idle:
        yield Tell("gate", idle[0].what, number)
        return "", ""
    change = changes_in_words(gated, evidence.inventory)
    yield Tell("gate", "passed: " + change, number)
    weighed = chosen.weigh(gated, evidence.inventory)
    course.amend(risk=weighed.risk)
    if weighed.approval == "never":
        what = f"the policy never allows a change of this risk: {weighed.risk}"
        course.amend(findings=(Finding(_FORBIDDEN, "play", what),))
        yield Tell("gate", what, number)
        return "", ""
    if chosen.mode == "plan" or weighed.approval == "person":
        return (yield from _propose(course, gated, evidence, weighed))
    return (yield from carry_out(course, gated, evidence, change))


def _propose(
    course: Course, gated: Playbook, evidence: Evidence, weighed: Weighed
) -> Generator[Wish, Any, tuple[str, str]]:
    """Ends with a Plan, unless the API server refuses it in a dry run."""
    number = len(course.attempts)
    plan: Plan | tuple[Finding, ...] = yield Propose(
        gated, evidence, weighed.risk, course.attempts[-1].answer.step.diagnosis
    )
    if not isinstance(plan, Plan):
        course.amend(findings=plan)
        for finding in plan[:3]:
            yield Tell("plan", f"the API server refuses it: {finding.what}", number)
        return "", ""
    for line in plan_lines(plan):
        yield Tell("plan", line, number)
    why = "" if weighed.approval == "auto" else " A person must approve it."
    change = plan.in_words + aside(course, evidence, gated)
    return "planned", (
        f"{change}. Risk {plan.risk}.{why} Nothing was changed; apply it until {plan.expires:%H:%M} UTC with: "
        f"ansible-playbook e2ereme.remediate.apply -e plan={plan.path}"
    )


def _choices(evidence: Evidence, probing: bool, course: Course) -> tuple[str, ...]:
    fresh = [ref for ref in evidence.near if ref not in course.looked]
    probe = ("probe",) if probing and fresh else ()
    return (*probe, *(("playbook",) if evidence.anomalies else ()), "escalate")


def _used_up(course: Course, bounds: Bounds, elapsed: float) -> str:
    tokens = sum(answer.tokens_in + answer.tokens_out for answer in course.answers)
    for name, used, limit in (
        ("attempts", len(course.attempts), bounds.attempts),
        ("steps", len(course.answers), bounds.steps),
        ("seconds", elapsed, bounds.seconds),
        ("tokens", tokens, bounds.tokens),
    ):
        if used >= limit:
            return f"used {used:.0f} of {limit:.0f} {name}"
    return ""


def _only_forbidden(course: Course) -> bool:
    """Whether all that was found to do is what the policy forbids at its risk."""
    rules = [finding.rule for attempt in course.attempts for finding in attempt.findings]
    return _FORBIDDEN in rules and not any(attempt.run for attempt in course.attempts)


def _repeats(course: Course, playbook: Playbook) -> tuple[Finding, ...]:
    for number, attempt in enumerate(course.attempts[:-1], 1):
        if attempt.playbook and attempt.playbook.digest == playbook.digest and attempt.run:
            what = f"the same playbook as attempt {number}, which did not repair it"
            return (Finding("loop.repeated", "play", what),)
    return ()


def _changes_nothing(playbook: Playbook, evidence: Evidence) -> tuple[Finding, ...]:
    if effects(playbook, evidence.inventory):
        return ()
    touched = ", ".join(map(str, playbook.touches)) or "nothing"
    return (Finding("loop.no-change", "play", f"it changes nothing: {touched} is so already"),)


def _names(report: Report) -> str:
    return ", ".join(suspect.name for suspect in report.suspects if suspect.sure)
