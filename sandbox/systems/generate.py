"""Small random systems: as many as there are seeds, no two alike, all healthy."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .choices import command_line, liveness, plain_env, probe, resources, settings_of
from .history import DAY, with_history
from .names import namespace_name, service_name, tag, word
from .noise import noise
from .parts import Blueprint, account, config_map, namespace, node, program_map, secret, workload
from .system import ServiceSpec, System

Object = dict[str, Any]

_PORTS = (80, 3000, 4000, 5000, 5050, 6000, 7070, 8000, 8080, 8080, 8081, 8443, 8888, 9000, 9090)
_HEALTH = (
    "/healthz",
    "/healthz",
    "/health",
    "/ready",
    "/readyz",
    "/livez",
    "/status",
    "/ping",
    "/health/live",
    "/-/healthy",
    "/api/health",
)
_PORT_NAMES = ("http", "http", "web", "api", "main", "rest", "")
_MOUNTS = ("/srv", "/app", "/opt/app", "/usr/src/app", "/service")
_FILES = ("program.py", "main.py", "server.py", "app.py", "run.py")
_STORES = ("redis", "postgres", "mongo", "cache", "db", "queue", "store", "mysql", "broker")
_REGISTRIES = ("registry.example", "ghcr.example", "docker.example.org", "harbor.internal.example", "quay.example.net")


@dataclass
class _Style:
    """What one team does the same everywhere."""

    space: str
    part_of: str
    registry: str
    labels: Callable[[str], dict[str, str]]
    extra: dict[str, str]
    shared_config: bool
    env_from: bool
    key_style: Callable[[str], str]
    prefix: str
    service_suffix: str
    mount: str
    file: str
    health: str
    same_port: int
    configs: dict[str, dict[str, str]] = field(default_factory=dict)


def generate(seed: int) -> System:
    """A random system of four to nine services with its past; the same seed gives the same system."""
    rng = random.Random(f"system-{seed}")
    style = _style(rng)
    taken: set[str] = {"program"}
    stores = [_store_name(rng, taken) for _ in range(rng.choice((0, 1, 1, 1, 2)))]
    names = [service_name(rng, taken) for _ in range(rng.randint(4, 9) - len(stores))]
    calls = _call_graph(names, stores, rng)
    plans = {name: _plan(name, name in stores, style, rng) for name in names + stores}
    manifests = [namespace(style.space), *_nodes(rng), program_map(style.space)]
    rates = _rates(names + stores, calls, rng.choice((0.2, 0.5, 1.0, 2.0)))
    specs = []
    made: list[Object] = []
    for name, plan in plans.items():
        plan = _with_settings(plan, [plans[other] for other in calls[name]], name in stores, style, rng, made)
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
                _health(plan),
                rates[name],
            )
        )
    front = plans[names[0]]
    if rng.random() < 0.8:
        visitors = _visitors(front, style, rng, taken)
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


def _style(rng: random.Random) -> _Style:
    part_of = word(rng, 2)
    kind = rng.randrange(5)
    labels: Callable[[str], dict[str, str]] = (
        lambda name: {"app": name},
        lambda name: {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": part_of},
        lambda name: {"app": part_of, "component": name},
        lambda name: {"k8s-app": name},
        lambda name: {"app": name, "tier": "backend"},
    )[kind]
    return _Style(
        space=namespace_name(rng),
        part_of=part_of,
        registry=rng.choice(_REGISTRIES),
        labels=labels,
        extra=rng.choice(({}, {"team": word(rng, 2)}, {"part-of": part_of}, {"env": "prod"})),
        shared_config=rng.random() < 0.4,
        env_from=rng.random() < 0.25,
        key_style=rng.choice(
            (
                str,
                str,
                lambda key: key.lower(),
                lambda key: key.lower().replace("_", "."),
                lambda key: key.lower().replace("_", "-"),
            )
        ),
        prefix=rng.choice(("", "", "", f"{part_of}-")),
        service_suffix=rng.choice(("", "", "", "", "-http")),
        mount=rng.choice(_MOUNTS),
        file=rng.choice(_FILES),
        health=rng.choice(_HEALTH),
        same_port=rng.choice((0, 0, 80, 8080)),
    )


def _store_name(rng: random.Random, taken: set[str]) -> str:
    while True:
        name = rng.choice(_STORES)
        if name in taken or rng.random() < 0.3:
            name = f"{word(rng, 1)}-{name}"
        if name not in taken:
            taken.add(name)
            return name


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


def _plan(name: str, store: bool, style: _Style, rng: random.Random) -> Blueprint:
    full = style.prefix + name
    port = style.same_port or rng.choice((*_PORTS, rng.randint(2000, 20000)))
    port_name = rng.choice(_PORT_NAMES)
    service_port = rng.choice((port, port, 80, rng.choice(_PORTS)))
    target: int | str = port_name if port_name and rng.random() < 0.5 else port
    if target == service_port and rng.random() < 0.3:
        target = 0
    health = style.health if rng.random() < 0.8 else rng.choice(_HEALTH)
    stateful = store and rng.random() < 0.6
    megabytes = rng.choice((8, 12, 16, 24, 32, 48, 64, 96))
    options: Object = {"revisionHistoryLimit": rng.choice((1, 2, 5, 10))} if rng.random() < 0.25 else {}
    if not stateful and rng.random() < 0.2:
        options["progressDeadlineSeconds"] = rng.choice((60, 120, 300, 900))
    if not stateful and rng.random() < 0.2:
        surge = rng.choice(
            (
                {"maxSurge": 1, "maxUnavailable": 0},
                {"maxSurge": "50%", "maxUnavailable": "25%"},
                {"maxSurge": 0, "maxUnavailable": 1},
            )
        )
        options["strategy"] = {"type": "RollingUpdate", "rollingUpdate": surge}
    path = f"{style.mount}/{style.file}"
    command, args = command_line(path, rng)
    return Blueprint(
        name=full,
        namespace=style.space,
        kind="StatefulSet" if stateful else "Deployment",
        image=f"{style.registry}/{style.part_of}/{name}:{tag(rng)}",
        labels=style.labels(name),
        extra_labels=dict(style.extra),
        container=rng.choice((name, name, name, "app", "main")),
        port=port,
        port_name=port_name,
        readiness=probe(health, port, port_name, rng, rng.choice((2, 5, 5, 10))) if rng.random() < 0.9 else None,
        liveness=liveness(health, port, port_name, path, rng) if rng.random() < 0.6 else None,
        startup={**probe(health, port, port_name, rng, 2), "failureThreshold": 30} if rng.random() < 0.1 else None,
        resources=resources(megabytes, rng),
        replicas=1 if store else rng.choice((1, 1, 2, 2, 3)),
        service=full + style.service_suffix,
        service_port=service_port,
        service_port_name=port_name if rng.random() < 0.6 else "",
        target=target,
        headless=stateful and rng.random() < 0.3 and service_port == port,
        account=full if rng.random() < 0.3 else "",
        mount=style.mount,
        file=style.file,
        options=options,
        env=tuple(plain_env(megabytes, health, port, rng)),
        command=command,
        args=args,
    )


def _with_settings(
    plan: Blueprint, callees: list[Blueprint], store: bool, style: _Style, rng: random.Random, made: list[Object]
) -> Blueprint:
    """Adds what the program reads: dependencies, settings from a ConfigMap, a password, a sidecar."""
    config_name = (
        f"{style.part_of}-config" if style.shared_config else f"{plan.name}-{rng.choice(('config', 'settings', 'env'))}"
    )
    settings = settings_of(store, rng)
    urls = {_url_name(other.name, style): _url(other, style, rng) for other in callees}
    in_config = rng.random() < 0.3
    data = {**settings, **(urls if in_config else {})}
    own = {name: value for name, value in data.items() if rng.random() < 0.8 or name in urls or name == "LOG_LEVEL"}
    env = list(plan.env)
    env += [{"name": name, "value": value} for name, value in urls.items() if name not in own]
    config = style.configs.setdefault(config_name, {})
    env_from: tuple[Object, ...] = ()
    if style.env_from:
        # Every key becomes a variable, so one map a workload.
        config_name = f"{plan.name}-env"
        style.configs[config_name] = config = dict(own)
        env_from = ({"configMapRef": {"name": config_name}},)
        required = [name for name in own if name not in urls and rng.random() < 0.7]
        if required:
            env.append({"name": "REQUIRED_SETTINGS", "value": ",".join(required)})
    else:
        for name, value in own.items():
            key = style.key_style(name)
            if config.get(key, value) != value:
                key = style.key_style(f"{plan.name.replace('-', '_').upper()}_{name}")
            config[key] = value
            env.append({"name": name, "valueFrom": {"configMapKeyRef": {"name": config_name, "key": key}}})
    style.configs = {name: held for name, held in style.configs.items() if held}
    if store or rng.random() < 0.2:
        name = f"{plan.name}-credentials"
        password = base64.b64encode(word(rng, 5).encode()).decode()
        made.append(secret(name, style.space, {"password": password}))
        env.append({"name": "STORE_PASSWORD", "valueFrom": {"secretKeyRef": {"name": name, "key": "password"}}})
    if plan.account:
        made.append(account(plan.account, style.space))
    sidecar = _sidecar(plan, style, rng) if rng.random() < 0.12 else None
    rng.shuffle(env)
    return Blueprint(**{**vars(plan), "env": tuple(env), "env_from": env_from, "sidecar": sidecar})


def _url_name(name: str, style: _Style) -> str:
    return name.removeprefix(style.prefix).replace("-", "_").upper() + "_URL"


def _url(other: Blueprint, style: _Style, rng: random.Random) -> str:
    forms = ("", "", "", f".{style.space}", f".{style.space}.svc", f".{style.space}.svc.cluster.local")
    port = other.port if other.headless else other.service_port
    return f"http://{other.service}{rng.choice(forms)}:{port}{rng.choice(('', '/'))}"


def _sidecar(plan: Blueprint, style: _Style, rng: random.Random) -> Object:
    port = plan.port + rng.choice((1, 7, 100)) if plan.port < 60000 else 9100
    name = rng.choice(("metrics", "exporter", "sidecar", "log-shipper"))
    return {
        "name": name,
        "image": f"{style.registry}/tools/{name}:{tag(rng)}",
        "command": ["python3", f"{style.mount}/{style.file}", "serve", "--port", str(port)],
        "env": [{"name": "WORKING_SET_MB", "value": "8"}],
        "ports": [{"containerPort": port}],
        "resources": {"requests": {"cpu": "5m", "memory": "24Mi"}, "limits": {"cpu": "100m", "memory": "48Mi"}},
    }


def _visitors(front: Blueprint, style: _Style, rng: random.Random, taken: set[str]) -> Blueprint:
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


def _nodes(rng: random.Random) -> list[Object]:
    count = rng.choice((2, 2, 3))
    prefix = rng.choice(("node-", "worker-", "ip-10-20-0-", "k8s-"))
    cores, memory = rng.choice(((4, 8192), (4, 16384), (8, 16384)))
    zone = {"topology.kubernetes.io/zone": "a"} if rng.random() < 0.5 else None
    return [node(f"{prefix}{index + 1}", f"10.20.0.{index + 1}", cores, memory, zone) for index in range(count)]


def _health(plan: Blueprint) -> str:
    return next((item["value"] for item in plan.env if item["name"] == "HEALTH_PATH"), "/healthz")
