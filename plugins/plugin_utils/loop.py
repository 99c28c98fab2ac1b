# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Coordinator: a generator that yields what it wants done and receives what came of it.

It does no input or output itself. ``drive`` feeds it with a pair of hands: those of the action
plugin, of the benchmark, of a training rollout or of a test. Cancelling is ``throw(Cancelled)``:
the loop still yields the undo of what it changed before it returns its Episode.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ..module_utils.errors import Refused, RemediateError
from ..module_utils.evidence import Evidence, ObjectRef
from ..module_utils.verdict import Verdict
from .episode import Attempt, Bounds, Episode, Undone
from .playbook import Finding, Playbook
from .report import Report
from .runresult import RunResult
from .snapshot import Snapshot
from .step import Answer, EscalateStep, PlaybookStep, ProbeStep, UnreadableStep
from .telling import anomalies, changes_in_words, cited, effects, measured, ran


class Cancelled(BaseException):
    """Thrown into the loop to end it; ``str()`` says by what."""


@dataclass(frozen=True)
class Look:
    """Wanted: Evidence, with details of ``targets`` beside what the report names."""

    targets: tuple[ObjectRef, ...]


@dataclass(frozen=True)
class Write:
    """Wanted: the model's Answer. ``steps`` are the Step kinds that it may choose among."""

    evidence: Evidence
    attempts: tuple[Attempt, ...]
    steps: tuple[str, ...]  # of: probe, playbook, escalate
    looked: tuple[ObjectRef, ...]


@dataclass(frozen=True)
class Gate:
    """Wanted: a Playbook, or the Findings against it."""

    step: PlaybookStep
    evidence: Evidence


@dataclass(frozen=True)
class Save:
    """Wanted: a Snapshot of what the Playbook touches (and the Lease and rate limits, once)."""

    playbook: Playbook


@dataclass(frozen=True)
class Run:
    """Wanted: a RunResult."""

    playbook: Playbook


@dataclass(frozen=True)
class Verify:
    """Wanted: a Verdict, beside the Evidence from before the change."""

    before: Evidence
    touched: tuple[ObjectRef, ...]


@dataclass(frozen=True)
class Undo:
    """Wanted: Undone."""

    snapshot: Snapshot
    playbook: Playbook
    before: Evidence


@dataclass(frozen=True)
class Tell:
    """Progress for whoever watches: the station and a line. Nothing is expected back."""

    station: str  # probe, write, gate, snapshot, run, verify, undo, end
    text: str
    attempt: int = 0


Wish = Look | Write | Gate | Save | Run | Verify | Undo | Tell


class Hands(Protocol):
    """What carries out the loop's wishes."""

    def look(self, wish: Look) -> Evidence: ...
    def write(self, wish: Write) -> Answer: ...
    def gate(self, wish: Gate) -> Playbook | tuple[Finding, ...]: ...
    def save(self, wish: Save) -> Snapshot: ...
    def run(self, wish: Run) -> RunResult: ...
    def verify(self, wish: Verify) -> Verdict: ...
    def undo(self, wish: Undo) -> Undone: ...
    def tell(self, wish: Tell) -> None: ...


Loop = Generator[Wish, Any, Episode]


@dataclass
class _Course:
    """What an Episode has gathered so far."""

    report: Report
    answers: list[Answer] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    looked: list[ObjectRef] = field(default_factory=list)
    pending: tuple[Snapshot, Playbook, Evidence] | None = None  # changed, not yet verified nor undone
    changed: list[ObjectRef] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)  # what each run changed, in words

    def end(self, outcome: str, why: str) -> Episode:
        return Episode(
            report=self.report,
            outcome=outcome,
            message=f"{outcome}: {why}",
            answers=tuple(self.answers),
            attempts=tuple(self.attempts),
            evidence=tuple(self.evidence),
            changed=tuple(self.changed),
        )

    def amend(self, **parts: Any) -> None:
        self.attempts[-1] = replace(self.attempts[-1], **parts)


