"""What one team does the same everywhere: names, labels, images, mounts, configuration."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from .names import namespace_name, word

HEALTH_PATHS = (
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
_MOUNTS = ("/srv", "/app", "/opt/app", "/usr/src/app", "/service")
_FILES = ("program.py", "main.py", "server.py", "app.py", "run.py")
_STORES = ("redis", "postgres", "mongo", "cache", "db", "queue", "store", "mysql", "broker")
_REGISTRIES = ("registry.example", "ghcr.example", "docker.example.org", "harbor.internal.example", "quay.example.net")


@dataclass
class Style:
    """The habits of the team that made a random system."""

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


def style_of(rng: random.Random) -> Style:
    part_of = word(rng, 2)
    kind = rng.randrange(5)
    labels: Callable[[str], dict[str, str]] = (
        lambda name: {"app": name},
        lambda name: {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": part_of},
        lambda name: {"app": part_of, "component": name},
        lambda name: {"k8s-app": name},
        lambda name: {"app": name, "tier": "backend"},
    )[kind]
    return Style(
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
        health=rng.choice(HEALTH_PATHS),
        same_port=rng.choice((0, 0, 80, 8080)),
    )


def store_name(rng: random.Random, taken: set[str]) -> str:
    while True:
        name = rng.choice(_STORES)
        if name in taken or rng.random() < 0.3:
            name = f"{word(rng, 1)}-{name}"
        if name not in taken:
            taken.add(name)
            return name
