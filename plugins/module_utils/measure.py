# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Chooses what to ask by HTTP, and asks it, timed, through the API server's proxy."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from statistics import median

from .cluster import Answered, Cluster, reference
from .errors import ClusterError
from .evidence import Manifest, Measurement, ObjectRef
from .facts_services import target_port
from .reading import together
from .workloads import View, Workload, pod_is_ready

SAMPLES = 3
WAIT = 3.0
"""Seconds after which a request counts as failed: a little more than callers commonly grant what they call (2 s), for
one that is told "no answer" says who did not answer."""
_HTTP_NAMES = ("http", "https", "web", "http2", "api", "rest")
_HTTP_NUMBERS = (80, 8080)
_NO_CONNECTION = (502, 503, 504)
_NOT_PERMITTED = (401, 403)
_OWN_WORDS = ("no endpoints available for service", "error trying to reach service")


@dataclass(frozen=True)
class Door:
    """Where a request goes; ``guessed``: no probe names the path, so that a 404 or the like says nothing."""

    target: ObjectRef
    port: int
    path: str
    guessed: bool = False
    tls: bool = False


def doors(view: View, about: Iterable[ObjectRef], siblings: int = 3) -> tuple[Door, ...]:
    """The HTTP ports of the Services and Pods of some objects, and of a few healthy siblings to compare with."""
    wanted = list(dict.fromkeys(about))
    found: dict[Door, None] = {}
    for ref in wanted:
        for service in _services_of(view, ref):
            found.update(dict.fromkeys(service_doors(view, service)))
        found.update(dict.fromkeys(_pod_doors(view, ref)))
    for work in view.workloads.values():
        if siblings <= 0:
            break
        if work.ref in wanted or not work.desired or not any(pod_is_ready(pod) for pod in work.pods):
            continue
        for service in view.services.get(work.ref, ())[:1]:
            fresh = [door for door in service_doors(view, service) if door not in found]
            found.update(dict.fromkeys(fresh))
            siblings -= bool(fresh)
    return tuple(found)


def service_doors(view: View, service: Manifest) -> list[Door]:
    """The ports of a Service that speak HTTP, as far as probes and names tell.

    Of a port whose probe asks for another path, ``/`` is asked for too: a program may call itself
    ready while all that its users ask of it fails.
    """
    ref = reference(service)
    found = []
    for port in service["spec"].get("ports") or ():
        for work in view.selected.get(ref, ()):
            number = target_port(port, work)
            if port.get("protocol", "TCP") == "TCP" and (path := _http_path(port, number, work)) is not None:
                paths = {path or "/": not path} | ({"/": True} if path not in ("", "/") else {})
                found += [Door(ref, int(port["port"]), where, guess, _is_tls(port)) for where, guess in paths.items()]
                break
    return found


def ask(cluster: Cluster, asked: Iterable[Door], samples: int = SAMPLES) -> tuple[Measurement, ...]:
    """All doors, ``samples`` times each, in parallel; in the doors' order, without those that may not be asked.

    Rounds, so that noise hits all doors alike. One that did not answer in time is not asked again: waiting
    for it once more would tell the same, and a system whose services hang would take minutes to look at.
    """
    found: dict[Door, list[_Sample]] = {door: [] for door in asked}
    left = list(found)
    for _ in range(samples):
        answers = list(zip(left, together(cluster, lambda door: _once(cluster, door), left), strict=True))
        for door, sample in answers:
            if sample is not None:
                found[door].append(sample)
        left = [door for door, sample in answers if sample is not None and not sample.late]
    return tuple(_measurement(door, series) for door, series in found.items() if series)


def unasked(asked: Iterable[Door], measured: Iterable[Measurement]) -> tuple[str, ...]:
    """What of the doors could not be asked, for ``unseen``: the account lacks the right to use the proxy."""
    reached = {item.target for item in measured}
    kinds = dict.fromkeys(door.target.kind for door in asked if door.target not in reached)
    return tuple(f"requests to {kind}s: not permitted" for kind in kinds)


@dataclass(frozen=True)
class _Sample:
    failed: bool
    status: int
    seconds: float
    error: str = ""
    late: bool = False  # no answer within WAIT


