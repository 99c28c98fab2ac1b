"""What is chosen for one container: its command, variables, probes and resources."""

from __future__ import annotations

import random
from typing import Any

from .names import word

Object = dict[str, Any]


def command_line(path: str, rng: random.Random) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(command, args) in one of the usual shapes; ``path``: where the program is mounted."""
    kind = rng.randrange(5)
    if kind < 2:
        return ("python3", path, "serve"), ()
    if kind < 4:
        return ("python3", path), ("serve",)
    return ("/bin/sh", "-c"), (f"exec python3 {path} serve",)


def plain_env(megabytes: int, health: str, port: int, rng: random.Random) -> list[Object]:
    values = {"PORT": str(port), "WORKING_SET_MB": str(megabytes)}
    if health != "/healthz":
        values["HEALTH_PATH"] = health
    if rng.random() < 0.4:
        values["START_CPU_MS"] = str(rng.choice((50, 150, 300, 600)))
    for name in rng.sample(
        ("POOL_SIZE", "QUEUE_LIMIT", "WORKERS_MAX", "GRACE_SECONDS", "BATCH_SIZE"), k=rng.randint(0, 2)
    ):
        values[name] = str(rng.randint(2, 500))
    return [{"name": name, "value": value} for name, value in values.items()]


def probe(health: str, port: int, port_name: str, rng: random.Random, period: int) -> Object:
    where: int | str = port_name if port_name and rng.random() < 0.6 else port
    made: Object = {"httpGet": {"path": health, "port": where}, "periodSeconds": period}
    if rng.random() < 0.5:
        made["initialDelaySeconds"] = rng.choice((1, 2, 3, 5))
    if rng.random() < 0.3:
        made["timeoutSeconds"] = rng.choice((1, 2, 3, 5))
    return made


def liveness(health: str, port: int, port_name: str, path: str, rng: random.Random) -> Object:
    if rng.random() < 0.25:
        return {"tcpSocket": {"port": port}, "periodSeconds": rng.choice((10, 15, 20)), "initialDelaySeconds": 10}
    if rng.random() < 0.12:
        return {
            "exec": {"command": ["python3", path, "check"]},
            "periodSeconds": 20,
            "timeoutSeconds": 5,
            "initialDelaySeconds": 10,
        }
    return {
        **probe(health, port, port_name, rng, rng.choice((10, 10, 15, 30))),
        "initialDelaySeconds": rng.choice((10, 15, 20)),
    }


def resources(megabytes: int, rng: random.Random) -> Object:
    kind = rng.random()
    if kind < 0.08:
        return {}
    need = megabytes + 16
    limit = int(need * rng.uniform(1.5, 3.0) / 8 + 1) * 8
    requests = {"cpu": f"{rng.choice((10, 20, 25, 50, 100))}m", "memory": f"{rng.choice((limit // 2, limit, need))}Mi"}
    if kind < 0.2:
        return {"requests": requests}
    limits = {"cpu": rng.choice(("200m", "250m", "500m", "500m", "1", "1000m")), "memory": f"{limit}Mi"}
    if kind < 0.35:
        del limits["cpu"]
    return {"requests": requests, "limits": limits}


def settings_of(store: bool, rng: random.Random) -> dict[str, str]:
    made = {"LOG_LEVEL": rng.choice(("debug", "info", "info", "info", "warning", "error"))}
    choices = {
        "CACHE_SIZE": str(rng.randint(16, 4096)),
        "SESSION_SECONDS": str(rng.randint(60, 7200)),
        "RETRY_LIMIT": str(rng.randint(1, 9)),
        "CALL_TIMEOUT_MS": str(rng.choice((800, 1500, 2000, 3000, 5000))),
        "SYNC_MODE": rng.choice(("async", "strict")),
        "TRACING_ENABLED": rng.choice(("true", "false")),
        "REGION": rng.choice(("eu-1", "us-2", "ap-1")),
        "CURRENCY": rng.choice(("EUR", "USD", "GBP")),
        "EXPORT_WORKERS": str(rng.randint(1, 16)),
        "PAGE_SIZE": str(rng.randint(5, 200)),
        f"{word(rng, 1).upper()}_ENABLED": rng.choice(("true", "false")),
        f"{word(rng, 2).upper()}_LIMIT": str(rng.randint(1, 999)),
    }
    if store:
        choices["STORE_MODE"] = rng.choice(("primary", "standalone"))
    for name in rng.sample(sorted(choices), k=rng.randint(1, 4)):
        made[name] = choices[name]
    return made
