# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""In what an object differs from all its siblings, which agree: the conventions of a system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from .cluster import reference
from .draft import Draft
from .evidence import Manifest, ObjectRef
from .leaves import leaves, short, shown
from .workloads import View

_KINDS = ("Deployment", "StatefulSet", "Service")
_LEAST = 3  # siblings that must agree before a difference tells
_MOST = 25  # siblings that are compared with
_VOLATILE = (
    "status",
    "metadata",
    "spec.clusterIP",
    "spec.clusterIPs",
    "spec.ports[http].nodePort",
    "apiVersion",
    "kind",
    "spec.strategy",
    "spec.updateStrategy",
    "spec.revisionHistoryLimit",
    "spec.progressDeadlineSeconds",
    "spec.replicas",
)
_DEFAULTED = ("terminationMessage", "volumeMounts", "imagePullPolicy", "schedulerName", "dnsPolicy", "volumes")


def peer_facts(view: View, about: Iterable[ObjectRef]) -> Iterator[Draft]:
    """For some objects, their leaves that no sibling shares although the siblings agree."""
    wanted = set(about)
    for kind in _KINDS:
        asked = sorted(ref for ref in wanted if ref.kind == kind)
        every = view.inventory.of(kind) if asked else ()
        mine = [item for item in every if reference(item) in wanted]
        siblings = [item for item in every if reference(item) not in wanted][:_MOST]
        items = {reference(item): _conventional(item) for item in (*mine, *siblings)}
        if len(items) <= _LEAST:
            continue
        for ref in asked:
            if ref not in items:
                continue
            found = list(_odd(ref, items))
            if found:
                text = "; ".join(f"{path} is {mine}, siblings have {theirs}" for path, mine, theirs in found[:2])
                yield Draft("peers", ref, text, 0.0, "siblings", salience=0.6)


def _conventional(item: Manifest) -> dict[str, Any]:
    """Leaves with the object's own name taken out of paths and values, so that conventions compare."""
    name = item["metadata"]["name"]
    main = "-main-"  # containers are often named after their workload
    flat: dict[str, Any] = {}
    for path, value in leaves({"spec": item.get("spec") or {}}).items():
        if not path.startswith(_VOLATILE) and not any(part in path for part in _DEFAULTED):
            key = path.replace(f"[{name}]", f"[{main}]")
            flat[key] = value.replace(name, "{name}") if isinstance(value, str) else value
    return flat


def _odd(ref: ObjectRef, items: dict[ObjectRef, dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    others: dict[str, list[Any]] = defaultdict(list)
    for sibling, flat in items.items():
        if sibling != ref:
            for path, value in flat.items():
                others[path].append(value)
    for path, values in others.items():
        shared = values[0]
        if len(values) < _LEAST or len(values) < 0.8 * (len(items) - 1) or any(value != shared for value in values):
            continue
        mine = items[ref].get(path)
        if mine != shared:
            yield short(path), shown(path, _with(ref, mine)), shown(path, _with(ref, shared))


def _with(ref: ObjectRef, value: Any) -> Any:
    return value.replace("{name}", ref.name) if isinstance(value, str) else value
