"""What the API server adds to a new object and checks against others: namespaces, service accounts, addresses,
limit ranges and quotas. Controllers that make Pods use ``admit_pod`` too, as theirs pass the same door."""

from __future__ import annotations

from typing import Any
from zlib import crc32

from ..store import Store
from .limits import check_ranges, noted, with_requests
from .podsecurity import check_pod
from .quota import check_quotas
from .resources import STORED, Resource
from .status import forbidden, not_found
from .webhooks import ask_webhooks

Object = dict[str, Any]

_SAFE_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_NOT_READY = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


_PROTECTED = {
    "PersistentVolume": "kubernetes.io/pv-protection",
    "PersistentVolumeClaim": "kubernetes.io/pvc-protection",
}


def admit(store: Store, resource: Resource, obj: Object, *, dry: bool = False) -> Object:
    """The object as it is stored. Raises 403, 404, and 500 where a webhook that must be asked cannot be."""
    if resource.namespaced:
        _check_namespace(store, resource, obj)
    if resource.builtin == "Pod":
        return admit_pod(store, obj, dry=dry)
    ask_webhooks(store, resource, "CREATE", obj, dry=dry)
    if resource.builtin != "PersistentVolumeClaim":
        check_quotas(store, resource, obj)
    if resource.builtin == "Service":
        return _with_addresses(store, obj)
    if resource.builtin == "PersistentVolumeClaim":
        default = _default_storage_class(store)
        if default and "storageClassName" not in obj["spec"]:
            obj = {**obj, "spec": {**obj["spec"], "storageClassName": default}}
        check_quotas(store, resource, obj)
    if resource.builtin in _PROTECTED:
        finalizers = obj["metadata"].get("finalizers") or []
        if _PROTECTED[resource.builtin] not in finalizers:
            finalizers = [*finalizers, _PROTECTED[resource.builtin]]
        return {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}}
    if resource.builtin == "Namespace":
        labels = {"kubernetes.io/metadata.name": obj["metadata"]["name"], **obj["metadata"].get("labels", {})}
        meta = {**obj["metadata"], "labels": labels}
        return {**obj, "metadata": meta, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    return obj


def admit_pod(store: Store, pod: Object, *, dry: bool = False) -> Object:
    """A Pod with its service account, tolerations, requests, limit-range defaults; 403 where a quota is full or
    the service account is missing."""
    namespace = pod["metadata"]["namespace"]
    name = pod["metadata"].get("name") or pod["metadata"].get("generateName", "")
    spec = dict(pod["spec"])
    account = spec.get("serviceAccountName") or "default"
    if store.get("ServiceAccount", namespace, account) is None:
        why = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
        raise forbidden("pods", "", name, why)
    spec["serviceAccountName"] = spec["serviceAccount"] = account
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("priority", 0)
    tolerations = list(spec.get("tolerations", ()))
    for key in _NOT_READY:
        if not any(toleration.get("key") == key for toleration in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    spec["tolerations"] = tolerations
    _mount_token(store, namespace, account, name, spec)
    ranges = store.list("LimitRange", namespace)
    metadata = noted(pod["metadata"], spec, ranges) if ranges else pod["metadata"]
    for group in ("containers", "initContainers"):
        if group in spec:
            spec[group] = [with_requests(container, ranges) for container in spec[group]]
    check_ranges(spec, ranges, name)
    admitted = {**pod, "metadata": metadata, "spec": spec}
    admitted["status"] = {"phase": "Pending", "qosClass": _quality(spec)}
    check_pod(store, namespace, name, pod)
    ask_webhooks(store, STORED["Pod"], "CREATE", pod, dry=dry)
    check_quotas(store, STORED["Pod"], admitted)
    return admitted


_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_SOURCES: Object = {
    "defaultMode": 420,
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
            }
        },
    ],
}


