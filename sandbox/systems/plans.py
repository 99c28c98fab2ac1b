"""One workload of a random system: its Blueprint, and what its program reads."""

from __future__ import annotations

import base64
import random
from typing import Any

from .choices import command_line, liveness, plain_env, probe, resources, settings_of
from .names import tag, word
from .parts import Blueprint, account, secret
from .style import HEALTH_PATHS, Style

Object = dict[str, Any]

_PORTS = (80, 3000, 4000, 5000, 5050, 6000, 7070, 8000, 8080, 8080, 8081, 8443, 8888, 9000, 9090)
_PORT_NAMES = ("http", "http", "web", "api", "main", "rest", "")


def plan_of(name: str, store: bool, style: Style, rng: random.Random) -> Blueprint:
    full = style.prefix + name
    port = style.same_port or rng.choice((*_PORTS, rng.randint(2000, 20000)))
    port_name = rng.choice(_PORT_NAMES)
    service_port = rng.choice((port, port, 80, rng.choice(_PORTS)))
    target: int | str = port_name if port_name and rng.random() < 0.5 else port
    if target == service_port and rng.random() < 0.3:
        target = 0
    health = style.health if rng.random() < 0.8 else rng.choice(HEALTH_PATHS)
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


def with_settings(
    plan: Blueprint, callees: list[Blueprint], store: bool, style: Style, rng: random.Random, made: list[Object]
) -> Blueprint:
    """Adds what the program reads: dependencies, settings from a ConfigMap, a password, a sidecar."""
    config_name = (
        f"{style.part_of}-config" if style.shared_config else f"{plan.name}-{rng.choice(('config', 'settings', 'env'))}"
    )
    settings = settings_of(store, rng)
    urls = {url_name(other.name, style): url_of(other, style, rng) for other in callees}
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


def url_name(name: str, style: Style) -> str:
    return name.removeprefix(style.prefix).replace("-", "_").upper() + "_URL"


def url_of(other: Blueprint, style: Style, rng: random.Random) -> str:
    forms = ("", "", "", f".{style.space}", f".{style.space}.svc", f".{style.space}.svc.cluster.local")
    port = other.port if other.headless else other.service_port
    return f"http://{other.service}{rng.choice(forms)}:{port}{rng.choice(('', '/'))}"


def _sidecar(plan: Blueprint, style: Style, rng: random.Random) -> Object:
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


def health_of(plan: Blueprint) -> str:
    return next((item["value"] for item in plan.env if item["name"] == "HEALTH_PATH"), "/healthz")
