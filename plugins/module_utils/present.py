# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong at the moment of a reading; events, logs and restarts, which tell how it was, are left out; pure."""

from __future__ import annotations

from collections.abc import Iterable

from .draft import Draft
from .evidence import ObjectRef
from .facts_capacity import capacity_facts
from .facts_references import reference_facts
from .facts_requests import request_facts
from .facts_services import service_facts
from .facts_state import state_facts
from .rank import settled
from .workloads import View

CURRENT = ("state", "reference", "request", "usage")
"""Kinds of facts that tell how it is."""
_GRAVE = 0.4  # a lighter anomaly is not held against a repair


def present(view: View) -> tuple[Draft, ...]:
    """All that objects tell of the moment; requests aside, so that it is computed once for several measurements."""
    found = (*state_facts(view), *reference_facts(view), *service_facts(view), *capacity_facts(view))
    return tuple(item for item in found if item.kind in CURRENT)


def grave(view: View, drafts: Iterable[Draft], suspected: Iterable[ObjectRef] = ()) -> dict[ObjectRef, str]:
    """The worst anomaly of each object that has one: of ``drafts``, and of the view's measurements."""
    worst: dict[ObjectRef, Draft] = {}
    for item in settled(view, [*drafts, *request_facts(view)], suspected):
        if item.kind in CURRENT and item.weight >= _GRAVE:
            ref = view.owner(item.subject)
            if ref not in worst or worst[ref].weight < item.weight:
                worst[ref] = item
    return {ref: item.text for ref, item in worst.items()}