def _mount_token(store: Store, namespace: str, account: str, name: str, spec: Object) -> None:
    """Mounts the service account's token where the Pod has none, under a name that depends on the Pod's alone."""
    holder = store.get("ServiceAccount", namespace, account) or {}
    if not spec.get("automountServiceAccountToken", holder.get("automountServiceAccountToken", True)):
        return
    number = crc32(name.encode())
    letters = "".join(_SAFE_LETTERS[number // len(_SAFE_LETTERS) ** place % len(_SAFE_LETTERS)] for place in range(5))
    volume = f"kube-api-access-{letters}"
    mount = {"name": volume, "readOnly": True, "mountPath": _TOKEN_PATH}
    mounted = False
    for group in ("containers", "initContainers"):
        if group not in spec:
            continue
        containers = []
        for container in spec[group]:
            mounts = container.get("volumeMounts") or []
            if not any(there["mountPath"] == _TOKEN_PATH for there in mounts):
                container = {**container, "volumeMounts": [*mounts, mount]}
                mounted = True
            containers.append(container)
        spec[group] = containers
    if mounted:
        spec["volumes"] = [*(spec.get("volumes") or ()), {"name": volume, "projected": _TOKEN_SOURCES}]


def with_template_generation(daemon_set: Object, generation: int) -> Object:
    """Counts the changes of a DaemonSet's template where k8s_rollback and old clients look for it."""
    meta = daemon_set["metadata"]
    annotations = {**meta.get("annotations", {}), "deprecated.daemonset.template.generation": str(generation)}
    return {**daemon_set, "metadata": {**meta, "annotations": annotations}}


def with_job_labels(job: Object, uid: str) -> Object:
    """A Job's Pods are told apart by the Job's uid, unless the user brought a selector."""
    if job["spec"].get("manualSelector") or job["spec"].get("selector"):
        return {**job, "metadata": {**job["metadata"], "uid": uid}}
    name = job["metadata"]["name"]
    mine = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name}
    old_style = {"controller-uid": uid, "job-name": name}
    template = job["spec"].get("template", {})
    labels = {**template.get("metadata", {}).get("labels", {}), **mine, **old_style}
    template = {**template, "metadata": {**template.get("metadata", {}), "labels": labels}}
    selector = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    meta = {**job["metadata"], "uid": uid}
    meta["labels"] = meta.get("labels") or labels
    return {
        **job,
        "metadata": meta,
        "spec": {**job["spec"], "selector": selector, "template": template},
    }


def _check_namespace(store: Store, resource: Resource, obj: Object) -> None:
    name = obj["metadata"]["namespace"]
    namespace = store.get("Namespace", None, name)
    if namespace is None:
        raise not_found("namespaces", "", name)
    if namespace["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {name} because it is being terminated"
        raise forbidden(resource.plural, resource.group, obj["metadata"].get("name", ""), why)


def _quality(spec: Object) -> str:
    containers = spec.get("containers", ())
    sets = [container.get("resources", {}) for container in containers]
    if not any(part.get("limits") or part.get("requests") for part in sets):
        return "BestEffort"
    for part in sets:
        limits, requests = part.get("limits", {}), part.get("requests", {})
        if not {"cpu", "memory"} <= limits.keys() or any(
            requests.get(name) != limits[name] for name in ("cpu", "memory")
        ):
            return "Burstable"
    return "Guaranteed"


def _with_addresses(store: Store, service: Object) -> Object:
    spec = dict(service["spec"])
    if spec.get("type") == "ExternalName":
        return service
    if not spec.get("clusterIP"):
        spec["clusterIP"] = _free_address(store)
    spec["clusterIPs"] = [spec["clusterIP"]]
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        taken = {port.get("nodePort") for there in store.list("Service") for port in there["spec"].get("ports", ())}
        ports = []
        for port in spec.get("ports", ()):
            if not port.get("nodePort"):
                free = next(number for number in range(30000, 32768) if number not in taken)
                taken.add(free)
                port = {**port, "nodePort": free}
            ports.append(port)
        spec["ports"] = ports
    return {**service, "spec": spec}


def _free_address(store: Store) -> str:
    services = store.list("Service")
    taken = {service["spec"].get("clusterIP") for service in services}
    number = 256 + sum(service["metadata"]["namespace"] != "kube-system" for service in services)
    while (address := f"10.96.{number // 256}.{number % 256}") in taken or number % 256 == 0:
        number += 1
    return address


def _default_storage_class(store: Store) -> str:
    for storage_class in store.list("StorageClass"):
        annotations = storage_class["metadata"].get("annotations", {})
        if annotations.get("storageclass.kubernetes.io/is-default-class") == "true":
            return str(storage_class["metadata"]["name"])
    return ""
