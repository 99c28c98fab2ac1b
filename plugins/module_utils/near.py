# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which objects an incident is about: the suspects, what is anomalous, and one dependency hop around them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from .cluster import reference
from .draft import Draft
from .evidence import ObjectRef
from .facts_references import references
from .workloads import WORKLOADS, View

MOST = 8
"""Objects that a Step can be about; more would make the choice hard for a small model."""
_ORDER = (*WORKLOADS, "Service", "ConfigMap", "PersistentVolumeClaim", "Ingress", "NetworkPolicy", "Secret", "Node",
          "HorizontalPodAutoscaler", "ResourceQuota", "ServiceAccount")  # fmt: skip
_POD_SUFFIX = re.compile(r"(?:-[a-f0-9]{6,10})?-[a-z0-9]{5}$|-\d+$")


def found_suspects(view: View, suspects: Iterable[tuple[str, str]]) -> tuple[ObjectRef, ...]:
    """The objects that a report's names stand for, workloads before the Services of the same name."""
    found: dict[ObjectRef, None] = {}
    for name, kind in suspects:
        for ref in _named(view, name, kind):
            found.setdefault(view.owner(ref))
    return tuple(found)


def _named(view: View, name: str, kind: str) -> Iterator[ObjectRef]:
    kinds = [kind, *_ORDER] if kind in view.inventory.objects else list(_ORDER)
    tried = [name, _POD_SUFFIX.sub("", name)]
    for candidate in dict.fromkeys(tried):
        hits = [
            ObjectRef(each, view.inventory.namespace if each != "Node" else "", candidate)
            for each in dict.fromkeys(kinds)
            if any(item["metadata"]["name"] == candidate for item in view.inventory.of(each))
        ]
        if hits:
            # A name alone may mean a workload or its Service; a ConfigMap only where nothing else has it.
            telling = [ref for ref in hits if ref.kind in WORKLOADS or ref.kind in ("Service", kind)]
            yield from telling or hits[:1]
            return
    for work in view.workloads.values():
        if name in work.labels.values():
            yield work.ref


def near(
    view: View, suspects: Iterable[ObjectRef], drafts: Iterable[Draft], targets: Iterable[ObjectRef] = ()
) -> tuple[ObjectRef, ...]:
    """The objects in question, most suspect first, ``MOST`` at most and each one existing."""
    anomalous = sorted((item for item in drafts if item.weight > 0), key=lambda item: -item.weight)
    suspected = list(suspects)
    linked = set(suspected) | {hop for ref in suspected for hop in neighbours(view, ref)}
    # An anomaly beside a suspect tells more than one elsewhere in the namespace.
    first = [*targets, *(item.subject for item in anomalous if item.subject in suspected)]
    first += [*suspected, *(item.subject for item in anomalous if item.subject in linked)]
    rest = [item.subject for item in anomalous]
    core = list(dict.fromkeys(view.owner(ref) for ref in first or rest[:2]))
    hops = [hop for ref in core[:2] for hop in neighbours(view, ref)]
    elsewhere = [view.owner(ref) for ref in rest]
    ordered = dict.fromkeys([*core[:4], *hops[:5], *elsewhere, *core[4:], *hops[5:]])
    existing = [ref for ref in ordered if ref in view.workloads or view.inventory.get(ref) is not None]
    return tuple(existing[:MOST])


def neighbours(view: View, ref: ObjectRef) -> list[ObjectRef]:
    """What an object leans on or serves, closest first: Services, configuration, who it calls, who calls it."""
    work = view.workloads.get(ref)
    if work is None:
        found = [one.ref for one in view.selected.get(ref, ())]
        if ref.kind == "Service":
            found += [call.caller for call in view.callers.get(ref.name, ())]
        else:
            found += [
                one.ref for one in view.workloads.values() if any(target == ref for target, *_ in references(one))
            ]
        return list(dict.fromkeys(found))
    services = [reference(service) for service in view.services.get(ref, ())]
    if not services:
        same = ObjectRef("Service", ref.namespace, ref.name)
        services = [same] if view.inventory.get(same) is not None else []
    configured = [target for target, *_ in references(work) if target.kind in ("ConfigMap", "PersistentVolumeClaim")]
    # What only this workload uses is more likely about it than what all share.
    shared = Counter(
        target for other in view.workloads.values() for target in {target for target, *_ in references(other)}
    )
    configured.sort(key=lambda target: shared[target])
    called = [
        ObjectRef("Service", ref.namespace, call.host)
        for call in view.calls
        if call.caller == ref and call.host in view.service_named
    ]
    behind = [one.ref for service in called for one in view.selected.get(service, ())]
    callers = [call.caller for service in services for call in view.callers.get(service.name, ())]
    scaled = [
        reference(item)
        for item in view.inventory.of("HorizontalPodAutoscaler")
        if (item["spec"].get("scaleTargetRef") or {}).get("name") == ref.name
    ]
    found = [*services, *configured, *scaled, *called, *behind, *callers]
    return [one for one in dict.fromkeys(found) if one != ref]
