"""Tables: the columns in which kubectl shows the kinds, as the API server prints them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from .resources import Resource
from .selectors import spelled

Object = dict[str, Any]
Cells = Callable[[Object, datetime], list[Any]]

_NONE = "<none>"
_GENERATION = "deprecated.daemonset.template.generation"


def table(
    resource: Resource, objects: list[Object], now: datetime, metadata: Object, include: str = "Metadata"
) -> Object:
    """A meta.k8s.io/v1 Table of the objects."""
    columns = columns_of(resource)
    cells = _custom(resource, columns) if resource.definition else _KINDS.get(resource.kind, _plain)
    rows = []
    for obj in objects:
        meta = obj["metadata"]
        if resource.builtin == "DaemonSet":  # its template's generation is a field inside the server, no annotation
            notes = {key: note for key, note in (meta.get("annotations") or {}).items() if key != _GENERATION}
            meta = {**{key: part for key, part in meta.items() if key != "annotations"}}
            if notes:
                meta["annotations"] = notes
        shown: Object = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
        if include == "Object":
            shown = {"kind": resource.kind, "apiVersion": resource.api_version, **obj}
        row: Object = {"cells": cells(obj, now)}
        if include != "None":
            row["object"] = shown
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": columns,
        "rows": rows,
    }


def age(stamp: str | None, now: datetime) -> str:
    """How long ago, as kubectl says it."""
    if not stamp:
        return "<unknown>"
    return duration((now - datetime.fromisoformat(stamp)).total_seconds())


def duration(seconds: float) -> str:
    """Two units at most, as apimachinery's HumanDuration."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole}s"
    minutes = whole // 60
    if minutes < 10:
        return f"{minutes}m{whole % 60}s" if whole % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    return f"{days // 365}y"


def columns_of(resource: Resource) -> list[Object]:
    """The columns of a kind, as captured from a real API server (capture.py)."""
    if resource.definition:
        return [_columns()["/v1/ConfigMap"][0], *(_custom_column(column) for column in resource.definition.columns)]
    found: list[Object] = _columns()[f"{resource.group}/{resource.version}/{resource.kind}"]
    return found


def _custom_column(column: Object) -> Object:
    about = f"Custom resource definition column (in JSONPath format): {column['jsonPath']}"
    return {
        "name": column["name"],
        "type": column["type"],
        "format": column.get("format", ""),
        "description": column.get("description") or about,
        "priority": column.get("priority", 0),
    }


def _custom(resource: Resource, columns: list[Object]) -> Cells:
    def cells(obj: Object, now: datetime) -> list[Any]:
        values = resource.definition.cells(obj)
        shown = [
            age(value, now) if column["type"] == "date" and value else value
            for column, value in zip(columns[1:], values, strict=True)
        ]
        return [_name(obj), *shown]

    return cells


@cache
def _columns() -> dict[str, list[Object]]:
    columns: dict[str, list[Object]] = json.loads((Path(__file__).parent / "columns.json").read_bytes())["columns"]
    return columns


def _pod(pod: Object, now: datetime) -> list[Any]:
    status, spec = pod.get("status", {}), pod["spec"]
    states = status.get("containerStatuses", [])
    reason = status.get("reason") or status.get("phase", "Unknown")
    restarts, last = 0, ""
    ready = 0
    for state in status.get("initContainerStatuses", []):
        restarts += state.get("restartCount", 0) if (state.get("started")) else 0
    initializing = ""
    for index, state in enumerate(status.get("initContainerStatuses", [])):
        now_in = state.get("state", {})
        if now_in.get("terminated", {}).get("exitCode", 1) == 0 or state.get("started"):
            continue
        total = len(spec.get("initContainers", ()))
        if "terminated" in now_in:
            initializing = "Init:" + (
                now_in["terminated"].get("reason") or f"ExitCode:{now_in['terminated'].get('exitCode')}"
            )
        elif now_in.get("waiting", {}).get("reason") not in (None, "PodInitializing"):
            initializing = "Init:" + now_in["waiting"]["reason"]
        else:
            initializing = f"Init:{index}/{total}"
        break
    running = False
    for state in reversed(states):
        restarts += state.get("restartCount", 0)
        finished = state.get("lastState", {}).get("terminated", {}).get("finishedAt", "")
        last = max(last, finished)
        here = state.get("state", {})
        if here.get("waiting", {}).get("reason"):
            reason = here["waiting"]["reason"]
        elif "terminated" in here:
            ended = here["terminated"]
            reason = ended.get("reason") or f"ExitCode:{ended.get('exitCode')}"
        elif state.get("ready") and "running" in here:
            running = True
            ready += 1
    if reason == "Completed" and running:
        reason = "Running" if _condition(pod, "Ready") == "True" else "NotReady"
    if initializing:
        reason = initializing
    if pod["metadata"].get("deletionTimestamp"):
        reason = "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    again = f"{restarts} ({age(last, now)} ago)" if restarts and last else str(restarts)
    total = len(spec.get("containers", ()))
    return [
        pod["metadata"]["name"],
        f"{ready}/{total}",
        reason,
        again,
        _age(pod, now),
        status.get("podIP", _NONE),
        spec.get("nodeName", _NONE),
        status.get("nominatedNodeName", _NONE),
        _NONE,
    ]


