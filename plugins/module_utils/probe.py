# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks at a namespace and says what is worth saying: the Evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from .cluster import Cluster, reference
from .containerlogs import read_logs
from .draft import Draft
from .drift import drift_facts
from .evidence import Evidence, Inventory, Manifest, ObjectRef
from .facts_capacity import capacity_facts
from .facts_references import reference_facts
from .facts_requests import request_facts
from .facts_said import event_facts, log_facts
from .facts_services import service_facts
from .facts_spec import spec_facts
from .facts_state import state_facts
from .measure import ask, doors, unasked
from .near import found_suspects, near
from .peers import peer_facts
from .rank import rank, settled
from .reading import read
from .redact import line
from .workloads import View

_DETAILED = 2  # objects whose make-up is shown
_MEASURED = 6  # objects whose requests are timed, beside the siblings


def look(
    cluster: Cluster,
    namespace: str,
    suspects: tuple[tuple[str, str], ...] = (),
    targets: tuple[ObjectRef, ...] = (),
    *,
    guesses: tuple[tuple[str, str], ...] = (),
    measure: bool = True,
    logs: bool = True,
) -> Evidence:
    """Reads, measures and ranks. ``suspects`` are names and kinds of the report, ``targets`` what to show closely.

    ``guesses`` are suspects too where they exist; where not, they were words like any other.

    What cannot be read is in ``Evidence.inventory.unseen``; Unreachable, Forbidden or NotFound only
    when what it cannot do without can not.
    """
    inventory, masks = read(cluster, namespace)
    view = View(inventory)
    suspects = (*suspects, *(guess for guess in guesses if found_suspects(view, (guess,))))
    suspected = found_suspects(view, suspects)
    first = settled(view, anomalies(view), suspected)
    about = near(view, suspected, first, targets)
    if logs:
        tails, unread = read_logs(cluster, view, (*targets, *about[:3]), masks)
        inventory = replace(inventory, logs=tails, unseen=(*inventory.unseen, *unread))
    if measure:
        asked = doors(view, _worth_measuring(view, about, targets))
        answers = tuple(replace(item, error=line(item.error, 160, masks)) for item in ask(cluster, asked))
        inventory = replace(inventory, measurements=answers, unseen=(*inventory.unseen, *unasked(asked, answers)))
    return _masked(evidence(inventory, suspects, targets, masks, view.renewed(inventory)), masks)


def evidence(
    inventory: Inventory,
    suspects: tuple[tuple[str, str], ...] = (),
    targets: tuple[ObjectRef, ...] = (),
    masks: Iterable[str] = (),
    view: View | None = None,
) -> Evidence:
    """What an Inventory tells; pure. ``view``: one of this very Inventory, where there is one already."""
    view = view or View(inventory)
    suspected = found_suspects(view, suspects)
    drafts = settled(view, anomalies(view), suspected)
    about = near(view, suspected, drafts, targets)
    context = [
        *drift_facts(view, (*about, *targets)),
        *peer_facts(view, about[:_DETAILED]),
        *spec_facts(view, (*targets, *about[:_DETAILED])),
    ]
    context += _not_there(suspects, view, inventory)
    return Evidence(rank([*drafts, *context], about, masks), about, inventory)


def anomalies(view: View) -> Iterator[Draft]:
    """Everything that is, or may be, wrong in a reading; unranked."""
    yield from state_facts(view)
    yield from reference_facts(view)
    yield from service_facts(view)
    yield from capacity_facts(view)
    yield from request_facts(view)
    yield from event_facts(view)
    yield from log_facts(view)


def _worth_measuring(view: View, about: tuple[ObjectRef, ...], targets: tuple[ObjectRef, ...]) -> list[ObjectRef]:
    wanted = [ref for ref in (*targets, *about) if ref.kind == "Service" or ref in view.workloads]
    entrances = [reference(item) for item in view.inventory.of("Service") if _is_entrance(view, item)]
    return list(dict.fromkeys([*wanted[:_MEASURED], *entrances[:2]]))


def _is_entrance(view: View, service: Manifest) -> bool:
    """A Service that calls others and that few call: what fails behind it shows there."""
    name = service["metadata"]["name"]
    works = {work.ref for work in view.selected.get(reference(service), ())}
    return bool(works) and len(view.callers.get(name, ())) <= 1 and any(call.caller in works for call in view.calls)


def _not_there(suspects: tuple[tuple[str, str], ...], view: View, inventory: Inventory) -> Iterator[Draft]:
    for name, kind in suspects:
        if not found_suspects(view, ((name, kind),)):
            ref = ObjectRef(kind or "Name", inventory.namespace, name)
            yield Draft("unseen", ref, f"not in namespace {inventory.namespace}", 0.0, "report", salience=0.6)
    if inventory.unseen:
        ref = ObjectRef("Namespace", "", inventory.namespace)
        yield Draft("unseen", ref, f"not seen: {'; '.join(inventory.unseen)}", 0.0, "API server", salience=0.2)


def _masked(found: Evidence, masks: frozenset[str]) -> Evidence:
    """Events may quote a Secret's value; the Inventory is kept, so it must not."""
    if not masks:
        return found
    events = found.inventory.of("Event")
    clean = tuple(
        {**event, "message": line(str(event.get("message") or ""), 1024, masks)}
        if any(mask in str(event.get("message") or "") for mask in masks)
        else event
        for event in events
    )
    objects = {**found.inventory.objects, "Event": clean} if events else found.inventory.objects
    return replace(found, inventory=replace(found.inventory, objects=objects))
