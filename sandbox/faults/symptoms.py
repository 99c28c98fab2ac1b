"""What shows that a fault is there, measured on the cluster: states, answers, seconds, usage."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ..api.quantity import value_of
from ..systems.edits import container_path, value_at
from ..systems.rest import Api, path_of, seen
from ..systems.system import ServiceSpec

Object = dict[str, Any]

_VISITS = 10
_ODD = 2  # so many of them must be slow or fail: one is a hiccup
_SLOWER, _SLOWER_BY = 3.0, 0.25  # times what is usual, and seconds above it: both
_METRICS = "/apis/metrics.k8s.io/v1beta1/namespaces"
_RESOURCES = {"busy": "cpu", "full": "memory"}


@dataclass(frozen=True)
class Subject:
    """The workload that a symptom is looked for at, its main container, and its Service ("" without one)."""

    namespace: str
    kind: str
    name: str
    container: str
    service: str
    port: int


def subject(namespace: str, spec: ServiceSpec) -> Subject:
    return Subject(namespace, spec.kind, spec.name, spec.container, spec.service, spec.service_port)


def usual(api: Api, about: Subject, symptom: str) -> float:
    """What the symptom will be measured against, of a healthy workload: seconds of an answer, cores, bytes."""
    if symptom in ("slow", "starved"):
        return sorted(_visit(api, about) for _ in range(_VISITS))[_VISITS // 2]
    if symptom in _RESOURCES:
        return max(usages(api, about, _RESOURCES[symptom]), default=0.0)
    return 0.0


def shows(api: Api, about: Subject, symptom: str, normal: float) -> bool:
    """Whether the symptom shows now."""
    if symptom == "unanswered":
        return api.visit(about.namespace, about.service, about.port) != 200
    live = api.look(about.kind, about.namespace, about.name)
    if live is None:
        return True
    if symptom == "absent":
        return not live["status"].get("readyReplicas")
    if not complete(live):
        return True
    if symptom == "starved":
        return _presses(api, about, live, "busy", normal) or _slow(api, about, normal)
    if symptom == "slow":
        return _slow(api, about, normal)
    return symptom in _RESOURCES and _presses(api, about, live, symptom, normal)


def complete(workload: Object) -> bool:
    """The newest revision, and only it, runs and is available in full."""
    wanted, status = workload["spec"].get("replicas", 1), workload.get("status", {})
    counted = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    current = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 1)
    return current and counted == [wanted] * 3


def limit_of(workload: Object, container: str, resource: str) -> float:
    """A limit in cores or bytes; 0 where there is none."""
    text = value_at(workload, container_path(container, "resources", "limits", resource))
    return float(value_of(str(text))) if text else 0.0


def usages(api: Api, about: Subject, resource: str) -> list[float]:
    """Cores or bytes of the main container of each of the workload's Pods, as metrics-server last saw them."""
    live = api.look(about.kind, about.namespace, about.name)
    answer = api.transport.request("GET", f"{_METRICS}/{about.namespace}/pods")
    if live is None or answer.status != 200:
        return []
    wanted = live["spec"]["selector"]["matchLabels"].items()
    mine = {
        pod["metadata"]["name"]
        for pod in api.look_at_all("Pod", about.namespace)
        if wanted <= (pod["metadata"].get("labels") or {}).items() and "deletionTimestamp" not in pod["metadata"]
    }
    return [
        float(value_of(container["usage"][resource]))
        for item in seen(answer)["items"]
        if item["metadata"]["name"] in mine
        for container in item["containers"]
        if container["name"] == about.container
    ]


def _presses(api: Api, about: Subject, live: Object, symptom: str, normal: float) -> bool:
    """Busy: more than half of the CPU limit, the bound of MicroRemed's own check. Full: nearer to the memory limit than
    to what is usual, for half of the limit is what many programs use anyway."""
    resource = _RESOURCES[symptom]
    limit, used = limit_of(live, about.container, resource), usages(api, about, resource)
    bound = limit / 2 if symptom == "busy" else (limit + normal) / 2
    return bool(limit) and max(used, default=0.0) > bound


def _slow(api: Api, about: Subject, normal: float) -> bool:
    late, odd = max(_SLOWER * normal, normal + _SLOWER_BY), 0
    for _ in range(_VISITS):
        odd += _visit(api, about) > late
        if odd >= _ODD:
            return True
    return False


def _visit(api: Api, about: Subject) -> float:
    """Seconds that a request took; infinite where it failed."""
    url = f"{path_of('Service', about.namespace, f'{about.service}:{about.port}')}/proxy/"
    began = time.monotonic()
    try:
        answer = api.transport.request("GET", url)
    except Exception:  # each transport has its own for "no answer in time", which is what is measured here
        return float("inf")
    virtual = getattr(answer, "seconds", None)  # a sandbox says what its answer took on its own clock
    seconds = time.monotonic() - began if virtual is None else float(virtual)
    return seconds if answer.status == 200 else float("inf")