def _deployment(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [_name(obj), ready, *counts, _age(obj, now), *_containers(spec), spelled(spec.get("selector"))]


def _replicaset(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    counts = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [_name(obj), *counts, _age(obj, now), *_containers(spec), spelled(spec.get("selector"))]


def _statefulset(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return [_name(obj), ready, _age(obj, now), *_containers(spec)]


def _daemonset(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    selector = spec["template"]["spec"].get("nodeSelector") or {}
    nodes = ",".join(f"{key}={value}" for key, value in sorted(selector.items())) or _NONE
    counts = [status.get(name, 0) for name in names]
    return [_name(obj), *counts, nodes, _age(obj, now), *_containers(spec), spelled(spec.get("selector"))]


def _job(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    state = "Running"
    for kind, word in (("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended")):
        if _condition(obj, kind) == "True":
            state = word
            break
    took = ""
    if status.get("startTime"):
        end = status.get("completionTime")
        took = age(status["startTime"], datetime.fromisoformat(end) if end else now)
    done = f"{status.get('succeeded', 0)}/{spec.get('completions', 1)}"
    return [_name(obj), state, done, took, _age(obj, now), *_containers(spec), spelled(spec.get("selector"))]


def _cronjob(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    last = age(status["lastScheduleTime"], now) if status.get("lastScheduleTime") else _NONE
    job = spec.get("jobTemplate", {}).get("spec", {})
    zone = spec.get("timeZone", _NONE)
    active = len(status.get("active", ()))
    suspend = str(bool(spec.get("suspend")))
    return [_name(obj), spec.get("schedule"), zone, suspend, active, last, _age(obj, now), *_containers(job), _NONE]


def _service(obj: Object, now: datetime) -> list[Any]:
    spec = obj["spec"]
    ports = ",".join(
        f"{port.get('port')}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port.get('protocol', 'TCP')}"
        for port in spec.get("ports", ())
    )
    external = spec.get("externalName") or ",".join(spec.get("externalIPs", ())) or _NONE
    if spec.get("type") == "LoadBalancer" and external == _NONE:
        external = "<pending>"
    selector = ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items())) or _NONE
    return [
        _name(obj),
        spec.get("type"),
        spec.get("clusterIP", _NONE),
        external,
        ports or _NONE,
        _age(obj, now),
        selector,
    ]


def _endpoints(obj: Object, now: datetime) -> list[Any]:
    pairs = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    return [_name(obj), _few(pairs), _age(obj, now)]


def _slice(obj: Object, now: datetime) -> list[Any]:
    ports = [str(port.get("port", "*")) for port in obj.get("ports") or ()]
    addresses = [address for endpoint in obj.get("endpoints") or () for address in endpoint.get("addresses", ())]
    return [_name(obj), obj.get("addressType"), _few(ports, "<unset>"), _few(addresses, "<unset>"), _age(obj, now)]


def _few(items: list[str], empty: str = _NONE) -> str:
    if len(items) > 3:
        return ",".join(items[:3]) + f" + {len(items) - 3} more..."
    return ",".join(items) or empty


def _configmap(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), _age(obj, now)]


def _secret(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), obj.get("type", "Opaque"), len(obj.get("data") or {}), _age(obj, now)]


def _account(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), len(obj.get("secrets") or ()), _age(obj, now)]


def _event(obj: Object, now: datetime) -> list[Any]:
    on = obj.get("involvedObject", {})
    series = obj.get("series") or {}
    first = obj.get("firstTimestamp") or obj.get("eventTime") or obj["metadata"].get("creationTimestamp")
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or first
    count = series.get("count") or obj.get("count") or 1
    source = obj.get("source") or {}
    if source.get("component"):
        who = ", ".join(filter(None, (source["component"], source.get("host"))))
    else:
        who = ", ".join(filter(None, (obj.get("reportingComponent"), obj.get("reportingInstance"))))
    seen = age(last, now)
    if count > 1:
        seen = f"{seen} (x{count} over {age(first, now)})"
    where = f"{on.get('kind', '').lower()}/{on.get('name', '')}"
    text = obj.get("message", "").strip()
    name = obj["metadata"]["name"]
    what = [obj.get("type", ""), obj.get("reason", ""), where, on.get("fieldPath", ""), who, text]
    return [seen, *what, age(first, now), count, name]


def _node(obj: Object, now: datetime) -> list[Any]:
    status = obj.get("status", {})
    state = {"True": "Ready", "False": "NotReady"}.get(_condition(obj, "Ready") or "", "Unknown")
    if obj["spec"].get("unschedulable"):
        state += ",SchedulingDisabled"
    labels = obj["metadata"].get("labels", {})
    prefix = "node-role.kubernetes.io/"
    roles = ",".join(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))) or _NONE
    info = status.get("nodeInfo", {})
    addresses = {address["type"]: address["address"] for address in status.get("addresses", ())}
    return [
        _name(obj),
        state,
        roles,
        _age(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", _NONE),
        addresses.get("ExternalIP", _NONE),
        info.get("osImage", "<unknown>"),
        info.get("kernelVersion", "<unknown>"),
        info.get("containerRuntimeVersion", "<unknown>"),
    ]


def _namespace(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), obj.get("status", {}).get("phase", ""), _age(obj, now)]


