"""Defaults that depend on other fields, by type. The plain ones are in defaults.yaml."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

Object = dict[str, Any]


def _container(container: Object) -> None:
    if "imagePullPolicy" not in container and container.get("image"):
        tag = container["image"].rpartition("/")[2].partition(":")[2]
        latest = tag in ("", "latest") and "@" not in container["image"]
        container["imagePullPolicy"] = "Always" if latest else "IfNotPresent"
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")


def _service(spec: Object) -> None:
    for port in spec.get("ports", ()):
        if port.get("targetPort") in (None, "", 0) and "port" in port and spec.get("type") != "ExternalName":
            port["targetPort"] = port["port"]
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec.get("type") == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if spec.get("type") == "ExternalName":
        spec.pop("internalTrafficPolicy", None)


def _deployment_strategy(strategy: Object) -> None:
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")


def _statefulset_strategy(strategy: Object) -> None:
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)


def _daemonset_strategy(strategy: Object) -> None:
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", 0)
        rolling.setdefault("maxUnavailable", 1)


def _job(job: Object) -> None:
    """Only a Job's own spec: the one in a CronJob stays as it was written until it becomes a Job."""
    spec = job.setdefault("spec", {})
    if "backoffLimitPerIndex" in spec:  # each piece has its own limit then
        spec.setdefault("backoffLimit", 2**31 - 1)
    for field, value in _JOB.items():
        spec.setdefault(field, value)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)


_JOB = {
    "backoffLimit": 6,
    "completionMode": "NonIndexed",
    "manualSelector": False,
    "podReplacementPolicy": "TerminatingOrFailed",
    "suspend": False,
}


def _pod(spec: Object) -> None:
    """serviceAccount is the old name of serviceAccountName and is kept beside it."""
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if name:
        spec["serviceAccountName"] = spec["serviceAccount"] = name


def _autoscaler(spec: Object) -> None:
    if not spec.get("metrics") and "targetCPUUtilizationPercentage" not in spec:
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if spec.get("behavior") is not None:
        by_share = {"type": "Percent", "value": 100, "periodSeconds": 15}
        by_count = {"type": "Pods", "value": 4, "periodSeconds": 15}
        for way, policies in (("scaleUp", [by_count, by_share]), ("scaleDown", [by_share])):
            rules = spec["behavior"].setdefault(way, {})
            rules.setdefault("selectPolicy", "Max")
            if not rules.get("policies"):
                rules["policies"] = policies
        spec["behavior"]["scaleUp"].setdefault("stabilizationWindowSeconds", 0)


def _network_policy(spec: Object) -> None:
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _statefulset(spec: Object) -> None:
    for claim in spec.get("volumeClaimTemplates", ()):
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")


def _limit(item: Object) -> None:
    """In a LimitRange, the default limit is the default request too."""
    if item.get("type") == "Container" and item.get("default"):
        item["defaultRequest"] = {**item["default"], **item.get("defaultRequest", {})}


def _secret(secret: Object) -> None:
    if secret.get("stringData"):
        data = secret.setdefault("data", {})
        for key, text in secret.pop("stringData").items():
            data[key] = b64encode(text.encode()).decode()


def _whole_pod(pod: Object) -> None:
    """Only a Pod's own spec: the one in a template stays as it was written until it becomes a Pod."""
    pod.setdefault("spec", {}).setdefault("enableServiceLinks", True)


def _namespace(namespace: Object) -> None:
    meta = namespace.setdefault("metadata", {})
    if meta.get("name"):
        meta["labels"] = {"kubernetes.io/metadata.name": meta["name"], **meta.get("labels", {})}


BY_TYPE: dict[str, Callable[[Object], None]] = {
    "Container": _container,
    "EphemeralContainer": _container,
    "ServiceSpec": _service,
    "DeploymentStrategy": _deployment_strategy,
    "StatefulSetUpdateStrategy": _statefulset_strategy,
    "DaemonSetUpdateStrategy": _daemonset_strategy,
    "Job": _job,
    "PodSpec": _pod,
    "Pod": _whole_pod,
    "Namespace": _namespace,
    "HorizontalPodAutoscalerSpec": _autoscaler,
    "NetworkPolicySpec": _network_policy,
    "Secret": _secret,
    "StatefulSetSpec": _statefulset,
    "LimitRangeItem": _limit,
}