def remediate(
    report: Report,
    bounds: Bounds,
    now: Callable[[], float],
    *,
    mode: str = "auto",
    probing: bool = True,
    reflection: bool = True,
) -> Loop:
    """The whole course of an Episode.

    ``now`` counts seconds. ``probing=False, reflection=False`` is SoloGen, the baseline of
    MicroRemed: one look, one playbook, no second try.
    """
    course = _Course(report)
    started = now()
    try:
        return (yield from _episode(course, bounds, lambda: now() - started, mode, probing, reflection))
    except Refused as refusal:
        return (yield from _stopped(course, "refused", str(refusal)))
    except Cancelled as cancelled:
        return (yield from _stopped(course, "cancelled", str(cancelled) or "interrupted"))
    except RemediateError as error:
        return (yield from _stopped(course, "broken", str(error)))


def _episode(
    course: _Course, bounds: Bounds, elapsed: Callable[[], float], mode: str, probing: bool, reflection: bool
) -> Loop:
    yield Tell("probe", f"looking at {_names(course.report) or 'everything'} in namespace {course.report.namespace}")
    evidence: Evidence = yield Look(())
    course.evidence.append(evidence)
    guarded = _guard(course.report, evidence)
    if guarded:
        return course.end(*guarded)
    for line in anomalies(evidence):
        yield Tell("probe", line)
    while True:
        used_up = _used_up(course, bounds, elapsed())
        if used_up:
            return course.end("exhausted", f"{used_up}. {_learnt(course)}")
        number = len(course.attempts) + 1
        steps = _choices(evidence, probing and len(course.answers) + 1 < bounds.steps, course)
        yield Tell("write", f"the model reads {len(evidence.facts)} facts and writes", number)
        answer: Answer = yield Write(evidence, tuple(course.attempts), steps, tuple(course.looked))
        course.answers.append(answer)
        step = answer.step
        yield Tell("write", f"{cited(step)}; {answer.seconds:.1f} s", number)
        if isinstance(step, EscalateStep):
            return course.end("escalated", f"{step.reason}. {_learnt(course)}")
        if isinstance(step, ProbeStep):
            yield Tell("probe", "looking closer at " + ", ".join(map(str, step.targets)), number)
            course.looked.extend(step.targets)
            evidence = yield Look(tuple(course.looked))
            for line in anomalies(evidence, course.evidence):
                yield Tell("probe", line, number)
            course.evidence.append(evidence)
            continue
        resolved, why = yield from _attempt(course, step, evidence, mode)
        if resolved:
            return course.end(resolved, why)
        if not reflection:
            return course.end("exhausted", f"one try without reflection. {_learnt(course)}")
        evidence = yield Look(tuple(course.looked))
        for line in anomalies(evidence, course.evidence):
            yield Tell("probe", line, number)
        course.evidence.append(evidence)