def _claim(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    phase = "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", "Pending")
    bound = bool(spec.get("volumeName"))
    size = status.get("capacity", {}).get("storage", "") if bound else ""
    modes = _modes(status.get("accessModes")) if bound else ""
    more = [spec.get("storageClassName", ""), "<unset>", _age(obj, now), spec.get("volumeMode", "")]
    return [_name(obj), phase, spec.get("volumeName", ""), size, modes, *more]


def _volume(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    on = spec.get("claimRef") or {}
    claim = f"{on['namespace']}/{on['name']}" if on else ""
    size = spec.get("capacity", {}).get("storage", "")
    what = [
        size,
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy"),
        status.get("phase", ""),
        claim,
    ]
    more = [
        spec.get("storageClassName", ""),
        "<unset>",
        status.get("reason", ""),
        _age(obj, now),
        spec.get("volumeMode", ""),
    ]
    return [_name(obj), *what, *more]


def _modes(modes: list[str] | None) -> str:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    return ",".join(short.get(mode, mode) for mode in modes or ())


def _component(obj: Object, _: datetime) -> list[Any]:
    healthy: Object = next((item for item in obj["conditions"] if item["type"] == "Healthy"), {})
    words = {"True": "Healthy", "False": "Unhealthy"}
    return [
        _name(obj),
        words.get(healthy.get("status", ""), "Unknown"),
        healthy.get("message"),
        healthy.get("error", ""),
    ]


def _storage_class(obj: Object, now: datetime) -> list[Any]:
    default = obj["metadata"].get("annotations", {}).get("storageclass.kubernetes.io/is-default-class") == "true"
    name = f"{_name(obj)} (default)" if default else _name(obj)
    what = [obj.get("provisioner"), obj.get("reclaimPolicy"), obj.get("volumeBindingMode")]
    return [name, *what, bool(obj.get("allowVolumeExpansion")), _age(obj, now)]


def _ingress(obj: Object, now: datetime) -> list[Any]:
    spec = obj["spec"]
    hosts = ",".join(rule.get("host", "*") for rule in spec.get("rules", ())) or "*"
    ports = "80, 443" if spec.get("tls") else "80"
    at = obj.get("status", {}).get("loadBalancer", {}).get("ingress", ())
    address = ",".join(point.get("ip") or point.get("hostname", "") for point in at)
    return [_name(obj), spec.get("ingressClassName", _NONE), hosts, address, ports, _age(obj, now)]


def _network_policy(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), spelled(obj["spec"].get("podSelector")) or _NONE, _age(obj, now)]


