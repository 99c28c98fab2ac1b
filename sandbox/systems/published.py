"""Systems that others published, by their topology: read from topologies/*.yaml, run by the stand-in program."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from .history import HOUR, with_history
from .parts import Blueprint, account, config_map, namespace, node, program_map, secret, workload
from .system import ServiceSpec, System

Object = dict[str, Any]

_FOLDER = Path(__file__).with_name("topologies")
_COSTS = ("working_set_mb", "start_cpu_ms", "request_cpu_ms", "fanout_limit", "call_timeout_ms")
NAMES = tuple(sorted(path.stem.replace("_", "-") for path in _FOLDER.glob("*.yaml")))


def published(name: str) -> System:
    """The system of that name with a past; KeyError when there is none."""
    if name not in NAMES:
        raise KeyError(name)
    return _read(name)


@cache
def _read(name: str) -> System:
    told = yaml.safe_load((_FOLDER / f"{name.replace('-', '_')}.yaml").read_text(encoding="utf-8"))
    space, machines = told["namespace"], told["nodes"]
    services = {key: _with_database(key, {**told["each"], **entry}) for key, entry in told["services"].items()}
    manifests = [
        namespace(space),
        *(
            node(f"node-{number}", f"10.20.0.{number}", machines["cores"], machines["memory_mib"])
            for number in range(1, machines["count"] + 1)
        ),
        program_map(space),
        *(config_map(key, space, data) for key, data in told.get("config_maps", {}).items()),
        *(secret(key, space, _encoded(data)) for key, data in told.get("secrets", {}).items()),
        *(
            secret(_stem(key) + "-mysql", space, _credentials(key, told["databases"][entry["database"]]))
            for key, entry in services.items()
            if "database" in entry
        ),
    ]
    visitors = told["visitors"]
    asked = (told["front"], *visitors.get("asks_too", ()))
    rates = _rates(services, dict.fromkeys(asked, 1 / visitors["every_seconds"]))
    plans = {key: _plan(key, entry, services, space) for key, entry in services.items()}
    specs = []
    for key, plan in plans.items():
        entry = services[key]
        if plan.account:
            manifests.append(account(plan.account, space))
        manifests += workload(plan)
        specs.append(
            ServiceSpec(
                key,
                plan.kind,
                plan.container,
                plan.service,
                plan.port,
                plan.service_port,
                tuple(entry.get("calls", ())),
                plan.image,
                entry.get("health", "/healthz"),
                rates[key],
                _volume(entry),
            )
        )
    load = _visitors(visitors, {name: _url(services[name], name) for name in asked}, space)
    manifests += workload(load)
    specs.append(ServiceSpec(load.name, "Deployment", load.container, "", 8080, 0, asked, load.image, ""))
    images = {
        container["image"]
        for item in manifests
        if "template" in item.get("spec", {})
        for container in item["spec"]["template"]["spec"]["containers"]
    }
    system = System(name, space, tuple(manifests), frozenset(images), tuple(specs), told["front"])
    past = told["past"]
    return replace(
        with_history(system, random.Random(f"published {name}"), share=past["share"]), age=past["age_hours"] * HOUR
    )


def _stem(name: str) -> str:
    return name.removesuffix("-service")


def _with_database(name: str, entry: Object) -> Object:
    """The entry of a service that has a database, with all that follows from it."""
    if "database" not in entry:
        return entry
    store, variable = entry["database"], _variable(name) + "_URL"
    return {
        **entry,
        "calls": [*entry.get("calls", ()), store],
        "url_variables": {store: variable},
        "env_from": [{"secretRef": {"name": _stem(name) + "-mysql"}}, *entry.get("env_from", ())],
    }


def _credentials(name: str, told: Object) -> dict[str, str]:
    return _encoded({f"{_variable(name)}_{key.upper()}": value for key, value in told.items()})


def _variable(name: str) -> str:
    """What the variables about a service's database begin with."""
    return _stem(name).removeprefix("ts-").replace("-", "_").upper() + "_MYSQL"


