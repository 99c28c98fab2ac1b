"""Larger random systems: layers, datastores with passwords and disks, and what a grown namespace has beside them.

They stand apart from ``generate``, whose seeds keep giving what they gave. What is new here: up to 24 services in
layers, guaranteed resources, stricter probes, StatefulSets that keep data on a volume and ask for a password, logs
on volumes, requests that take turns with dependencies, longer pasts, disruption budgets, autoscalers, quotas,
nightly jobs and agents on every node.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from .generate import visitors_of
from .history import BY_HAND, DAY, with_history
from .names import service_name
from .noise import noise
from .parts import Blueprint, config_map, namespace, node, program_map, workload
from .plans import health_of, plan_of, url_name, with_settings
from .style import Style, store_name, style_of
from .surroundings import autoscaler, surroundings
from .system import Change, ServiceSpec, System

Object = dict[str, Any]

_AUTOSCALED_FOR = 1200.0  # seconds
_HOPS = 30  # services that one request may go through: more take longer than people wait
_LOG_FOLDERS = ("/var/log/app", "/var/log/service", "/logs")
_DATA_FOLDERS = ("/data", "/var/lib/data", "/var/lib/store")


def generate_large(seed: int) -> System:
    """A random system of 8 to 24 services with its past; the same seed gives the same system."""
    rng = random.Random(f"large-system-{seed}")
    style = style_of(rng)
    taken: set[str] = {"program", "store"}  # STORE_PASSWORD is a datastore's own
    stores = [store_name(rng, taken) for _ in range(rng.choice((1, 2, 2, 3, 4)))]
    names = [service_name(rng, taken) for _ in range(rng.randint(8, 24) - len(stores))]
    calls = _layered_calls(names, stores, rng)
    plans = {}
    for name in names + stores:
        plans[name] = _varied(_on_disk(plan_of(name, name in stores, style, rng), name in stores, rng), rng)
    turns = {
        name: rng.randint(1, len(calls[name]) - 1) for name in names if len(calls[name]) > 2 and rng.random() < 0.1
    }
    rates = _rates([*names, *stores], calls, turns, rng.choice((0.2, 0.5, 1.0)))
    made: list[Object] = []
    specs = []
    for name, plan in plans.items():
        plan = with_settings(plan, [plans[other] for other in calls[name]], name in stores, style, rng, made)
        plan = _told(plan, [plans[other] for other in calls[name] if other in stores], turns.get(name, 0), style)
        made += workload(plan)
        specs.append(_spec(plan, tuple(plans[other].name for other in calls[name]), rates[name]))
    front = plans[names[0]]
    visitors = visitors_of(front, style, rng, taken)
    made += workload(visitors)
    specs.append(replace(_spec(visitors, (front.name,), 0.0), service="", service_port=0, health_path=""))
    made += surroundings(style, [plan for name, plan in plans.items() if name not in stores], rng)
    configs = [config_map(name, style.space, data, dict(style.extra)) for name, data in style.configs.items()]
    machines = [node(f"node-{index}", f"10.20.0.{index}", 8, 32768) for index in range(1, rng.choice((3, 4, 5)) + 1)]
    system = System(
        style.part_of,
        style.space,
        (namespace(style.space), *machines, program_map(style.space), *configs, *made),
        frozenset(_images(made)),
        tuple(specs),
        front.name,
        age=rng.uniform(0.1, 3) * DAY,
    )
    system = noise(with_history(system, rng, share=rng.choice((0.5, 0.8, 1.0))), rng)
    return _with_autoscalers(system, [plan for name, plan in plans.items() if name not in stores], rng)


def _with_autoscalers(system: System, plans: list[Blueprint], rng: random.Random) -> System:
    """They came today, as what they have seen of the load goes back no further."""
    made = [autoscaler(plan, rng) for plan in plans if plan.resources.get("requests") and rng.random() < 0.15]
    if not made:
        return system
    earlier = max(system.age - _AUTOSCALED_FOR, 60.0)
    changes = tuple(
        Change(0.0 if spot else earlier, rng.choice(BY_HAND), manifest) for spot, manifest in enumerate(made)
    )
    return replace(system, history=(*system.history, *changes), age=_AUTOSCALED_FOR)


def _layered_calls(names: list[str], stores: list[str], rng: random.Random) -> dict[str, list[str]]:
    """Acyclic, in two to five layers below the front; no request goes through more than _HOPS services."""
    depth = rng.randint(2, 5)
    layer = {name: 0 if not spot else 1 + (spot - 1) * depth // (len(names) - 1) for spot, name in enumerate(names)}
    calls: dict[str, list[str]] = {name: [] for name in names + stores}
    further: list[tuple[str, str]] = []
    for name in [*names[1:], *stores]:
        above = [other for other in names if name in stores or layer[other] < layer[name]]
        rng.shuffle(above)
        # Those right above first, so that the layers show; a datastore hangs on the front only for want of others.
        above.sort(key=lambda other: layer[other] == 0 if name in stores else -layer[other])
        calls[above[0]].append(name)
        further += [(other, name) for other in above[1 : rng.choice((1, 2, 3) if name in stores else (1, 1, 1, 2))]]
    for caller, name in further:
        calls[caller].append(name)
        if max(_hops(calls, each) for each in names) > _HOPS:
            calls[caller].remove(name)
    return calls


def _hops(calls: dict[str, list[str]], name: str) -> int:
    return 1 + sum(_hops(calls, other) for other in calls[name])


def _rates(names: list[str], calls: dict[str, list[str]], turns: dict[str, int], front_rate: float) -> dict[str, float]:
    """Requests a second; callers come before those they call."""
    rates = dict.fromkeys(names, 0.0)
    rates[names[0]] = front_rate
    for name in names:
        for other in calls[name]:
            rates[other] += rates[name] * turns.get(name, len(calls[name])) / len(calls[name])
    return rates


def _on_disk(plan: Blueprint, store: bool, rng: random.Random) -> Blueprint:
    """A datastore keeps its data on a volume; some services write their log to one."""
    if store:
        return replace(plan, kind="StatefulSet", folders=(("data", rng.choice(_DATA_FOLDERS)),), options={})
    if rng.random() < 0.35:
        return replace(plan, folders=(("logs", rng.choice(_LOG_FOLDERS)),))
    return plan


def _varied(plan: Blueprint, rng: random.Random) -> Blueprint:
    """What ``generate`` never chooses: guaranteed resources, patient and strict probes, a wait before it counts."""
    limits, readiness = plan.resources.get("limits", {}), plan.readiness
    if len(limits) == 2 and rng.random() < 0.2:
        plan = replace(plan, resources={"requests": dict(limits), "limits": limits})
    if readiness and rng.random() < 0.3:
        strictness = {"failureThreshold": rng.choice((1, 2, 5, 10)), "successThreshold": rng.choice((1, 1, 2))}
        plan = replace(plan, readiness={**readiness, **strictness})
    if plan.liveness and rng.random() < 0.2:
        plan = replace(plan, liveness={**plan.liveness, "failureThreshold": rng.choice((5, 6, 10))})
    if plan.kind == "Deployment" and rng.random() < 0.15:
        plan = replace(plan, options={**plan.options, "minReadySeconds": rng.choice((2, 5, 10))})
    return plan


def _told(plan: Blueprint, stores: list[Blueprint], turns: int, style: Style) -> Blueprint:
    """Adds the variables about its disk, about the passwords of its datastores, and about taking turns."""
    env = list(plan.env)
    for volume, path in plan.folders:
        data = volume == "data"
        env.append({"name": "DATA_DIR", "value": path} if data else {"name": "LOG_FILE", "value": f"{path}/access.log"})
    for store in stores:
        name = url_name(store.name, style).removesuffix("_URL") + "_PASSWORD"
        reference = {"secretKeyRef": {"name": f"{store.name}-credentials", "key": "password"}}
        env.append({"name": name, "valueFrom": reference})
    if turns:
        env.append({"name": "FANOUT_LIMIT", "value": str(turns)})
    return replace(plan, env=tuple(env))


def _spec(plan: Blueprint, calls: tuple[str, ...], rate: float) -> ServiceSpec:
    return ServiceSpec(
        plan.name,
        plan.kind,
        plan.container or plan.name,
        plan.service,
        plan.port,
        plan.service_port,
        calls,
        plan.image,
        health_of(plan),
        rate,
        plan.folders[0][1] if plan.folders else "",
    )


def _images(manifests: list[Object]) -> set[str]:
    """Of every Pod template, those of CronJobs included."""
    specs = [item["spec"].get("jobTemplate", item).get("spec", {}) for item in manifests if "spec" in item]
    return {item["image"] for spec in specs if "template" in spec for item in spec["template"]["spec"]["containers"]}
