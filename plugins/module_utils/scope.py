# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a repair answers for: what was touched, what the report named, and one dependency hop around them; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from .cluster import reference
from .evidence import Evidence, ObjectRef
from .facts_references import references
from .facts_requests import trouble, usual_seconds
from .near import neighbours
from .present import grave, present
from .workloads import View


@dataclass(frozen=True)
class Before:
    """How it was before the change; everything in it is computed once, when first asked for.

    Where the report names nobody, all that was anomalous is what it is about.
    """

    evidence: Evidence
    touched: tuple[ObjectRef, ...]
    suspects: tuple[ObjectRef, ...] = ()

    @cached_property
    def view(self) -> View:
        """The index over what was read then."""
        return View(self.evidence.inventory)

    @cached_property
    def named(self) -> tuple[ObjectRef, ...]:
        """What was touched and what was suspected, as workloads where they belong to one."""
        refs = (*self.touched, *(self.suspects or self.evidence.near[:1]))
        return tuple(dict.fromkeys(self.view.owner(ref) for ref in refs))

    @cached_property
    def around(self) -> frozenset[ObjectRef]:
        """The named, what they serve, and the Services of these."""
        return _around(self.named, (self.view,))

    @cached_property
    def linked(self) -> frozenset[ObjectRef]:
        """All whose anomalies must be gone: ``around``, and what calls it, is called by it or configures it."""
        if not self.suspects:
            return self.around | frozenset(self.grave)
        hops = {hop for ref in self.around for hop in neighbours(self.view, ref)}
        return self.around | hops | {service for ref in hops for service in _services(self.view, ref)}

    @cached_property
    def grave(self) -> dict[ObjectRef, str]:
        """What was wrong then, by object."""
        return grave(self.view, present(self.view), self.around)

    @cached_property
    def failing(self) -> tuple[ObjectRef, ...]:
        """What did not answer as it should and must now: gone is only what was asked again."""
        measured = self.evidence.inventory.measurements
        bad = [item.target for item in measured if trouble(item, usual_seconds(measured, item.path, item.target))]
        owners = dict.fromkeys(self.view.owner(ref) for ref in bad)
        return tuple(ref for ref in owners if ref in self.linked)


@dataclass(frozen=True)
class Scope:
    """``focus``: workloads that must be healthy; ``around``: they, what was named, and their Services;
    ``linked``: all at which the report's symptom may show."""

    focus: tuple[ObjectRef, ...]
    around: frozenset[ObjectRef]
    linked: frozenset[ObjectRef] = field(default=frozenset())


def scope(before: Before, now: View) -> Scope:
    """What the repair answers for by now: a Service may select others than before."""
    views = (before.view, now)
    focus = dict.fromkeys(ref for named in before.named for view in views for ref in _focus(view, named))
    around = _around(before.named, views)
    return Scope(tuple(focus), around, around | before.linked)


def _around(named: Iterable[ObjectRef], views: tuple[View, ...]) -> frozenset[ObjectRef]:
    named = tuple(named)
    focus = {found for ref in named for view in views for found in _focus(view, ref)}
    return frozenset(
        {*named, *focus, *(service for ref in focus for view in views for service in _services(view, ref))}
    )


def _focus(view: View, ref: ObjectRef) -> list[ObjectRef]:
    """The workloads that an object stands for: itself, or those that a Service, ConfigMap or the like is there for."""
    if ref in view.workloads:
        return [ref]
    if ref.kind == "Service":
        return [work.ref for work in view.selected.get(ref, ())]
    users = [work for work in view.workloads.values() if any(target == ref for target, *_ in references(work))]
    return [work.ref for work in users if work.desired != 0]  # one that is off needs no configuration


def _services(view: View, ref: ObjectRef) -> Iterator[ObjectRef]:
    return (reference(service) for service in view.services.get(ref, ()))
