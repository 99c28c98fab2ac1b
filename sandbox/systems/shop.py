"""The shop: six services, always the same."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from .history import with_history
from .parts import Blueprint, account, config_map, namespace, node, program_map, workload
from .system import ServiceSpec, System

_SPACE = "shop"
_SERVICES = {
    # name: (tag, port, replicas, calls, working set in MB, memory limit in Mi, settings of its ConfigMap)
    "web": ("2.3.1", 8080, 2, ("catalog", "cart", "checkout"), 24, 96, {"CACHE_SIZE": "256", "BANNER_ENABLED": "true"}),
    "catalog": ("1.8.0", 8080, 2, (), 32, 128, {"PAGE_SIZE": "24", "REFRESH_SECONDS": "300"}),
    "cart": ("1.4.2", 8080, 2, (), 16, 64, {"SESSION_SECONDS": "1800", "ITEM_LIMIT": "99"}),
    "checkout": (
        "3.0.5",
        8080,
        1,
        ("cart", "payment", "shipping"),
        24,
        96,
        {"RETRY_LIMIT": "3", "ORDER_MODE": "async"},
    ),
    "payment": ("1.1.7", 9090, 1, (), 24, 96, {"CURRENCY": "EUR", "SETTLE_MODE": "strict"}),
    "shipping": ("0.9.3", 8080, 1, (), 16, 64, {"QUOTE_TTL_SECONDS": "60", "CARRIER_WORKERS": "4"}),
}


def shop() -> System:
    """web calls catalog, cart and checkout; checkout calls cart, payment and shipping; visitors call web."""
    manifests = [
        namespace(_SPACE),
        node("node-1", "10.20.0.1", 4, 8192),
        node("node-2", "10.20.0.2", 4, 8192),
        program_map(_SPACE),
    ]
    specs, images = [], set()
    rates = {"web": 0.4, "catalog": 0.4, "cart": 0.8, "checkout": 0.4, "payment": 0.4, "shipping": 0.4}
    for name, (tag, port, replicas, calls, megabytes, limit, settings) in _SERVICES.items():
        image = f"registry.example/shop/{name}:{tag}"
        images.add(image)
        data = {"LOG_LEVEL": "info", **settings}
        manifests += [account(name, _SPACE), config_map(f"{name}-config", _SPACE, data, {"app": name})]
        env: list[dict[str, Any]] = [
            {"name": "PORT", "value": str(port)},
            {"name": "WORKING_SET_MB", "value": str(megabytes)},
        ]
        env += [{"name": key, "valueFrom": {"configMapKeyRef": {"name": f"{name}-config", "key": key}}} for key in data]
        env += [{"name": f"{other.upper()}_URL", "value": f"http://{other}:{_SERVICES[other][1]}/"} for other in calls]
        http = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5}
        plan = Blueprint(
            name=name,
            namespace=_SPACE,
            image=image,
            labels={"app": name},
            extra_labels={"part-of": "shop"},
            env=tuple(env),
            port=port,
            port_name="http",
            replicas=replicas,
            service=name,
            service_port=port,
            service_port_name="http",
            target="http",
            account=name,
            readiness={**http, "initialDelaySeconds": 1},
            liveness={**http, "periodSeconds": 10, "initialDelaySeconds": 10},
            resources={
                "requests": {"cpu": "20m", "memory": f"{limit // 2}Mi"},
                "limits": {"cpu": "500m", "memory": f"{limit}Mi"},
            },
        )
        manifests += workload(plan)
        specs.append(ServiceSpec(name, "Deployment", name, name, port, port, calls, image, "/healthz", rates[name]))
    visitors = Blueprint(
        name="visitors",
        namespace=_SPACE,
        image="registry.example/shop/visitors:1.0.0",
        labels={"app": "visitors"},
        command=("python3", "/srv/program.py", "visit"),
        replicas=1,
        env=({"name": "WEB_URL", "value": "http://web:8080/"}, {"name": "VISIT_SECONDS", "value": "5"}),
        resources={"requests": {"cpu": "10m", "memory": "24Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}},
    )
    manifests += workload(visitors)
    images.add(visitors.image)
    specs.append(ServiceSpec("visitors", "Deployment", "visitors", "", 8080, 0, ("web",), visitors.image, ""))
    system = System("shop", _SPACE, tuple(manifests), frozenset(images), tuple(specs), "web")
    return replace(with_history(system, random.Random("shop")), age=7200.0)
