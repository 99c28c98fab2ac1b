"""One playbook carried out twice, from the same moment of the same cluster: by Ansible, which asks over HTTP, and in
process, by the sandbox's own interpreter. Both must leave equal stores and say the same of each task.

Equal means: all objects of the namespace, with who set which field, up to what a moment or a counter decides: times,
uids, versions, Pods' own names and addresses, Events. Virtual time passes while Ansible works: in process, each write
waits for the moment at which Ansible's came. Both clusters are looked at when the same time has passed in both, and
everything has come to rest.
"""

from __future__ import annotations

import json
import random
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..plugins.module_utils.cluster import Cluster
from ..plugins.module_utils.reading import read
from ..plugins.plugin_utils.gate import gate
from ..plugins.plugin_utils.playbook import Playbook
from ..plugins.plugin_utils.policy import load_policy
from ..plugins.plugin_utils.run import ProcessRunner
from ..plugins.plugin_utils.runresult import RunResult
from ..sandbox.api.exchange import Request, Response
from ..sandbox.sandbox import Sandbox
from ..sandbox.server import serve
from ..sandbox.systems import choose, prepare
from .hands import SandboxRunner
from .random_playbooks import random_playbook

Object = dict[str, Any]

_SPEED = 30.0
_REST = 1800.0
_LATER = ("Pod", "Event", "EndpointSlice", "Endpoints", "Lease")
"""Kinds whose objects are not compared one by one: Pods are, by what they are made of."""
_MOMENTS = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "time", "lastTransitionTime", "lastUpdateTime", "lastScheduleTime"}
    | {"lastHeartbeatTime", "lastProbeTime", "startTime", "completionTime", "lastScaleTime", "lastSuccessfulTime"}
)


@dataclass(frozen=True)
class Compared:
    """``differences`` is empty when both ways left equal stores and said the same."""

    seed: int
    text: str
    statuses: tuple[str, ...]
    differences: tuple[str, ...]


class BothWays:
    """Carries playbooks out on clusters of one system after the other; close it in the end."""

    def __init__(self, folder: Path) -> None:
        self._kubeconfig = folder / "kubeconfig"
        self._kubeconfig.touch(mode=0o600)
        self._runner = ProcessRunner({"kubeconfig": str(self._kubeconfig)}, parent=folder)
        self._policy = load_policy()

    def __enter__(self) -> BothWays:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def compare(self, sandbox: Sandbox, seed: int) -> Compared:
        """A random allowed playbook of this seed, on two clones of a sandbox."""
        self._runner.warm()
        playbook = self._allowed(sandbox, random.Random(seed))
        over_http, in_process, moments = sandbox.clone(), sandbox.clone(), _Moments()
        with serve(over_http, speed=_SPEED, recording=moments) as served:
            self._kubeconfig.write_text(json.dumps(served.kubeconfig), "utf-8")
            by_ansible = self._runner.run(playbook)
        by_us = SandboxRunner(_Paced(in_process, moments)).run(playbook)
        statuses = tuple(task.status for task in by_ansible.tasks)
        differences = list(_tasks_apart(by_ansible, by_us))
        end = max(over_http.clock.elapsed, in_process.clock.elapsed) + _REST
        for one in (over_http, in_process):
            one.advance(end - one.clock.elapsed)
        differences += apart(seen(over_http), seen(in_process))
        return Compared(seed, playbook.text, statuses, tuple(differences))

    def _allowed(self, sandbox: Sandbox, rng: random.Random) -> Playbook:
        """The first random playbook that the gate lets through."""
        namespace = sandbox.system.namespace if sandbox.system else "default"
        inventory, _ = read(Cluster(sandbox.clone().transport()), namespace)
        objects = {kind: sandbox.store.list(kind, namespace) for kind in sandbox.store.registry.stored}
        while True:
            found = gate(random_playbook(rng, namespace, objects), inventory, self._policy, namespace)
            if isinstance(found, Playbook):
                return found


class _Moments:
    """At which virtual second each write came, in order."""

    def __init__(self) -> None:
        self.writes: deque[tuple[str, str, float]] = deque()

    def answered(self, request: Request, elapsed: float, answer: object) -> None:
        if request.method != "GET":
            self.writes.append((request.method, request.path, elapsed))


