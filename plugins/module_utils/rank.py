# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From all that could be said to the few lines that are: ranked, bounded, redacted, each with an id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from .draft import Draft
from .evidence import Fact, ObjectRef
from .redact import line
from .workloads import View

LINES = 12
CHARACTERS = 1100
"""Of all lines together: about 450 tokens, what a small model reads well."""
_LINE = 230
_ANOMALIES_A_SUBJECT = 3
_CONTEXT_A_SUBJECT = 4


def settled(view: View, drafts: Iterable[Draft], suspects: Iterable[ObjectRef]) -> list[Draft]:
    """Drafts with their final weight: latent ones count where their subject is suspected or troubled."""
    items = list(drafts)
    troubled = {view.owner(item.subject) for item in items if item.weight > 0} | set(suspects)
    # A Service in trouble troubles what it selects, and the other way round.
    for ref in list(troubled):
        troubled |= {work.ref for work in view.selected.get(ref, ())}
        troubled |= {
            ObjectRef("Service", ref.namespace, item["metadata"]["name"]) for item in view.services.get(ref, ())
        }
    return [
        replace(item, weight=item.latent) if item.latent > item.weight and item.subject in troubled else item
        for item in items
    ]


def rank(drafts: Iterable[Draft], near: tuple[ObjectRef, ...], masks: Iterable[str] = ()) -> tuple[Fact, ...]:
    """The Facts, most telling first: anomalies, with the changes of the same objects among them, then context."""
    place = {ref: index for index, ref in enumerate(near)}
    anomalous = {item.subject for item in drafts if item.weight > 0}
    scored = sorted(((_score(item, place, anomalous), item) for item in _distinct(drafts)), key=lambda pair: -pair[0])
    hidden = tuple(masks)
    facts: list[Fact] = []
    said: Counter[tuple[ObjectRef, bool]] = Counter()
    size = 0
    for score, item in scored:
        key = item.subject, item.weight > 0
        if score <= 0 or said[key] >= (_ANOMALIES_A_SUBJECT if item.weight > 0 else _CONTEXT_A_SUBJECT):
            continue
        text = line(f"{item.subject}: {item.text}", _LINE, hidden)
        if len(facts) >= LINES or size + len(text) > CHARACTERS:
            continue
        said[key] += 1
        size += len(text)
        facts.append(Fact(f"e{len(facts) + 1}", item.kind, item.subject, text, item.weight, item.source, item.time))
    return tuple(facts)


def _score(item: Draft, place: dict[ObjectRef, int], anomalous: set[ObjectRef]) -> float:
    close = 0.6 * (1.0 - place[item.subject] / len(place)) if item.subject in place else 0.0
    if item.weight > 0:
        return item.weight + close
    if item.subject in place:
        return close + item.salience + (0.3 if item.subject in anomalous and item.kind == "drift" else 0.0)
    if item.kind == "unseen":
        return item.salience
    return 0.4 * item.salience if item.kind == "drift" else 0.0  # a change elsewhere may be a cause


def _distinct(drafts: Iterable[Draft]) -> list[Draft]:
    """Each thing said once: the heaviest of those with equal text."""
    best: dict[tuple[ObjectRef, str], Draft] = {}
    for item in drafts:
        key = item.subject, item.text
        if key not in best or best[key].weight < item.weight:
            best[key] = item
    return list(best.values())
