"""What a node's kubelet answers through the API server: its health, its Pods, what they use, their logs."""

from __future__ import annotations

import json
from typing import Any

from ..store import Store
from .exchange import Response
from .reads import Reads
from .status import StatusError

Object = dict[str, Any]


def ask_node(store: Store, reads: Reads, behaviour: Any, name: str, path: str) -> Response:
    """``path``: after the proxy. Raises 503 where the kubelet does not answer."""
    why = behaviour.unreachable(name)
    if why:
        raise StatusError(503, "ServiceUnavailable", f"error trying to reach service: {why}")
    parts = path.strip("/").split("/")
    pods = [pod for pod in store.list("Pod") if pod["spec"].get("nodeName") == name]
    if parts == ["healthz"]:
        return _text("ok")
    if parts == ["pods"]:
        resource = store.registry.by_path["", "v1", "pods"]
        items = [json.loads(reads.single(resource, pod)) for pod in pods]
        return Response(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})
    if parts == ["stats", "summary"]:
        return Response(200, _summary(store, behaviour, name, pods))
    if parts[0] == "containerLogs" and len(parts) == 4:
        text = behaviour.logs(*parts[1:])
        if text is not None:
            return _text(text)
    return Response(404, body=b"404 page not found\n", content_type="text/plain; charset=utf-8")


def _text(text: str) -> Response:
    return Response(200, body=text.encode(), content_type="text/plain; charset=utf-8")


def _summary(store: Store, behaviour: Any, name: str, pods: list[Object]) -> Object:
    now = store.clock.stamp()
    spaces = sorted({pod["metadata"]["namespace"] for pod in pods})
    used = {space: behaviour.usage(space) for space in spaces}
    cores, size = behaviour.node_usage().get(name, (0.0, 0.0))
    node = {"nodeName": name, **_amounts(now, cores, size)}
    return {"node": node, "pods": [_pod(now, pod, used[pod["metadata"]["namespace"]]) for pod in pods]}


def _pod(now: str, pod: Object, used: dict[tuple[str, str], tuple[float, float]]) -> Object:
    meta = pod["metadata"]
    mine = [(container, amounts) for (owner, container), amounts in sorted(used.items()) if owner == meta["name"]]
    total = [sum(amounts[part] for _, amounts in mine) for part in (0, 1)]
    return {
        "podRef": {key: meta[key] for key in ("name", "namespace", "uid")},
        "startTime": pod.get("status", {}).get("startTime"),
        "containers": [{"name": container, **_amounts(now, *amounts)} for container, amounts in mine],
        **_amounts(now, total[0], total[1]),
    }


def _amounts(now: str, cores: float, size: float) -> Object:
    return {
        "cpu": {"time": now, "usageNanoCores": round(cores * 1e9)},
        "memory": {"time": now, "usageBytes": round(size), "workingSetBytes": round(size)},
    }