def _plan(name: str, entry: Object, services: Mapping[str, Object], space: str) -> Blueprint:
    """A workload of the topology; its labels, Service and main container go by its name."""
    port, health = entry["port"], entry.get("health", "/healthz")
    env: list[Object] = [{"name": "PORT", "value": str(port)}]
    if health != "/healthz":
        env.append({"name": "HEALTH_PATH", "value": health})
    env += [{"name": key.upper(), "value": str(entry[key])} for key in _COSTS if key in entry]
    for other in entry.get("calls", ()):
        usual = f"{services[other].get('service', other).replace('-', '_').upper()}_URL"
        variable = entry.get("url_variables", {}).get(other, usual)
        env.append({"name": variable, "value": _url(services[other], other)})
    folders = []
    for key, variable, file in (("log_volume", "LOG_FILE", f"/{name}.log"), ("data_volume", "DATA_DIR", "")):
        if entry.get(key):
            folders.append((entry[key]["name"], entry[key]["path"]))
            env.append({"name": variable, "value": entry[key]["path"] + file})
    if "password" in entry:
        env.append({"name": "STORE_PASSWORD", "valueFrom": {"secretKeyRef": entry["password"]}})
    env += entry.get("env", ())
    return Blueprint(
        name=name,
        namespace=space,
        kind=entry.get("kind", "Deployment"),
        image=entry["image"],
        labels={"app": name},
        container=entry.get("container", name),
        env=tuple(env),
        env_from=tuple(entry.get("env_from", ())),
        port=port,
        port_name=entry.get("port_name", ""),
        readiness=_probe(entry.get("readiness"), port, health),
        liveness=_probe(entry.get("liveness"), port, health),
        resources={"requests": entry["requests"], **({"limits": entry["limits"]} if entry.get("limits") else {})},
        replicas=entry.get("replicas", 1),
        service=entry.get("service", name),
        service_port=int(entry.get("service_port") or port),
        service_port_name=entry.get("service_port_name", ""),
        target=port,
        account=name if entry.get("account") else "",
        sidecar=_sidecar(entry),
        folders=tuple(folders),
    )


def _sidecar(entry: Object) -> Object | None:
    """What runs beside it, with the log volume."""
    if not entry.get("sidecar"):
        return None
    volume = entry.get("log_volume")
    mounts = [{"name": volume["name"], "mountPath": volume["path"]}] if volume else []
    return {**entry["sidecar"], "volumeMounts": mounts}


def _probe(told: Object | None, port: int, health: str) -> Object | None:
    """The probe with the port, and for HTTP the path, that the service has."""
    if told is None:
        return None
    made = dict(told)
    if "httpGet" in made:
        made["httpGet"] = {"path": health, "port": port, **made["httpGet"]}
    if "tcpSocket" in made:
        made["tcpSocket"] = {"port": port}
    return made


def _url(entry: Object, name: str) -> str:
    return f"http://{entry.get('service', name)}:{entry.get('service_port', entry['port'])}/"


def _volume(entry: Object) -> str:
    volume = entry.get("log_volume") or entry.get("data_volume") or {"path": ""}
    return str(volume["path"])


def _visitors(told: Object, urls: Mapping[str, str], space: str) -> Blueprint:
    """The load: one who asks all of these, and again after a while."""
    return Blueprint(
        name=told["name"],
        namespace=space,
        image=told["image"],
        labels={"app": told["name"]},
        container=str(told.get("container", told["name"])),
        command=("python3", "/srv/program.py", "visit"),
        env=(
            *({"name": f"{name.replace('-', '_').upper()}_URL", "value": url} for name, url in urls.items()),
            {"name": "VISIT_SECONDS", "value": str(told["every_seconds"])},
            *({"name": key.upper(), "value": str(told[key])} for key in _COSTS if key in told),
        ),
        resources={
            "requests": told.get("requests", {"cpu": "10m", "memory": "24Mi"}),
            "limits": told.get("limits", {"cpu": "200m", "memory": "64Mi"}),
        },
    )


def _rates(services: Mapping[str, Object], arriving: Mapping[str, float]) -> dict[str, float]:
    """Requests a second at each service. Callers must be listed before those whom they call.

    Raises ValueError otherwise: calls in a circle would never end.
    """
    order = list(services)
    rates = {**dict.fromkeys(order, 0.0), **arriving}
    for spot, name in enumerate(order):
        calls = services[name].get("calls", ())
        for other in calls:
            if order.index(other) <= spot:
                raise ValueError(f"{name} calls {other}, which must come after it")
            rates[other] += rates[name] * min(1.0, services[name].get("fanout_limit", len(calls)) / len(calls))
    return rates


def _encoded(data: Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
