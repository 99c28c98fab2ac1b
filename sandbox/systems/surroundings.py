"""What a grown namespace has beside its services, each by chance: none of it changes who is served."""

from __future__ import annotations

import random
from typing import Any

from .names import tag, word
from .parts import Blueprint, workload
from .style import Style

Object = dict[str, Any]


def surroundings(style: Style, plans: list[Blueprint], rng: random.Random) -> list[Object]:
    """Disruption budgets, quotas, limits, an open NetworkPolicy, a nightly job, an agent on each node."""
    made = [_budget(plan) for plan in plans if plan.kind == "Deployment" and plan.replicas > 1 and rng.random() < 0.3]
    if rng.random() < 0.3:
        made.append(_object("v1", "ResourceQuota", "team-quota", style, {"hard": {"pods": "150", "services": "60"}}))
    if rng.random() < 0.2:
        limits = {"default": {"cpu": "500m", "memory": "256Mi"}, "defaultRequest": {"cpu": "20m", "memory": "64Mi"}}
        spec: Object = {"limits": [{"type": "Container", **limits}]}
        made.append(_object("v1", "LimitRange", "defaults", style, spec))
    if rng.random() < 0.2:
        spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
        made.append(_object("networking.k8s.io/v1", "NetworkPolicy", "allow-all", style, spec))
    if rng.random() < 0.3:
        made.append(_nightly(style, rng))
    if rng.random() < 0.3:
        made += _agent(style, rng)
    return made


def autoscaler(plan: Blueprint, rng: random.Random) -> Object:
    """Never fewer than there are, and more only under a load that visitors do not make."""
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": plan.name},
        "minReplicas": plan.replicas,
        "maxReplicas": plan.replicas + rng.randint(1, 6),
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 300}},
            }
        ],
    }
    meta = {"name": plan.name, "namespace": plan.namespace}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec}


def _budget(plan: Blueprint) -> Object:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": plan.labels}}
    meta = {"name": plan.name, "namespace": plan.namespace}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": spec}


def _nightly(style: Style, rng: random.Random) -> Object:
    name = f"{rng.choice(('report', 'cleanup', 'export', 'rotate'))}-{word(rng, 1)}"
    template = workload(_tool(name, "once", style, rng))[0]["spec"]["template"]
    template["spec"] = {**template["spec"], "restartPolicy": "Never"}
    spec = {
        "schedule": f"{rng.randint(0, 59)} {rng.randint(0, 5)} * * *",
        "concurrencyPolicy": "Forbid",
        "successfulJobsHistoryLimit": 1,
        "jobTemplate": {"spec": {"backoffLimit": 2, "template": template}},
    }
    return _object("batch/v1", "CronJob", name, style, spec)


def _agent(style: Style, rng: random.Random) -> list[Object]:
    name = f"{rng.choice(('node', 'log', 'trace'))}-agent"
    return workload(_tool(name, "serve", style, rng, "DaemonSet"))


def _tool(name: str, command: str, style: Style, rng: random.Random, kind: str = "Deployment") -> Blueprint:
    """A program that belongs to no Service."""
    return Blueprint(
        name=name,
        namespace=style.space,
        kind=kind,
        image=f"{style.registry}/tools/{name.split('-')[0]}:{tag(rng)}",
        labels={"tool": name},
        command=("python3", f"{style.mount}/{style.file}", command),
        mount=style.mount,
        file=style.file,
        port=9102,
        env=({"name": "PORT", "value": "9102"}, {"name": "WORKING_SET_MB", "value": "8"}),
        resources={"requests": {"cpu": "5m", "memory": "24Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}},
    )


def _object(version: str, kind: str, name: str, style: Style, spec: Object) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": style.space}, "spec": spec}
