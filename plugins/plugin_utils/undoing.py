# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The course of an Episode that undoes what an earlier one changed."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ..module_utils.evidence import Evidence
from .course import Course, to_its_end
from .episode import Attempt, Episode, Undone
from .report import Report
from .retrace import Way
from .step import Answer, PlaybookStep
from .telling import measured
from .wishes import Look, Loop, Retrace, Save, Tell, Undo, Wish


def undo(report: Report, *, dry: bool = False) -> Loop:
    """Takes back an Episode's changes; ``dry``: only says which. Nothing to take back is a good end too."""
    course = Course(report)
    return (yield from to_its_end(course, _undone(course, dry)))


def _undone(course: Course, dry: bool) -> Generator[Wish, Any, Episode]:
    way: Way = yield Retrace()
    if not way.playbook.tasks:
        return course.end("healthy", "there is nothing to undo: all of it is as it was before that Episode")
    for line in way.lines:
        yield Tell("undo", line)
    for line in way.foreign:
        yield Tell("undo", f"changed since by another hand, and undone all the same: {line}")
    what = "; ".join(way.lines)
    if dry:
        return course.end("planned", f"it would restore {what}. Nothing was changed")
    evidence: Evidence = yield Look(())
    course.evidence.append(evidence)
    step = PlaybookStep(way.playbook.text, (), "undo")
    course.attempts.append(Attempt(Answer(step, "", 0, 0, 0.0), playbook=way.playbook))
    yield Save(way.playbook)
    undone: Undone = yield Undo(way.goal, way.playbook, evidence)
    course.amend(run=undone.run, verdict=undone.verdict)
    course.changed.extend(way.playbook.touches)
    if not undone.restored:
        return course.end("escalated", f"not all could be restored: {measured(undone.verdict)}")
    worse = "; ".join(undone.verdict.worse[:3])
    return course.end("resolved", f"restored {what}" + (f". Seen right after it: {worse}" if worse else ""))