def _autoscaler(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    on = spec.get("scaleTargetRef", {})
    current = {
        m.get("resource", {}).get("name"): m["resource"].get("current", {})
        for m in status.get("currentMetrics") or ()
        if "resource" in m
    }
    targets = []
    for metric in spec.get("metrics", ()):
        resource = metric.get("resource") or {}
        target, there = resource.get("target", {}), current.get(resource.get("name"), {})
        if target.get("averageUtilization") is not None:
            used = there.get("averageUtilization")
            shown = f"{used}%" if used is not None else "<unknown>"
            targets.append(f"{resource.get('name')}: {shown}/{target['averageUtilization']}%")
        else:
            targets.append(f"{there.get('averageValue', '<unknown>')}/{target.get('averageValue', '?')}")
    counts: list[Any] = [
        str(spec.get("minReplicas", "<unset>")),
        spec.get("maxReplicas"),
        status.get("currentReplicas", 0),
    ]
    return [_name(obj), f"{on.get('kind')}/{on.get('name')}", ", ".join(targets) or _NONE, *counts, _age(obj, now)]


def _budget(obj: Object, now: datetime) -> list[Any]:
    spec = obj["spec"]
    least, most = str(spec.get("minAvailable", "N/A")), str(spec.get("maxUnavailable", "N/A"))
    return [_name(obj), least, most, obj.get("status", {}).get("disruptionsAllowed", 0), _age(obj, now)]


def _lease(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), (obj.get("spec") or {}).get("holderIdentity", ""), _age(obj, now)]


def _revision(obj: Object, now: datetime) -> list[Any]:
    owner = next((o for o in obj["metadata"].get("ownerReferences", ()) if o.get("controller")), None)
    kinds = {"StatefulSet": "statefulset.apps", "DaemonSet": "daemonset.apps"}
    text = f"{kinds.get(owner['kind'], owner['kind'])}/{owner['name']}" if owner else _NONE
    return [_name(obj), text, obj.get("revision", 0), _age(obj, now)]


def _quota(obj: Object, now: datetime) -> list[Any]:
    status = obj.get("status", {})
    hard, used = status.get("hard") or obj["spec"].get("hard", {}), status.get("used", {})
    parts = [(key, f"{key}: {used.get(key, '0')}/{hard[key]}") for key in sorted(hard)]
    limits = ", ".join(text for key, text in parts if key.startswith("limits"))
    return [_name(obj), ", ".join(text for key, text in parts if not key.startswith("limits")), limits, _age(obj, now)]


def _created(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), obj["metadata"].get("creationTimestamp")]


def _priority(obj: Object, now: datetime) -> list[Any]:
    default = bool(obj.get("globalDefault"))
    return [_name(obj), obj.get("value", 0), default, _age(obj, now), obj.get("preemptionPolicy", "")]


def _plain(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), _age(obj, now)]


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Object, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def _condition(obj: Object, kind: str) -> str | None:
    for condition in obj.get("status", {}).get("conditions", ()):
        if condition.get("type") == kind:
            return str(condition.get("status"))
    return None


def _containers(spec: Object) -> tuple[str, str]:
    containers = spec.get("template", {}).get("spec", {}).get("containers", ())
    return ",".join(c.get("name", "") for c in containers), ",".join(c.get("image", "") for c in containers)


_KINDS: dict[str, Cells] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _replicaset,
    "StatefulSet": _statefulset,
    "DaemonSet": _daemonset,
    "Job": _job,
    "CronJob": _cronjob,
    "Service": _service,
    "Endpoints": _endpoints,
    "EndpointSlice": _slice,
    "ConfigMap": _configmap,
    "Secret": _secret,
    "ServiceAccount": _account,
    "Event": _event,
    "Node": _node,
    "Namespace": _namespace,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume,
    "StorageClass": _storage_class,
    "ComponentStatus": _component,
    "Ingress": _ingress,
    "NetworkPolicy": _network_policy,
    "HorizontalPodAutoscaler": _autoscaler,
    "PodDisruptionBudget": _budget,
    "Lease": _lease,
    "ControllerRevision": _revision,
    "ResourceQuota": _quota,
    "LimitRange": _created,
    "ClusterRole": _created,
    "Role": _created,
    "PriorityClass": _priority,
}
