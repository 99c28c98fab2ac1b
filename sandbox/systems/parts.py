"""Manifests of a workload, its Service and its ConfigMap, from a Blueprint."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .system import LAST_APPLIED, as_applied

Object = dict[str, Any]

PROGRAM_MAP = "program"
_PROGRAM_TEXT = Path(__file__).with_name("program.py").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Blueprint:
    """Everything that is chosen about one workload."""

    name: str
    namespace: str
    image: str
    labels: dict[str, str]  # the selector's; ``extra_labels`` only mark
    kind: str = "Deployment"
    container: str = ""
    command: tuple[str, ...] = ("python3", "/srv/program.py", "serve")
    args: tuple[str, ...] = ()
    mount: str = "/srv"  # where the program's ConfigMap is mounted
    file: str = "program.py"
    env: tuple[Object, ...] = ()
    env_from: tuple[Object, ...] = ()
    port: int = 8080
    port_name: str = ""
    readiness: Object | None = None
    liveness: Object | None = None
    startup: Object | None = None
    resources: Object = field(default_factory=dict)
    replicas: int = 1
    service: str = ""
    service_port: int = 8080
    service_port_name: str = ""
    target: int | str = 0  # the Service's targetPort; 0: not given
    headless: bool = False
    account: str = ""
    sidecar: Object | None = None
    folders: tuple[tuple[str, str], ...] = ()  # (volume, mount path) of empty folders that the Pod's containers share
    extra_labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    options: Object = field(default_factory=dict)  # further fields of the workload's spec


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def program_map(space: str) -> Object:
    """The ConfigMap that carries the stand-in program."""
    return config_map(PROGRAM_MAP, space, {"program.py": _PROGRAM_TEXT})


def config_map(name: str, space: str, data: dict[str, str], labels: dict[str, str] | None = None) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(name, space, labels), "data": data}


def secret(name: str, space: str, data: dict[str, str], labels: dict[str, str] | None = None) -> Object:
    """``data`` is base64 already."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _meta(name, space, labels),
        "type": "Opaque",
        "data": data,
    }


def account(name: str, space: str) -> Object:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": space}}


def node(name: str, address: str, cores: int, memory_mib: int, labels: dict[str, str] | None = None) -> Object:
    """A node that is there and ready."""
    capacity = {"cpu": str(cores), "memory": f"{memory_mib * 1024}Ki", "pods": "110", "ephemeral-storage": "61255492Ki"}
    conditions = [
        _condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        _condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        _condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        _condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                **(labels or {}),
            },
        },
        "spec": {},
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": conditions,
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "nodeInfo": {
                "kubeletVersion": "v1.34.4",
                "containerRuntimeVersion": "containerd://1.6.20",
                "architecture": "amd64",
                "operatingSystem": "linux",
                "osImage": "Debian GNU/Linux 12",
                "kernelVersion": "6.1.0",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
                "kubeProxyVersion": "",
            },
        },
    }


def workload(plan: Blueprint) -> list[Object]:
    """The workload and, where it has one, its Service."""
    template = {
        "metadata": {"labels": {**plan.labels, **plan.extra_labels}},
        "spec": _pod_spec(plan),
    }
    spec: Object = {"selector": {"matchLabels": plan.labels}, "template": template, **plan.options}
    if plan.kind != "DaemonSet":
        spec["replicas"] = plan.replicas
    if plan.kind == "StatefulSet":
        spec["serviceName"] = plan.service
    made: list[Object] = [
        {
            "apiVersion": "apps/v1",
            "kind": plan.kind,
            "metadata": {
                **_meta(plan.name, plan.namespace, {**plan.labels, **plan.extra_labels}),
                **({"annotations": plan.annotations} if plan.annotations else {}),
            },
            "spec": spec,
        }
    ]
    if plan.service:
        made.append(_service(plan))
    return made


def last_applied(manifest: Object) -> Object:
    """The manifest as `kubectl apply` sends it, with the annotation that remembers it."""
    notes = {**manifest["metadata"].get("annotations", {}), LAST_APPLIED: as_applied(manifest)}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": notes}}


def _service(plan: Blueprint) -> Object:
    port: Object = {"port": plan.service_port, "protocol": "TCP"}
    if plan.service_port_name:
        port["name"] = plan.service_port_name
    if plan.target:
        port["targetPort"] = plan.target
    spec: Object = {"selector": plan.labels, "ports": [port]}
    if plan.headless:
        spec["clusterIP"] = "None"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(plan.service, plan.namespace, {**plan.labels, **plan.extra_labels}),
        "spec": spec,
    }


def _pod_spec(plan: Blueprint) -> Object:
    port: Object = {"containerPort": plan.port}
    if plan.port_name:
        port["name"] = plan.port_name
    mount: Object = {"name": PROGRAM_MAP, "mountPath": plan.mount}
    volume: Object = {"name": PROGRAM_MAP, "configMap": {"name": PROGRAM_MAP}}
    if plan.file != "program.py":
        volume["configMap"]["items"] = [{"key": "program.py", "path": plan.file}]
    shared = [{"name": name, "mountPath": path} for name, path in plan.folders]
    container: Object = {
        "name": plan.container or plan.name,
        "image": plan.image,
        "command": list(plan.command),
        **({"args": list(plan.args)} if plan.args else {}),
        **({"env": list(plan.env)} if plan.env else {}),
        **({"envFrom": list(plan.env_from)} if plan.env_from else {}),
        "ports": [port],
        "resources": plan.resources,
        "volumeMounts": [mount, *shared],
    }
    for name, probe in (
        ("readinessProbe", plan.readiness),
        ("livenessProbe", plan.liveness),
        ("startupProbe", plan.startup),
    ):
        if probe:
            container[name] = probe
    containers = [container]
    if plan.sidecar:
        containers.append({**plan.sidecar, "volumeMounts": plan.sidecar.get("volumeMounts", [mount])})
    return {
        "containers": containers,
        "volumes": [volume, *({"name": name, "emptyDir": {}} for name, _ in plan.folders)],
        "terminationGracePeriodSeconds": 5,
        **({"serviceAccountName": plan.account} if plan.account else {}),
    }


def _meta(name: str, space: str, labels: dict[str, str] | None) -> Object:
    return {"name": name, "namespace": space, **({"labels": labels} if labels else {})}


def _condition(kind: str, status: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message}
