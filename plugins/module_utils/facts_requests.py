# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts from timed requests: what fails, and what is slow beside its siblings at the same moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median

from .draft import Draft, essential
from .evidence import Measurement, ObjectRef
from .workloads import View

SLOWER = 4.0
"""So many times slower than the median of the healthy siblings is slow, ..."""
SLOW = 0.25
"""... but only from so many seconds on: below, the machine's noise would be called slowness."""


def request_facts(view: View) -> Iterator[Draft]:
    """One line for each Service that does not answer as its siblings do; Pods only where they tell more."""
    measured = view.inventory.measurements
    usual = usual_seconds(measured)
    services = {item.target.name: item for item in measured if item.target.kind == "Service"}
    for item in measured:
        if item.target.kind == "Service":
            if text := trouble(item, usual):
                yield Draft("request", item.target, text, 0.8 if item.failed >= 0.5 else 0.6, "timed requests")
            elif item.failed > 0:
                yield Draft("request", item.target, _failures(item), 0.6, "timed requests")
    for item in measured:
        if item.target.kind != "Pod":
            continue
        owner = view.owner(item.target)
        names = [service["metadata"]["name"] for service in view.services.get(owner, ())]
        before = next((services[name] for name in names if name in services), None)
        if before and before.failed >= 0.5 and item.failed == 0:
            text = f"its Pod answers GET :{item.port}{item.path} itself with {item.status}"
            yield Draft("request", owner, text, 0.0, "timed requests", latent=0.3, salience=0.4)
        elif before is None and (found := trouble(item, usual)):
            yield Draft("request", owner, found, 0.7, "timed requests")


def usual_seconds(measured: Iterable[Measurement], without: Iterable[ObjectRef] = ()) -> float | None:
    """The median of what answers soundly; None where nothing does."""
    left_out = set(without)
    sound = [item.seconds for item in measured if item.failed == 0 and item.target not in left_out]
    return median(sound) if sound else None


def trouble(item: Measurement, usual: float | None) -> str:
    """What is wrong with how a target answers; empty when nothing is."""
    if item.failed >= 0.5:
        return _failures(item)
    if item.seconds >= SLOW and usual is not None and item.seconds > SLOWER * usual:
        return f"GET :{item.port}{item.path} takes {item.seconds:.2f}s, siblings {usual:.2f}s"
    return ""


def _failures(item: Measurement) -> str:
    outcome = str(item.status) if item.status else "no connection"
    share = "" if item.failed >= 1 else f" in {item.failed:.0%} of requests"
    said = essential(item.error, 70)
    return f"GET :{item.port}{item.path} fails{share}: {outcome}{f' {said}' if said and said != outcome else ''}"
