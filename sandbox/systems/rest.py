"""The few API calls that deploying and breaking a system takes, through any transport."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Object = dict[str, Any]
Objects = list[Object]

_GROUPS = {
    "apps/v1": {
        "Deployment": "deployments",
        "ReplicaSet": "replicasets",
        "StatefulSet": "statefulsets",
        "DaemonSet": "daemonsets",
        "ControllerRevision": "controllerrevisions",
    },
    "batch/v1": {"Job": "jobs", "CronJob": "cronjobs"},
    "networking.k8s.io/v1": {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
    "autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    "discovery.k8s.io/v1": {"EndpointSlice": "endpointslices"},
    "storage.k8s.io/v1": {"StorageClass": "storageclasses"},
    "v1": {
        "Namespace": "namespaces",
        "Node": "nodes",
        "Pod": "pods",
        "Service": "services",
        "ConfigMap": "configmaps",
        "Secret": "secrets",
        "ServiceAccount": "serviceaccounts",
        "Event": "events",
        "Endpoints": "endpoints",
        "PersistentVolumeClaim": "persistentvolumeclaims",
        "PersistentVolume": "persistentvolumes",
        "ResourceQuota": "resourcequotas",
        "LimitRange": "limitranges",
    },
}
_PLACES = {kind: (version, plural) for version, kinds in _GROUPS.items() for kind, plural in kinds.items()}
_TRIES = 10
_CLUSTER_SCOPED = ("Namespace", "Node", "PersistentVolume", "StorageClass")


class ApiError(Exception):
    """The API server said no; ``status`` is its HTTP code."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def path_of(kind: str, namespace: str, name: str = "") -> str:
    """The URL path of a kind in a namespace, or of one object."""
    version, plural = _PLACES[kind]
    root = f"/api/{version}" if version == "v1" else f"/apis/{version}"
    space = "" if kind in _CLUSTER_SCOPED else f"/namespaces/{namespace}"
    return f"{root}{space}/{plural}" + (f"/{name}" if name else "")


class Api:
    """Create, get, replace, delete. Raises ApiError."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        try:
            return self._ask("GET", path_of(kind, namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def look(self, kind: str, namespace: str, name: str) -> Object | None:
        """As ``get``, for who only reads it."""
        path = path_of(kind, namespace, name)
        answer = self.transport.request("GET", path)
        if answer.status == 404:
            return None
        return _checked(answer.status, f"GET {path}", seen(answer))

    def list(self, kind: str, namespace: str) -> Objects:
        return self._listed(kind, self._ask("GET", path_of(kind, namespace)))

    def look_at_all(self, kind: str, namespace: str) -> Objects:
        """As ``list``, for who only reads them."""
        path = path_of(kind, namespace)
        answer = self.transport.request("GET", path)
        return self._listed(kind, _checked(answer.status, f"GET {path}", seen(answer)))

    def _listed(self, kind: str, answer: Object) -> Objects:
        items = answer.get("items", [])
        version = _PLACES[kind][0]
        return [{"apiVersion": version, "kind": kind, **item} for item in items]

    def create(self, manifest: Object, manager: str) -> Object:
        space = manifest["metadata"].get("namespace", "")
        return self._ask("POST", path_of(manifest["kind"], space), manager, manifest)

    def replace(self, manifest: Object, manager: str) -> Object:
        meta = manifest["metadata"]
        return self._ask("PUT", path_of(manifest["kind"], meta.get("namespace", ""), meta["name"]), manager, manifest)

    def edit(self, kind: str, namespace: str, name: str, change: Callable[[Object], Object], manager: str) -> None:
        """Writes back what ``change`` makes of the object; again where a controller wrote in between."""
        for left in reversed(range(_TRIES)):
            live = self.get(kind, namespace, name)
            if live is None:
                raise KeyError(f"{kind} {name} is not in namespace {namespace}: nothing to edit")
            try:
                self.replace(change(live), manager)
                return
            except ApiError as error:
                if error.status != 409 or not left:
                    raise

    def delete(self, kind: str, namespace: str, name: str) -> None:
        self._ask("DELETE", path_of(kind, namespace, name))

    def visit(self, namespace: str, service: str, port: int | str, path: str = "/") -> int:
        """The HTTP status that a Service answers through the API server's proxy; 0: none in time."""
        url = f"{path_of('Service', namespace, f'{service}:{port}')}/proxy{path}"
        try:
            return int(self.transport.request("GET", url).status)
        except Exception:  # each transport has its own for that
            return 0

    def _ask(self, method: str, path: str, manager: str = "", body: Object | None = None) -> Object:
        query = {"fieldManager": manager} if manager else None
        answer = self.transport.request(method, path, query, body)
        data: Object = json.loads(answer.body) if answer.body else {}
        return _checked(answer.status, f"{method} {path}", data)


def seen(answer: Any) -> Any:
    """The data of an answer, for who only reads it: a sandbox in this process makes no copy."""
    return answer.seen() if hasattr(answer, "seen") else json.loads(answer.body)


def _checked(status: int, asked: str, data: Object) -> Object:
    if status >= 300:
        raise ApiError(status, f"{asked}: {status} {data.get('message', '')}")
    return data
