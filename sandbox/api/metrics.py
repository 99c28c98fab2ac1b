"""metrics.k8s.io: what Pods and nodes use, as it is measured when somebody asks."""

from __future__ import annotations

from typing import Any

from ..store import Store
from .exchange import Request, Response, Target
from .selectors import label_selector
from .status import not_found

Object = dict[str, Any]


class Metrics:
    """``behaviour`` is what runs the Pods: it knows their usage."""

    def __init__(self, store: Store, behaviour: Any) -> None:
        self._store, self._behaviour = store, behaviour

    def answer(self, request: Request, target: Target) -> Response:
        resource = target.resource
        items = self._node_metrics() if resource.kind == "NodeMetrics" else self._pod_metrics(target.namespace)
        if request.query.get("labelSelector"):
            fits = label_selector(request.query["labelSelector"])
            items = [item for item in items if fits(item["metadata"].get("labels") or {})]
        if target.name:
            found = next((item for item in items if item["metadata"]["name"] == target.name), None)
            if found is None:
                raise not_found(resource.plural, resource.group, target.name)
            return Response(200, {"kind": resource.kind, "apiVersion": resource.api_version, **found})
        head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": {}}
        return Response(200, {**head, "items": items})

    # Inside

    def _pod_metrics(self, namespace: str | None) -> list[Object]:
        spaces = [namespace] if namespace else [ns["metadata"]["name"] for ns in self._store.list("Namespace")]
        items: list[Object] = []
        for space in spaces:
            used: dict[str, list[Object]] = {}
            for (pod, container), (cores, size) in sorted(self._behaviour.usage(space).items()):
                used.setdefault(pod, []).append({"name": container, "usage": _usage(cores, size)})
            for name, containers in used.items():
                pod_obj = self._store.get("Pod", space, name)
                if pod_obj:
                    items.append({**self._measured(pod_obj), "containers": containers})
        return items

    def _node_metrics(self) -> list[Object]:
        items = []
        for name, (cores, size) in sorted(self._behaviour.node_usage().items()):
            node = self._store.get("Node", None, name)
            if node:
                items.append({**self._measured(node), "usage": _usage(cores, size)})
        return items

    def _measured(self, obj: Object) -> Object:
        stamp = self._store.clock.stamp()
        meta = {key: obj["metadata"][key] for key in ("name", "namespace") if key in obj["metadata"]}
        meta["creationTimestamp"] = stamp
        if obj["metadata"].get("labels"):
            meta["labels"] = obj["metadata"]["labels"]
        return {"metadata": meta, "timestamp": stamp, "window": "10.0s"}


def _usage(cores: float, size: float) -> Object:
    return {"cpu": f"{round(cores * 1e9)}n" if cores else "0", "memory": f"{round(size / 1024)}Ki"}
