"""Kinds that are served in two groups or versions live once; this is how the other one shows and takes them.

Events live as core/v1 (events.k8s.io/v1 is the other view), HorizontalPodAutoscalers as autoscaling/v2 (v1).
"""

from __future__ import annotations

from typing import Any

from .events import from_group, to_group
from .resources import Resource

Object = dict[str, Any]


def shown(resource: Resource, obj: Object) -> Object:
    """A stored object as this resource's group and version show it."""
    if not resource.stored_as or resource.definition:
        return obj
    return to_group(obj) if resource.kind == "Event" else _to_v1(obj)


def kept(resource: Resource, obj: Object) -> Object:
    """As the store keeps an object that came in through this resource."""
    if not resource.stored_as or resource.definition:
        return obj
    return from_group(obj) if resource.kind == "Event" else _from_v1(obj)


def _to_v1(scaler: Object) -> Object:
    spec, status = scaler["spec"], scaler.get("status") or {}
    view = {key: spec[key] for key in ("scaleTargetRef", "minReplicas", "maxReplicas") if key in spec}
    percent = _utilization(spec.get("metrics") or (), "target")
    if percent is not None:
        view["targetCPUUtilizationPercentage"] = percent
    state = {key: status[key] for key in ("observedGeneration", "lastScaleTime") if key in status}
    state |= {"currentReplicas": status.get("currentReplicas", 0), "desiredReplicas": status.get("desiredReplicas", 0)}
    used = _utilization(status.get("currentMetrics") or (), "current")
    if used is not None:
        state["currentCPUUtilizationPercentage"] = used
    return {**scaler, "apiVersion": "autoscaling/v1", "spec": view, "status": state}


def _from_v1(view: Object) -> Object:
    spec = {key: part for key, part in view["spec"].items() if key != "targetCPUUtilizationPercentage"}
    target = {"type": "Utilization", "averageUtilization": view["spec"].get("targetCPUUtilizationPercentage", 80)}
    spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    status = {key: part for key, part in (view.get("status") or {}).items() if "Percentage" not in key}
    return {**view, "apiVersion": "autoscaling/v2", "spec": spec, "status": {"currentMetrics": None, **status}}


def _utilization(metrics: Any, part: str) -> int | None:
    """The average CPU utilization that a metric asks for (``target``) or tells of (``current``)."""
    for metric in metrics:
        resource = metric.get("resource") or {}
        if resource.get("name") == "cpu":
            found: int | None = (resource.get(part) or {}).get("averageUtilization")
            return found
    return None
