"""Breaking a system and telling whether it shows: the same on the sandbox and on a real cluster."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..switches import MACHINES
from ..systems.edits import Edit, carry_out, value_at, with_value
from ..systems.history import BY_HAND
from ..systems.rest import Api, ApiError
from ..systems.system import ServiceSpec, System
from . import experiments, symptoms
from .companions import harmless, moved_on
from .fault import BURIED, FIRST, MOVED_ON, CannotInject, Damage, Fault, Injected
from .reports import reports_of, whom_to_name
from .scene import Scene

Object = dict[str, Any]

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_LONGEST_WAIT = 240.0
_LOOK_EVERY = 3.0


@dataclass(frozen=True)
class Aim:
    """A fault that has chosen what to break, with what was usual there."""

    fault: Fault
    variant: str
    scene: Scene
    damage: Damage
    spec: ServiceSpec
    usual: float


def break_system(
    fault: Fault, transport: Any, system: System, rng: random.Random, variant: str, linger: tuple[float, float]
) -> Injected:
    """Injects the fault and waits until it shows, and for a random time within ``linger``. Raises CannotInject."""
    target = aim(fault, Scene(Api(transport), system), rng, variant)
    made = strike(target, rng)
    waited = 0.0
    while waited < _LONGEST_WAIT and not confirm(transport, made):
        transport.sleep(_LOOK_EVERY)
        waited += _LOOK_EVERY
    transport.sleep(rng.uniform(*linger))
    return reported(made, target.scene.api, system, rng)


def aim(fault: Fault, scene: Scene, rng: random.Random, variant: str) -> Aim:
    """Chooses what to break in a healthy system, and breaks nothing. Raises CannotInject."""
    damage = fault.damage(scene, rng, variant)
    if damage is None:
        name = scene.system.name
        raise CannotInject(f"{fault.name} ({variant}) finds nothing to break in {name}: take another system")
    spec = scene.system.service(damage.workload)
    usual = symptoms.usual(scene.api, symptoms.subject(scene.namespace, spec), damage.symptom)
    return Aim(fault, variant, scene, damage, spec, usual)


def strike(target: Aim, rng: random.Random, *, wait: bool = True) -> Injected:
    """Does the damage. Without ``wait`` it only writes, and lets no time pass: for variants that need none."""
    scene, damage, variant = target.scene, target.damage, target.variant
    api = scene.api
    for item in damage.alongside:
        api.create(item, "kubectl-create")
    moved = moved_on(scene, damage, rng) if variant == MOVED_ON else ()
    everything = (*moved, *damage.also, *damage.edits)
    manager = _manager(scene, damage, rng)
    if variant == FIRST:
        _deploy_anew(api, scene, damage, everything, manager)
    else:
        _write(api, damage.space or scene.namespace, everything, manager)
    pressing: tuple[tuple[str, str], ...] = ()
    if damage.experiments:
        if wait and damage.edits:
            _rolled_out(api, scene.namespace, target.spec)
        begin = experiments.start if wait else experiments.create
        pressing = begin(api, scene.namespace, damage.experiments, rng)
    if damage.ends:
        end_pods(api, damage.space, damage.ends)
    if damage.switched:
        switch(api, damage.name, damage.switched)
    if variant == BURIED:
        api.transport.sleep(rng.uniform(15, 40))
        _write(api, scene.namespace, (harmless(scene, damage, rng),), rng.choice(BY_HAND))
    if damage.restart:
        replace_pods(api, scene, damage.workload)
    return Injected(
        target.fault.name,
        variant,
        scene.namespace,
        {"kind": damage.kind, "name": damage.name},
        None,
        (),
        target.fault.right_in(variant),
        damage.why or target.fault.why,
        (*damage.edits, *damage.repair),
        damage.symptom,
        {"kind": target.spec.kind, "name": target.spec.name},
        target.spec.service,
        target.spec.service_port,
        damage.restart or damage.renew,
        target.spec.container,
        pressing,
        target.usual,
        damage.space,
        damage.ends,
        damage.name if damage.switched else "",
    )


def reported(injected: Injected, api: Api, system: System, rng: random.Random) -> Injected:
    """With what people and tools say of it now."""
    named = whom_to_name(api, injected, system, rng)
    return replace(injected, named=named, reports=reports_of(api, injected, named, system, rng))


def confirm(transport: Any, injected: Injected) -> bool:
    """True while the fault shows."""
    about = symptoms.Subject(
        injected.namespace,
        injected.workload["kind"],
        injected.workload["name"],
        injected.container,
        injected.service,
        injected.port,
    )
    return symptoms.shows(Api(transport), about, injected.symptom, injected.usual)


def healthy(transport: Any, system: System) -> tuple[str, ...]:
    """What is not well in the system: rollouts that are not complete, Services that do not answer."""
    api, wrong = Api(transport), []
    for spec in system.services:
        live = api.get(spec.kind, system.namespace, spec.name)
        if live is None or not symptoms.complete(live) or not live["spec"].get("replicas"):
            wrong.append(f"{spec.kind} {spec.name} is not complete")
        if spec.service:
            status = api.visit(system.namespace, spec.service, spec.service_port)
            if status != 200:
                wrong.append(f"Service {spec.service} answers {status}")
    return tuple(wrong)


def heal(transport: Any, injected: Injected, system: System) -> None:
    """Carries out the ground truth. Where handing over is right, that is what whoever it goes to will do."""
    api = Api(transport)
    carry_out(api, injected.space or injected.namespace, injected.edits, "kubectl-edit")
    if injected.ends:
        end_pods(api, injected.space, injected.ends)
    if injected.switched:
        switch(api, injected.switched, "on")
    if injected.right == "escalate":
        experiments.withdraw(transport, injected)
    if injected.restart:
        replace_pods(api, Scene(api, system), injected.workload["name"])


def switch(api: Api, node: str, state: str) -> None:
    """Switches a machine of a sandbox. Raises CannotInject on a cluster that has no such switches."""
    answer = api.transport.request("POST", MACHINES, {"node": node, "state": state})
    if answer.status >= 300:
        raise CannotInject(f"the machine of {node} cannot be switched {state}: that is the sandbox's alone")


def replace_pods(api: Api, scene: Scene, workload: str) -> None:
    """Deletes a workload's Pods, as a node drain or an impatient person would."""
    item = next(item for (_, name), item in scene.workloads.items() if name == workload)
    end_pods(api, scene.namespace, item["spec"]["selector"]["matchLabels"])


