"""A Pod as its node knows it: containers, what state they are in, what they printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..clock import Event
from ..shared import Shared
from ..systems.program import Settings
from .corefile import Server

Object = dict[str, Any]

_REPLACED = ("spec", "state", "last", "settings", "dns")
"""What of a container is replaced when it changes, and never changed itself: a clone shares it."""


@dataclass
class ContainerRun:
    """One container. ``turn`` counts starts and stops, so that a late event knows that it is late."""

    spec: Object
    init: bool = False
    late: bool = False  # an ephemeral container, which joined while the others ran
    begun: bool = False  # its turn has come
    done: bool = False  # an init container that others need not wait for any more
    state: Object = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: Object = field(default_factory=dict)
    restarts: int = 0
    turn: int = 0
    started: bool = False
    ready: bool = False
    image_present: bool = False
    pull_wait: float = 0.0
    crash_wait: float = 0.0
    started_at: float = 0.0  # virtual seconds
    listens_at: float = float("inf")
    settings: Settings | None = None
    command: str = ""
    dns: Server | None = None  # what a CoreDNS serves
    requests: int = 0  # for "/", since it started
    failed_probes: dict[str, int] = field(default_factory=dict)  # startup, readiness, liveness -> failures in a row
    next_probes: dict[str, Event] = field(default_factory=dict)  # of the same, the look that is planned
    log: list[tuple[str, str, str]] = field(default_factory=list)  # (time stamp, level, text)
    previous_log: list[tuple[str, str, str]] | None = None
    container_id: str = ""
    files: dict[str, str | None] | None = None  # what was written since it started (files.py)

    def __getstate__(self) -> Object:
        return {**vars(self), **{key: Shared(getattr(self, key)) for key in _REPLACED}}

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def running(self) -> bool:
        return "running" in self.state

    @property
    def sidecar(self) -> bool:
        """An init container that is to go on beside the others."""
        return self.init and self.spec.get("restartPolicy") == "Always"

    @property
    def finished(self) -> bool:
        """Whether an init container has done what others wait for."""
        if self.sidecar:
            return self.running and self.started
        return bool(self.state.get("terminated", {}).get("exitCode") == 0)

    @property
    def field(self) -> str:
        """The part of the Pod that it is, as Events name it."""
        group = "initContainers" if self.init else "ephemeralContainers" if self.late else "containers"
        return f"spec.{group}{{{self.name}}}"

    @property
    def limits(self) -> Mapping[str, str]:
        found: Mapping[str, str] = (self.spec.get("resources") or {}).get("limits") or {}
        return found


@dataclass
class PodRun:
    """One Pod on its node. ``workload``: the name of the Deployment, StatefulSet … behind it."""

    namespace: str
    name: str
    uid: str
    node: str
    host_ip: str
    ip: str
    workload: str
    containers: list[ContainerRun]
    start_stamp: str = ""
    leaving: bool = False
    mounted: bool = False
    inits: list[ContainerRun] = field(default_factory=list)
    late: list[ContainerRun] = field(default_factory=list)
    asks_cluster: bool = True  # names are looked up in the cluster's DNS (its dnsPolicy)
    number: int = 0  # of the Pods that have run in this cluster

    def container(self, name: str) -> ContainerRun | None:
        return next((item for item in self.every if item.name == name), None)

    @property
    def every(self) -> list[ContainerRun]:
        """Its containers in the order in which they start."""
        return [*self.inits, *self.containers, *self.late]
