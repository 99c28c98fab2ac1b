# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts from timed requests: what fails, and what is slow beside its siblings at the same moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median

from .cluster import reference
from .draft import Draft, essential
from .evidence import Measurement, ObjectRef
from .facts_services import CONSEQUENCE
from .workloads import View, pod_is_ready

SLOWER = 4.0
"""So many times slower than the median of the healthy siblings is slow, ..."""
SLOW = 0.25
"""... but only from so many seconds on: below, the machine's noise would be called slowness."""


def request_facts(view: View) -> Iterator[Draft]:
    """One line for each Service that does not answer as its siblings do; Pods only where they tell more."""
    measured = view.inventory.measurements
    told: set[ObjectRef] = set()
    # By tenths of a second: which of two quick failures is told should not hang on a millisecond.
    for item in sorted(measured, key=lambda entry: (-entry.failed, -round(entry.seconds, 1))):
        text = trouble(item, usual_seconds(measured, item.path, item.target))
        if item.target.kind == "Service" and text and item.target not in told:
            told.add(item.target)
            yield Draft("request", item.target, text, _weight(view, item), "timed requests")
    for item in measured:
        if item.target.kind != "Pod":
            continue
        owner = view.owner(item.target)
        asked = {reference(service) for service in view.services.get(owner, ())}
        failing = [entry for entry in measured if entry.target in asked and entry.failed >= 0.5 and not entry.status]
        if failing and item.failed == 0:
            text = f"its Pod answers GET :{item.port}{item.path} itself with {item.status}"
            yield Draft("request", owner, text, 0.0, "timed requests", latent=0.3, salience=0.4)
        elif not asked and (found := trouble(item, usual_seconds(measured, item.path, item.target))):
            yield Draft("request", owner, found, 0.7, "timed requests")


def _weight(view: View, item: Measurement) -> float:
    """Nobody answers where no Pod is ready, which is said of the workload."""
    behind = view.selected.get(item.target, ())
    if not item.status and behind and not any(pod_is_ready(pod) for work in behind for pod in work.pods):
        return CONSEQUENCE
    return 0.8 if item.failed >= 0.5 else 0.6


def usual_seconds(measured: Iterable[Measurement], path: str, without: ObjectRef) -> float | None:
    """The median of what others take to answer the like soundly; None where nothing does."""
    others = [item for item in measured if item.failed == 0 and item.target != without]
    alike = [item.seconds for item in others if (item.path == "/") == (path == "/")]
    return median(alike) if alike else None


def trouble(item: Measurement, usual: float | None) -> str:
    """What is wrong with how a target answers; empty when nothing is."""
    if item.failed > 0:
        return _failures(item)
    if item.seconds >= SLOW and usual is not None and item.seconds > SLOWER * usual:
        return f"GET :{item.port}{item.path} takes {item.seconds:.2f}s, siblings {usual:.2f}s"
    return ""


def _failures(item: Measurement) -> str:
    outcome = str(item.status) if item.status else "no connection"
    share = "" if item.failed >= 1 else f" in {item.failed:.0%} of requests"
    said = essential(item.error, 70)
    return f"GET :{item.port}{item.path} fails{share}: {outcome}{f' {said}' if said and said != outcome else ''}"