def end_pods(api: Api, namespace: str, labels: Mapping[str, str]) -> None:
    """Deletes the Pods with these labels."""
    for pod in api.list("Pod", namespace):
        if labels.items() <= pod["metadata"].get("labels", {}).items():
            try:
                api.delete("Pod", namespace, pod["metadata"]["name"])
            except ApiError as error:
                if error.status != 404:
                    raise


def _manager(scene: Scene, damage: Damage, rng: random.Random) -> str:
    """By hand as often as by the pipeline that deploys the rest."""
    item = (
        scene.workloads.get(("Deployment", damage.workload))
        or scene.workloads.get(("StatefulSet", damage.workload))
        or {}
    )
    fields = item.get("metadata", {}).get("managedFields") or ({"manager": "helm"},)
    usual = next(
        (entry["manager"] for entry in fields if entry["manager"] not in BY_HAND and not entry.get("subresource")),
        "helm",
    )
    return str(usual) if rng.random() < 0.5 else rng.choice(BY_HAND)


def _write(api: Api, namespace: str, edits: Iterable[Edit], manager: str) -> None:
    """Puts the wrong values in place; a pipeline that applies remembers them as what it wanted."""
    wrong = [edit.reversed() for edit in edits]
    if manager == "kubectl-client-side-apply":
        wrong += [
            memory
            for kind, name in {(edit.kind, edit.name): None for edit in wrong}
            if (memory := _memory(api, namespace, kind, name, wrong)) is not None
        ]
    carry_out(api, namespace, wrong, manager)


def _memory(api: Api, namespace: str, kind: str, name: str, edits: list[Edit]) -> Edit | None:
    live = api.get(kind, namespace, name)
    text = value_at(live, ("metadata", "annotations", _APPLIED))
    if not text:
        return None
    applied = json.loads(text)
    for edit in edits:
        if (edit.kind, edit.name) == (kind, name):
            applied = with_value(applied, edit.path, edit.right)
    new = json.dumps(applied, separators=(",", ":"), sort_keys=True) + "\n"
    return Edit(kind, name, ("metadata", "annotations", _APPLIED), text, new)


def _deploy_anew(api: Api, scene: Scene, damage: Damage, edits: Iterable[Edit], manager: str) -> None:
    """The workload as if it had been wrong from its first day: no revision to go back to."""
    kind = "Deployment" if ("Deployment", damage.workload) in scene.workloads else "StatefulSet"
    item = scene.workloads[kind, damage.workload]
    rest = [edit for edit in edits if (edit.kind, edit.name) != (kind, damage.workload)]
    if rest:
        _write(api, scene.namespace, rest, manager)
    meta = item["metadata"]
    notes = {
        key: value
        for key, value in meta.get("annotations", {}).items()
        if key != _APPLIED and not key.startswith("deployment.kubernetes.io/")
    }
    fresh: Object = {
        "apiVersion": item["apiVersion"],
        "kind": kind,
        "spec": item["spec"],
        "metadata": {
            "name": meta["name"],
            "namespace": meta["namespace"],
            "labels": meta.get("labels", {}),
            "annotations": notes,
        },
    }
    for edit in edits:
        if (edit.kind, edit.name) == (kind, damage.workload):
            fresh = with_value(fresh, edit.path, edit.wrong)
    api.delete(kind, scene.namespace, damage.workload)
    for _ in range(60):
        if api.get(kind, scene.namespace, damage.workload) is None and not _pods_left(api, scene, item):
            break
        api.transport.sleep(1.0)
    api.create(fresh, manager)


def _rolled_out(api: Api, namespace: str, spec: ServiceSpec) -> None:
    """Waits until the Pods are there on which an experiment is to press; it finds no later ones by itself."""
    for _ in range(60):
        live = api.get(spec.kind, namespace, spec.name)
        if live is None or symptoms.complete(live):
            break
        api.transport.sleep(2.0)


def _pods_left(api: Api, scene: Scene, item: Object) -> bool:
    selector = item["spec"]["selector"]["matchLabels"].items()
    return any(selector <= pod["metadata"].get("labels", {}).items() for pod in api.list("Pod", scene.namespace))
