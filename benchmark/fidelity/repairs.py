"""What a trial does to a broken system: the right repair, a wrong one of several kinds, and taking that back."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...plugins.module_utils.evidence import Manifest, ObjectRef
from ...sandbox import faults
from ...sandbox.systems import System
from ...sandbox.systems.edits import with_value
from ...sandbox.systems.rest import Api

_HAND = "kubectl-edit"
_STAMP = "2026-03-02T12:00:00Z"
_NO_IMAGE = "lab/python:none-such"

Object = dict[str, Any]


@dataclass(frozen=True)
class Repair:
    """What was done, in words, and the objects that it touched."""

    what: str
    touched: tuple[ObjectRef, ...]


def right(transport: Any, injected: faults.Injected, system: System) -> Repair:
    """The ground truth."""
    faults.heal(transport, injected, system)
    space = injected.space or injected.namespace
    refs = dict.fromkeys(ObjectRef(edit.kind, space, edit.name) for edit in injected.edits)
    touched = tuple(sorted(refs)) or (_suffering(injected),)
    return Repair("ground truth: " + ", ".join(map(str, touched)), touched)


def wrong(transport: Any, injected: faults.Injected, system: System) -> Repair:
    """One of the kinds of mistake; which one is settled by the fault and its place, the same on every cluster."""
    kinds = list(_MISTAKES)
    kind = kinds[zlib.crc32(f"{injected.fault}/{injected.variant}".encode()) % len(kinds)]
    ref = _bystander(injected, system) if kind == "restart of a bystander" else _suffering(injected)
    Api(transport).edit(ref.kind, ref.namespace, ref.name, _MISTAKES[kind], _HAND)
    return Repair(f"{kind}: {ref}", (ref,))


def take_back(transport: Any, repair: Repair, before: Mapping[ObjectRef, Manifest]) -> None:
    """Puts back what the repair's objects were to be ``before`` it."""
    for ref in repair.touched:
        was = before[ref]

        def restored(live: Object, spec: Any = was["spec"]) -> Object:
            return {**live, "spec": spec}

        Api(transport).edit(ref.kind, ref.namespace, ref.name, restored, _HAND)


def _restarted(live: Object) -> Object:
    path = ("spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
    return dict(with_value(live, path, _STAMP))


def _one_more(live: Object) -> Object:
    return dict(with_value(live, ("spec", "replicas"), int(live["spec"].get("replicas", 1)) + 1))


def _to_zero(live: Object) -> Object:
    return dict(with_value(live, ("spec", "replicas"), 0))


def _other_image(live: Object) -> Object:
    return dict(with_value(live, ("spec", "template", "spec", "containers", 0, "image"), _NO_IMAGE))


_MISTAKES: Mapping[str, Callable[[Object], Object]] = {
    "restart": _restarted,
    "restart of a bystander": _restarted,
    "one more replica": _one_more,
    "scaled to zero": _to_zero,
    "an image that does not exist": _other_image,
}


def _suffering(injected: faults.Injected) -> ObjectRef:
    return ObjectRef(injected.workload["kind"], injected.namespace, injected.workload["name"])


def _bystander(injected: faults.Injected, system: System) -> ObjectRef:
    """A workload that neither suffers nor calls who does, if there is one."""
    name = injected.workload["name"]
    others = [spec for spec in system.services if spec.name != name and spec.kind in ("Deployment", "StatefulSet")]
    apart = [spec for spec in others if name not in spec.calls]
    found = (apart or others)[0]
    return ObjectRef(found.kind, injected.namespace, found.name)
