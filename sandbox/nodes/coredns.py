"""The cluster's DNS as objects: CoreDNS in kube-system, as kubeadm leaves it, up and running.

It is deployed once, in a sandbox of its own, and what came of it is put into every other one: nothing is drawn from
the sandbox's dice, so that a seed makes the same system with it as without.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from .corefile import VERSION
from .names import ADDRESS, DOMAIN, SERVICE, SPACE

Object = dict[str, Any]

NAME = "coredns"
IMAGE = f"registry.k8s.io/coredns/coredns:v{VERSION}"

COREFILE = f""".:53 {{
    errors
    health {{
       lameduck 5s
    }}
    ready
    kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }}
    prometheus :9153
    forward . /etc/resolv.conf {{
       max_concurrent 1000
    }}
    cache 30
    loop
    reload
    loadbalance
}}
"""
_SCRATCH_NODES = ("dns-node-a", "dns-node-b")
_SETTLED = 120.0
_KINDS = ("ServiceAccount", "ConfigMap", "Deployment", "ReplicaSet", "Pod", "Service", "Endpoints", "EndpointSlice")
Deploy = Callable[[Sequence[Object], float], list[Object]]
"""Called with manifests and seconds: what is in kube-system of a scratch cluster that was given these and so long."""

_STAMP = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def objects(deploy: Deploy, nodes: Sequence[Object], now: str) -> list[Object]:
    """CoreDNS on the first nodes of a cluster, as running since ``now``."""
    names = sorted(node["metadata"]["name"] for node in nodes)
    hosts = {node["metadata"]["name"]: _address(node) for node in nodes}
    text = _deployed(deploy).replace("@NOW@", now)
    for spot in range(len(_SCRATCH_NODES)):
        block = spot % len(names)
        # Above what kubelets give to Pods: they count from 2.
        text = text.replace(f"@POD{spot}@", f"10.244.{block}.{252 + spot}")
        text = text.replace(f"@HOST{spot}@", hosts[names[block]]).replace(f"@NODE{spot}@", names[block])
    made: list[Object] = json.loads(text)
    return made


@cache
def _deployed(deploy: Deploy) -> str:
    """All of it as text, with @…@ where times, nodes and addresses stand."""
    items = [item for item in deploy(manifests(_SCRATCH_NODES), _SETTLED) if item["kind"] in _KINDS]
    ours = [item for item in items if item["metadata"]["name"] not in ("default", "kube-root-ca.crt")]
    text = _STAMP.sub("@NOW@", json.dumps(ours))
    for item in ours:
        if item["kind"] == "Pod":
            spot = _SCRATCH_NODES.index(item["spec"]["nodeName"])
            text = text.replace(f'"{item["status"]["podIP"]}"', f'"@POD{spot}@"')
            text = text.replace(f'"{item["status"]["hostIP"]}"', f'"@HOST{spot}@"')
            text = text.replace(f'"{item["spec"]["nodeName"]}"', f'"@NODE{spot}@"')
    return text


def manifests(nodes: Sequence[str]) -> list[Object]:
    """What makes a DNS, with the nodes that it runs on."""
    labels = {"k8s-app": SERVICE}
    meta = {"name": NAME, "namespace": SPACE}
    tcp = {"protocol": "TCP"}
    container = {
        "name": NAME,
        "image": IMAGE,
        "args": ["-conf", "/etc/coredns/Corefile"],
        "imagePullPolicy": "IfNotPresent",
        "ports": [
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 53, **tcp},
            {"name": "metrics", "containerPort": 9153, **tcp},
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "70Mi"}, "limits": {"memory": "170Mi"}},
        "livenessProbe": {
            "httpGet": {"path": "/health", "port": 8080},
            "initialDelaySeconds": 60,
            "timeoutSeconds": 5,
            "failureThreshold": 5,
        },
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}},
        "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/coredns", "readOnly": True}],
    }
    pod = {
        "containers": [container],
        "serviceAccountName": NAME,
        "dnsPolicy": "Default",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [
            {"key": "CriticalAddonsOnly", "operator": "Exists"},
            {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
        ],
        "volumes": [
            {"name": "config-volume", "configMap": {"name": NAME, "items": [{"key": "Corefile", "path": "Corefile"}]}}
        ],
    }
    return [
        *(_node(name) for name in nodes),
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"Corefile": COREFILE}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {**meta, "labels": labels},
            "spec": {
                "replicas": 2,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": SERVICE,
                "namespace": SPACE,
                "labels": {**labels, "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"},
                "annotations": {"prometheus.io/port": "9153", "prometheus.io/scrape": "true"},
            },
            "spec": {
                "clusterIP": ADDRESS,
                "selector": labels,
                "ports": [
                    {"name": "dns", "port": 53, "targetPort": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "port": 53, "targetPort": 53, **tcp},
                    {"name": "metrics", "port": 9153, "targetPort": 9153, **tcp},
                ],
            },
        },
    ]


def _node(name: str) -> Object:
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/hostname": name}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def _address(node: Object) -> str:
    addresses = node.get("status", {}).get("addresses") or ()
    return next((str(item["address"]) for item in addresses if item["type"] == "InternalIP"), "")