def _attempt(
    course: _Course, step: PlaybookStep | UnreadableStep, evidence: Evidence, mode: str
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
    if mode == "plan":
        return "planned", f"{change}. Nothing was changed; run it with remediate_mode=auto"
    snapshot: Snapshot = yield Save(gated)
    course.pending = (snapshot, gated, evidence)
    course.tried.append(change)
    yield Tell("run", f"running; the way back is attempt-{number}/undo.yml", number)
    run: RunResult = yield Run(gated)
    course.amend(run=run)
    if run.ok:
        yield Tell("run", ran(run), number)
        yield Tell("verify", "watching until it is healthy and stays so", number)
        verdict: Verdict = yield Verify(evidence, gated.touches)
        course.amend(verdict=verdict)
        if verdict.healthy:
            course.pending = None
            course.changed.extend(gated.touches)
            held = f"healthy for {verdict.held_seconds:.0f} s"
            yield Tell("verify", f"{held}: {measured(verdict)}", number)
            return "resolved", f"{change}; verified {held}"
        yield Tell("verify", f"not healthy: {measured(verdict)}", number)
    else:
        yield Tell("run", "failed: " + (run.stopped or _failure(run)), number)
    undone = yield from _undo(course)
    if undone is not None and not undone.restored:
        return "escalated", "the undo did not restore everything; see undo.yml in the Episode's folder"
    return "", ""


def _undo(course: _Course) -> Generator[Wish, Any, Undone | None]:
    if course.pending is None:
        return None
    snapshot, playbook, before = course.pending
    yield Tell("undo", "restoring " + ", ".join(map(str, playbook.touches)), len(course.attempts))
    undone: Undone = yield Undo(snapshot, playbook, before)
    course.pending = None  # not before: an undo that broke is tried once more when the Episode ends
    course.amend(undone=undone)
    state = "everything is as it was before" if undone.complete else "incomplete: " + measured(undone.verdict)
    yield Tell("undo", state, len(course.attempts))
    if not undone.complete:
        course.changed.extend(playbook.touches)
    return undone


def _stopped(course: _Course, outcome: str, why: str) -> Loop:
    """Ends an Episode that was refused, cancelled or broken, after undoing what is pending."""
    try:
        undone = yield from _undo(course)
    except (RemediateError, Cancelled) as error:
        course.changed.extend(course.attempts[-1].playbook.touches if course.attempts[-1].playbook else ())
        return course.end(outcome, f"{why}. The undo failed too: {error}. Run undo.yml in the Episode's folder")
    if undone is not None:
        done = "The change was undone" if undone.complete else "The undo is incomplete: run undo.yml in its folder"
        why = f"{why}. {done}"
    return course.end(outcome, why)


def _guard(report: Report, evidence: Evidence) -> tuple[str, str] | None:
    """Takes a branch away from the model: nothing to repair, or nothing to repair it on."""
    inventory = evidence.inventory
    known = {item["metadata"]["name"] for items in inventory.objects.values() for item in items}
    named = [suspect for suspect in report.suspects if suspect.sure or suspect.name in known]
    missing = [suspect.name for suspect in named if not _exists(suspect.name, known)]
    if named and len(missing) == len(named):
        return (
            "escalated",
            f"the report names {', '.join(missing)}, which namespace {inventory.namespace} does not have",
        )
    if evidence.anomalies:
        return None
    if report.resolved:
        return "healthy", "the alert says that it is resolved, and nothing anomalous is seen"
    unseen = f" Not seen: {'; '.join(inventory.unseen)}." if inventory.unseen else ""
    return "healthy", f"nothing anomalous is seen in namespace {inventory.namespace}; nothing was changed.{unseen}"


def _exists(name: str, known: set[str]) -> bool:
    return name in known or any(other.startswith(name + "-") for other in known)


def _choices(evidence: Evidence, probing: bool, course: _Course) -> tuple[str, ...]:
    fresh = [ref for ref in evidence.near if ref not in course.looked]
    probe = ("probe",) if probing and fresh else ()
    return (*probe, *(("playbook",) if evidence.anomalies else ()), "escalate")


def _used_up(course: _Course, bounds: Bounds, elapsed: float) -> str:
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


def _repeats(course: _Course, playbook: Playbook) -> tuple[Finding, ...]:
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


def _learnt(course: _Course) -> str:
    """What a person who takes over should know: the tries and the most telling facts."""
    tried = [f"tried: {change}" for change in course.tried]
    facts = [fact.text for fact in course.evidence[-1].anomalies[:2]] if course.evidence else []
    return "; ".join(tried + facts)


def _failure(run: RunResult) -> str:
    failed = (f"{task.name}: {task.message}" for task in run.tasks if task.status in ("failed", "unreachable"))
    return next(failed, f"exit code {run.rc}")


def _names(report: Report) -> str:
    return ", ".join(suspect.name for suspect in report.suspects if suspect.sure)


def drive(loop: Loop, hands: Hands) -> Episode:
    """Feeds the loop until it returns its Episode. What the hands raise is thrown into the loop."""
    act: dict[type, Callable[[Any], Any]] = {
        Look: hands.look,
        Write: hands.write,
        Gate: hands.gate,
        Save: hands.save,
        Run: hands.run,
        Verify: hands.verify,
        Undo: hands.undo,
        Tell: hands.tell,
    }
    try:
        wish = next(loop)
        while True:
            try:
                reply = act[type(wish)](wish)
            except (RemediateError, Cancelled) as error:
                wish = loop.throw(error)
            except KeyboardInterrupt:
                wish = loop.throw(Cancelled("interrupted by the user"))
            else:
                wish = loop.send(reply)
    except StopIteration as end:
        episode: Episode = end.value
        return episode
