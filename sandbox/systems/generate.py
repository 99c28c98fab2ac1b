"""Small random systems: as many as there are seeds, no two alike, all healthy."""

from __future__ import annotations

import random
from typing import Any

from .history import DAY, with_history
from .names import service_name, tag
from .noise import noise
from .parts import Blueprint, config_map, namespace, node, program_map, workload
from .plans import health_of, plan_of, with_settings
from .style import Style, store_name, style_of
from .system import ServiceSpec, System

Object = dict[str, Any]


def generate(seed: int) -> System:
    """A random system of four to nine services with its past; the same seed gives the same system."""
    rng = random.Random(f"system-{seed}")
    style = style_of(rng)
    taken: set[str] = {"program"}
    stores = [store_name(rng, taken) for _ in range(rng.choice((0, 1, 1, 1, 2)))]
    names = [service_name(rng, taken) for _ in range(rng.randint(4, 9) - len(stores))]
    calls = _call_graph(names, stores, rng)
    plans = {name: plan_of(name, name in stores, style, rng) for name in names + stores}
    manifests = [namespace(style.space), *nodes_of(rng), program_map(style.space)]
    rates = _rates(names + stores, calls, rng.choice((0.2, 0.5, 1.0, 2.0)))
    specs = []
    made: list[Object] = []
    for name, plan in plans.items():
        plan = with_settings(plan, [plans[other] for other in calls[name]], name in stores, style, rng, made)
        made += workload(plan)
        specs.append(
            ServiceSpec(
                plan.name,
                plan.kind,
                plan.container or plan.name,
                plan.service,
                plan.port,
                plan.service_port,
                tuple(plans[other].name for other in calls[name]),
                plan.image,
                health_of(plan),
                rates[name],
            )
        )
    front = plans[names[0]]
    if rng.random() < 0.8:
        visitors = visitors_of(front, style, rng, taken)
        made += workload(visitors)
        specs.append(
            ServiceSpec(
                visitors.name, "Deployment", visitors.name, "", visitors.port, 0, (front.name,), visitors.image, ""
            )
        )
    configs = [config_map(name, style.space, data, dict(style.extra)) for name, data in style.configs.items()]
    manifests += configs + [item for item in made if item["kind"] != "ConfigMap"]
    images = {
        item["image"]
        for made_ in made
        if "template" in made_.get("spec", {})
        for item in made_["spec"]["template"]["spec"]["containers"]
    }
    system = System(
        style.part_of,
        style.space,
        tuple(manifests),
        frozenset(images),
        tuple(specs),
        front.name,
        age=rng.uniform(0.1, 3) * DAY,
    )
    return noise(with_history(system, rng, share=rng.choice((0.3, 0.6, 0.9))), rng)


def _call_graph(names: list[str], stores: list[str], rng: random.Random) -> dict[str, list[str]]:
    """Acyclic; everything but the first is called by somebody earlier."""
    calls: dict[str, list[str]] = {name: [] for name in names + stores}
    for spot, name in enumerate(names[1:], 1):
        callers = rng.sample(names[:spot], k=min(spot, rng.choice((1, 1, 1, 2))))
        for caller in callers:
            calls[caller].append(name)
    for store in stores:
        for caller in rng.sample(names, k=min(len(names), rng.choice((1, 2)))):
            calls[caller].append(store)
    return calls


def _rates(names: list[str], calls: dict[str, list[str]], front_rate: float) -> dict[str, float]:
    rates = dict.fromkeys(names, 0.0)
    rates[names[0]] = front_rate
    for name in names:  # callers come before those they call
        for other in calls[name]:
            rates[other] += rates[name]
    return rates


def visitors_of(front: Blueprint, style: Style, rng: random.Random, taken: set[str]) -> Blueprint:
    name = style.prefix + rng.choice(("visitors", "loadgen", "traffic", "users-sim", "synthetic"))
    taken.add(name)
    port = front.port if front.headless else front.service_port
    return Blueprint(
        name=name,
        namespace=style.space,
        image=f"{style.registry}/tools/visitor:{tag(rng)}",
        labels=style.labels(name),
        command=("python3", f"{style.mount}/{style.file}", "visit"),
        mount=style.mount,
        file=style.file,
        env=(
            {"name": "FRONT_URL", "value": f"http://{front.service}:{port}/"},
            {"name": "VISIT_SECONDS", "value": str(rng.choice((2, 5, 10)))},
        ),
        resources={"requests": {"cpu": "10m", "memory": "24Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}},
        extra_labels=dict(style.extra),
    )


def nodes_of(rng: random.Random) -> list[Object]:
    count = rng.choice((2, 2, 3))
    prefix = rng.choice(("node-", "worker-", "ip-10-20-0-", "k8s-"))
    cores, memory = rng.choice(((4, 8192), (4, 16384), (8, 16384)))
    zone = {"topology.kubernetes.io/zone": "a"} if rng.random() < 0.5 else None
    return [node(f"{prefix}{index + 1}", f"10.20.0.{index + 1}", cores, memory, zone) for index in range(count)]