class _Paced:
    """A sandbox whose writes happen no sooner than those of another run did."""

    def __init__(self, sandbox: Sandbox, moments: _Moments) -> None:
        self.clock, self.advance = sandbox.clock, sandbox.advance
        self._sandbox, self._writes = sandbox, moments.writes

    def handle(self, method: str, path: str, *more: Any, **named: Any) -> Response:
        if method != "GET" and self._writes and self._writes[0][:2] == (method, path):
            self.advance(max(0.0, self._writes.popleft()[2] - self.clock.elapsed))
        return self._sandbox.handle(method, path, *more, **named)


def systems(first: int) -> Iterator[Sandbox]:
    """Prepared clusters to be cloned: published systems, then random ones."""
    names = ("shop", "simple-micro", *map(str, range(first, first + 1000)))
    for name in names:
        system = choose(name)
        sandbox = Sandbox(system, seed=first)
        prepare(sandbox, system)
        yield sandbox


def seen(sandbox: Sandbox) -> dict[str, Any]:
    """All that is in the system's namespace, without what a moment decides."""
    namespace = sandbox.system.namespace if sandbox.system else "default"
    found: dict[str, Any] = {}
    for kind, resource in sandbox.store.registry.stored.items():
        if resource.namespaced and kind not in _LATER:
            for obj in sandbox.store.list(kind, namespace):
                found[f"{kind}/{obj['metadata']['name']}"] = _timeless(obj)
    found["Pods"] = Counter(map(_pod, sandbox.store.list("Pod", namespace)))
    for obj in sandbox.store.list("EndpointSlice", namespace):
        service = obj["metadata"].get("labels", {}).get("kubernetes.io/service-name", "")
        ready = Counter(str(end.get("conditions", {}).get("ready")) for end in obj.get("endpoints") or ())
        found[f"EndpointSlice of {service}"] = (obj.get("ports"), ready)
    return found


def apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Where two clusters differ, one line each."""
    for key in sorted(one.keys() | other.keys()):
        if one.get(key) != other.get(key):
            yield f"{key}: {_where(one.get(key), other.get(key))}"


def _tasks_apart(by_ansible: RunResult, by_us: RunResult) -> Iterator[str]:
    # Of a run that went well, Ansible tells a rescued task as it was, failed; the interpreter as it came out, ok.
    told = {"failed": "ok"} if by_ansible.rc == 0 else {}
    theirs = [(task.name, task.module, told.get(task.status, task.status)) for task in by_ansible.tasks]
    ours = [(task.name, task.module, task.status) for task in by_us.tasks]
    if theirs != ours or by_ansible.rc != by_us.rc:
        yield f"tasks: Ansible {theirs} ({by_ansible.rc}), in process {ours} ({by_us.rc})"
        for who, result in (("by Ansible", by_ansible), ("in process", by_us)):
            yield from (f"{task.name} {who}: {task.message[:600]}" for task in result.tasks if task.status == "failed")


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in _MOMENTS}
    if isinstance(value, list):
        return [_timeless(item) for item in value]
    return value


def _pod(pod: Object) -> str:
    """What a Pod is made of, who owns it and whether it serves."""
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    owners = [(ref["kind"], ref["name"]) for ref in meta.get("ownerReferences", ())]
    containers = [
        {key: value for key, value in container.items() if key != "volumeMounts"} for container in spec["containers"]
    ]
    ready = [(item["name"], item["ready"]) for item in status.get("containerStatuses", ())]
    return json.dumps([owners, meta.get("labels"), containers, status.get("phase"), ready], sort_keys=True)


def _where(one: Any, other: Any, path: str = "") -> str:
    """The first place in which two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys(), key=str):
            if one.get(key) != other.get(key):
                return _where(one.get(key), other.get(key), f"{path}.{key}"[:120])
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (mine, yours) in enumerate(zip(one, other, strict=True)):
            if mine != yours:
                return _where(mine, yours, f"{path}[{index}]")
    return f"{path} Ansible {str(one)[:300]}, in process {str(other)[:300]}"
