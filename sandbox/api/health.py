"""What an API server says of itself at /healthz, /livez and /readyz and as ComponentStatus, and its paths at /."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .resources import Registry

_ENDPOINTS = ("healthz", "livez", "readyz")
_HOOKS = """
start-apiserver-admission-initializer generic-apiserver-start-informers priority-and-fairness-config-consumer
priority-and-fairness-filter storage-object-count-tracker-hook start-apiextensions-informers
start-apiextensions-controllers crd-informer-synced start-system-namespaces-controller
start-cluster-authentication-info-controller start-kube-apiserver-identity-lease-controller
start-kube-apiserver-identity-lease-garbage-collector start-legacy-token-tracking-controller
start-service-ip-repair-controllers rbac/bootstrap-roles scheduling/bootstrap-system-priority-classes
priority-and-fairness-config-producer bootstrap-controller start-kubernetes-service-cidr-controller
aggregator-reload-proxy-client-cert start-kube-aggregator-informers apiservice-status-local-available-controller
apiservice-status-remote-available-controller apiservice-registration-controller apiservice-discovery-controller
kube-apiserver-autoregistration autoregister-completion apiservice-openapi-controller
apiservice-openapiv3-controller
"""
"""The checks of a Kubernetes 1.34 API server in its order; but for one, each stands behind poststarthook/."""
_HOOKED = [name if name == "autoregister-completion" else f"poststarthook/{name}" for name in _HOOKS.split()]
_CHECKS = {
    "healthz": ["ping", "log", "etcd", *_HOOKED],
    "livez": ["ping", "log", "etcd", *_HOOKED],
    "readyz": ["ping", "log", "etcd", "etcd-readiness", "informer-sync", *_HOOKED, "shutdown"],
}
_OTHERS = ("/openapi/v2", "/openapi/v3", "/openapi/v3/", "/version")


def health(path: str, verbose: bool, excluded: Sequence[str]) -> str | None:
    """The answer at a path of these; None where it is another, or names no check. ``excluded``: checks not to be
    made."""
    endpoint, _, check = path.strip("/").partition("/")
    if endpoint not in _ENDPOINTS or (check and check not in _CHECKS[endpoint]):
        return None
    if check or not verbose:
        return "ok"
    lines = [f"[+]{name} {'excluded: ' if name in excluded else ''}ok\n" for name in _CHECKS[endpoint]]
    return f"{''.join(lines)}{endpoint} check passed\n"


def components() -> list[dict[str, Any]]:
    """ComponentStatuses, which nobody stores: all is well."""
    condition = {"type": "Healthy", "status": "True", "message": "ok"}
    return [
        {"metadata": {"name": name, "creationTimestamp": None}, "conditions": [condition]}
        for name in ("controller-manager", "etcd-0", "scheduler")
    ]


def paths(registry: Registry) -> bytes:
    """The document at /."""
    found = {"/api", "/api/v1", "/apis", "/apis/", *_OTHERS}
    for group, version in registry.group_versions:
        if group:
            found |= {f"/apis/{group}", f"/apis/{group}/{version}"}
    for endpoint, checks in _CHECKS.items():
        found |= {f"/{endpoint}", *(f"/{endpoint}/{check}" for check in checks)}
    return json.dumps({"paths": sorted(found)}, indent=2).encode()