def _once(cluster: Cluster, door: Door) -> _Sample | None:
    """One request; None where it is the API server that does not permit it, which says nothing of the service."""
    # The proxy takes the scheme as part of the name: https:cart:443.
    target = replace(door.target, name=f"https:{door.target.name}") if door.tls else door.target
    started = time.perf_counter()
    try:
        answer = cluster.proxy(target, door.port, door.path, WAIT)
    except ClusterError as error:
        waited = time.perf_counter() - started
        late = waited >= WAIT or isinstance(error.__cause__, TimeoutError)  # or so many seconds of virtual time
        if late:
            return _Sample(True, 0, max(waited, WAIT), f"no answer within {WAIT:g} s", late)
        return _Sample(True, 0, waited, error.what)
    taken = getattr(answer, "seconds", None)
    seconds = float(taken) if taken is not None else time.perf_counter() - started
    own = _said_by_api_server(answer)
    if own is not None and answer.status in _NOT_PERMITTED:
        return None
    if own is not None and answer.status in _NO_CONNECTION:
        return _Sample(True, 0, seconds, own)
    failed = answer.status >= 500 or (not door.guessed and answer.status >= 400)
    said = answer.body[:200].decode("utf-8", "replace") if failed else ""
    return _Sample(failed, answer.status, seconds, own or said)


def _said_by_api_server(answer: Answered) -> str | None:
    """The message when the API server answered itself instead of what is behind it: a Status, or its words."""
    text = answer.body.decode("utf-8", "replace")
    if text.startswith(_OWN_WORDS):
        return text
    try:
        body = json.loads(text)
    except ValueError:
        return None
    if isinstance(body, dict) and body.get("kind") == "Status" and body.get("apiVersion") == "v1":
        return str(body.get("message", ""))
    return None


def _measurement(door: Door, samples: list[_Sample]) -> Measurement:
    failures = [item for item in samples if item.failed]
    status = Counter(item.status for item in failures or samples).most_common(1)[0][0]
    return Measurement(
        door.target,
        door.port,
        door.path,
        len(samples),
        len(failures) / len(samples),
        status,
        median(item.seconds for item in samples),
        failures[-1].error if failures else "",
    )


def _services_of(view: View, ref: ObjectRef) -> Iterator[Manifest]:
    if ref.kind == "Service":
        if found := view.inventory.get(ref):
            yield found
    else:
        yield from view.services.get(view.owner(ref), ())


def _pod_doors(view: View, ref: ObjectRef) -> list[Door]:
    """The probed port of one running Pod of a workload: what it answers without a Service in between."""
    work = view.workloads.get(view.owner(ref))
    if work is None:
        return []
    for pod in sorted(work.pods, key=pod_is_ready, reverse=True):
        if (pod.get("status") or {}).get("phase") != "Running":
            continue
        for container in work.pod_spec.get("containers") or ():
            for get in _http_probes(container):
                if number := _number(container, get.get("port")):
                    return [Door(reference(pod), number, get.get("path") or "/", tls=get.get("scheme") == "HTTPS")]
    return []


def _http_path(port: Manifest, number: int | None, work: Workload) -> str | None:
    """The probed path of an HTTP port, "" where none is probed, None for a port that is not known as HTTP."""
    for container in work.pod_spec.get("containers") or ():
        probes = list(_http_probes(container))
        for get in probes:
            if _number(container, get.get("port")) == number:
                return str(get.get("path") or "/")
        if probes and number is not None and number not in _declared(container):
            # A port that leads to no container's port: ask for what the probe would ask for.
            return str(probes[0].get("path") or "/")
        for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
            if _number(container, ((container.get(probe) or {}).get("tcpSocket") or {}).get("port")) == number:
                return None
    protocol = str(port.get("appProtocol") or "").lower()
    if protocol:
        return "" if protocol in ("http", "https") else None
    name = str(port.get("name") or "").lower()
    if name.split("-")[0] in _HTTP_NAMES:
        return ""
    return "" if not name and (port.get("port") in _HTTP_NUMBERS or number in _HTTP_NUMBERS) else None


def _http_probes(container: Manifest) -> Iterator[Manifest]:
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        if get := (container.get(probe) or {}).get("httpGet"):
            yield get


def _declared(container: Manifest) -> set[int]:
    return {int(port["containerPort"]) for port in container.get("ports") or ()}


def _number(container: Manifest, port: object) -> int | None:
    if isinstance(port, int):
        return port
    for item in container.get("ports") or ():
        if item.get("name") == port and port:
            return int(item["containerPort"])
    return int(port) if isinstance(port, str) and port.isdigit() else None


def _is_tls(port: Manifest) -> bool:
    return str(port.get("appProtocol") or port.get("name") or "").lower().split("-")[0] == "https"
