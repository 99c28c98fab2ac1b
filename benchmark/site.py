"""What the oracle sees of a cluster: its desired state, what its Services answer, which Pods run.

Two ways in: through any Transport (a real cluster, or the sandbox's HTTP door), and straight into a
sandbox, which is what makes judging thousands of Episodes cheap. Both see the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from ..plugins.module_utils.errors import Unreachable
from ..plugins.module_utils.evidence import Manifest

PATIENCE = 10.0
"""Seconds after which a client gives up: an answer that comes later is none."""

_PLURALS: Mapping[str, tuple[str, str]] = {
    "Deployment": ("/apis/apps/v1", "deployments"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "CronJob": ("/apis/batch/v1", "cronjobs"),
    "Job": ("/apis/batch/v1", "jobs"),
    "Service": ("/api/v1", "services"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Secret": ("/api/v1", "secrets"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "ResourceQuota": ("/api/v1", "resourcequotas"),
    "LimitRange": ("/api/v1", "limitranges"),
    "Ingress": ("/apis/networking.k8s.io/v1", "ingresses"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "Pod": ("/api/v1", "pods"),
}
KINDS = (*_PLURALS, "Node")
"""What people write. Controllers' own objects (ReplicaSets, EndpointSlices, Events, Leases) are not looked at."""


_AT_ONCE = 4  # more would measure how busy the API server is


class Visit(NamedTuple):
    """One answer to a client; ``status`` 0: no connection."""

    status: int
    seconds: float


class Site(Protocol):
    """A cluster as the oracle needs it. What ``objects`` gives is only read; ``threads`` may visit at once.

    ``yardstick``: namespace, name and port of a Service apart, which tells how busy the machines are; or None.
    """

    threads: int
    yardstick: tuple[str, str, int] | None

    def objects(self, namespace: str) -> Iterable[Manifest]: ...
    def visit(self, namespace: str, service: str, port: int) -> Visit: ...
    def sleep(self, seconds: float) -> None: ...
    def renew_pods(self, namespace: str) -> None: ...


class SandboxSite:
    """Straight into a sandbox's store and request model."""

    threads = 1
    yardstick: tuple[str, str, int] | None = None  # virtual time knows no noise

    def __init__(self, sandbox: Any) -> None:
        self._sandbox = sandbox
        self._seen: tuple[int, str, tuple[Manifest, ...]] = (-1, "", ())

    def objects(self, namespace: str) -> Iterable[Manifest]:
        """The very same tuple until something changes."""
        version, where, found = self._seen
        if (version, where) != (self._sandbox.store.version, namespace):
            found = tuple(item for kind in KINDS for item in self._list(kind, namespace))
            self._seen = (self._sandbox.store.version, namespace, found)
        return found

    def _list(self, kind: str, namespace: str) -> Iterable[Manifest]:
        try:
            listed: list[Manifest] = self._sandbox.store.list(kind, None if kind == "Node" else namespace)
            return listed
        except KeyError:  # a kind that this sandbox does not keep
            return ()

    def visit(self, namespace: str, service: str, port: int) -> Visit:
        status, seconds, _ = self._sandbox.behaviour.proxy("services", namespace, service, str(port), "/")
        return _patient(int(status), float(seconds))

    def sleep(self, seconds: float) -> None:
        self._sandbox.advance(seconds)

    def renew_pods(self, namespace: str) -> None:
        TransportSite(self._sandbox.transport()).renew_pods(namespace)


class TransportSite:
    """Any cluster, through the API server and its Service proxy."""

    def __init__(self, transport: Any, yardstick: tuple[str, str, int] | None = None) -> None:
        self._transport = transport
        self.yardstick = yardstick
        self.threads = min(_AT_ONCE, getattr(transport, "threads", 1))

    def objects(self, namespace: str) -> Iterable[Manifest]:
        for kind, (prefix, plural) in _PLURALS.items():
            yield from self._list(kind, f"{prefix}/namespaces/{namespace}/{plural}")
        yield from self._list("Node", "/api/v1/nodes")

    def visit(self, namespace: str, service: str, port: int) -> Visit:
        path = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy/"
        started = time.monotonic()
        try:
            answer = self._transport.request("GET", path, timeout=PATIENCE)
        except TimeoutError:
            return Visit(0, PATIENCE)
        except (OSError, Unreachable):
            return Visit(0, time.monotonic() - started)
        virtual = getattr(answer, "seconds", None)  # a sandbox says what its answer took on its own clock
        return _patient(answer.status, time.monotonic() - started if virtual is None else float(virtual))

    def sleep(self, seconds: float) -> None:
        self._transport.sleep(seconds)

    def renew_pods(self, namespace: str) -> None:
        """Deletes the Pods that controllers own, so that new ones start from what is written now."""
        path = f"/api/v1/namespaces/{namespace}/pods"
        for pod in self._list("Pod", path):
            if pod["metadata"].get("ownerReferences"):
                self._transport.request("DELETE", f"{path}/{pod['metadata']['name']}")

    def _list(self, kind: str, path: str) -> Iterable[Manifest]:
        answer = self._transport.request("GET", path)
        if answer.status >= 400:  # not served, or not to us: then nobody who acts with this account can touch it
            return
        for item in json.loads(answer.body).get("items") or ():
            yield {**item, "kind": kind}


def _patient(status: int, seconds: float) -> Visit:
    return Visit(status, seconds) if seconds <= PATIENCE else Visit(0, PATIENCE)
