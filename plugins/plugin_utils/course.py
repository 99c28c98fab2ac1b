# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every course of an Episode shares: what it has gathered, carrying a Playbook out, and ending.

A course that was refused, cancelled or broken undoes what is pending before it ends.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

from ..module_utils.errors import Refused, RemediateError
from ..module_utils.evidence import Evidence, ObjectRef
from ..module_utils.verdict import Verdict
from .episode import Attempt, Episode, Undone
from .playbook import Playbook
from .report import Report
from .report_subject import unlike_all
from .runresult import RunResult
from .snapshot import Snapshot
from .step import Answer
from .telling import measured, ran
from .wishes import Cancelled, Loop, Run, Save, Tell, Undo, Verify, Wish


@dataclass
class Course:
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


def to_its_end(course: Course, body: Loop) -> Loop:
    """Runs a course; what is thrown into it becomes the outcome that ends it, after the undo of what is pending."""
    try:
        return (yield from body)
    except Refused as refusal:
        return (yield from _stopped(course, "refused", str(refusal)))
    except Cancelled as cancelled:
        return (yield from _stopped(course, "cancelled", str(cancelled) or "interrupted"))
    except RemediateError as error:
        return (yield from _stopped(course, "broken", str(error)))


def carry_out(
    course: Course, playbook: Playbook, evidence: Evidence, change: str
) -> Generator[Wish, Any, tuple[str, str]]:
    """Snapshot, run, verify, and undo where it did not help; ``change`` tells what it does, in words.

    Returns the outcome that ends the Episode with its reason, or two empty strings.
    """
    number = len(course.attempts)
    snapshot: Snapshot = yield Save(playbook)
    course.pending = (snapshot, playbook, evidence)
    course.tried.append(change)
    yield Tell("run", f"running; the way back is attempt-{number}/undo.yml", number)
    run: RunResult = yield Run(playbook)
    course.amend(run=run)
    if run.ok:
        yield Tell("run", ran(run), number)
        yield Tell("verify", "watching until it is healthy and stays so", number)
        verdict: Verdict = yield Verify(evidence, playbook.touches)
        course.amend(verdict=verdict)
        if verdict.healthy:
            course.pending = None
            course.changed.extend(playbook.touches)
            held = f"healthy for {verdict.held_seconds:.0f} s"
            yield Tell("verify", f"{held}: {measured(verdict)}", number)
            return "resolved", f"{change}; verified {held}{aside(course, evidence, playbook)}"
        yield Tell("verify", f"not healthy: {measured(verdict)}", number)
    else:
        yield Tell("run", "failed: " + (run.stopped or _failure(run)), number)
    undone = yield from _undo(course)
    if undone is not None and not undone.restored:
        return "escalated", "the undo did not restore everything; see undo.yml in the Episode's folder"
    return "", ""


def guard(report: Report, evidence: Evidence) -> tuple[str, str] | None:
    """Takes a branch away from the model: nothing to repair, or nothing to repair it on."""
    inventory = evidence.inventory
    known = {item["metadata"]["name"] for items in inventory.objects.values() for item in items}
    named = [suspect for suspect in report.suspects if suspect.sure or suspect.name in known]
    if not named:
        named = [suspect for suspect in report.suspects if suspect.subject and unlike_all(suspect.name, known)]
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


def aside(course: Course, evidence: Evidence, playbook: Playbook) -> str:
    """Says which of the report's suspects nothing wrong was seen of: what it means may not be what was repaired."""
    facts = [fact.text for each in (*course.evidence, evidence) for fact in each.anomalies]
    told = " ".join([*facts, *(ref.name for ref in playbook.touches)])
    words = set(re.findall(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", told.lower()))
    sound = [
        suspect.name for suspect in course.report.suspects if suspect.sure and not _exists(suspect.name.lower(), words)
    ]
    if not sound:
        return ""
    return f". The report names {', '.join(sound)}, of which nothing wrong was seen"


def _exists(name: str, known: set[str]) -> bool:
    return name in known or any(other.startswith(name + "-") for other in known)


def learnt(course: Course) -> str:
    """What a person who takes over should know: the tries and the most telling facts."""
    tried = [f"tried: {change}" for change in course.tried]
    facts = [fact.text for fact in course.evidence[-1].anomalies[:2]] if course.evidence else []
    return "; ".join(tried + facts)


def _undo(course: Course) -> Generator[Wish, Any, Undone | None]:
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


def _stopped(course: Course, outcome: str, why: str) -> Loop:
    """Ends an Episode that was refused, cancelled or broken, after undoing what is pending."""
    try:
        undone = yield from _undo(course)
    except (RemediateError, Cancelled) as error:
        playbook = course.attempts[-1].playbook
        touched = playbook.touches if playbook else ()
        course.changed.extend(touched)
        what = f"Changed and not undone: {', '.join(map(str, touched))}, since {error}"
        return course.end(outcome, f"{why} {what} Then run undo.yml in the Episode's folder.")
    if undone is not None:
        done = "The change was undone" if undone.complete else "The undo is incomplete: run undo.yml in its folder"
        why = f"{why}. {done}"
    return course.end(outcome, why)


def _failure(run: RunResult) -> str:
    failed = (f"{task.name}: {task.message}" for task in run.tasks if task.status in ("failed", "unreachable"))
    return next(failed, f"exit code {run.rc}")
