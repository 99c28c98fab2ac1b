"""What the API server adds to a new object and checks against others: namespaces, service accounts, addresses,
limit ranges and quotas. Controllers that make Pods use ``admit_pod`` too, as theirs pass the same door."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from zlib import crc32

from ..store import Store
from .quantity import canonical, value_of
from .resources import Resource
from .status import StatusError, not_found, qualified

Object = dict[str, Any]

_SAFE_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_NOT_READY = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def admit(store: Store, resource: Resource, obj: Object) -> Object:
    """The object as it is stored. Raises 403 or 404."""
    if resource.namespaced:
        _check_namespace(store, resource, obj)
    if resource.builtin == "Pod":
        return admit_pod(store, obj)
    if resource.namespaced and resource.builtin != "Event":
        _check_count(store, resource, obj)
    if resource.builtin == "Service":
        return _with_addresses(store, obj)
    if resource.builtin == "PersistentVolumeClaim" and "storageClassName" not in obj["spec"]:
        default = _default_storage_class(store)
        if default:
            return {**obj, "spec": {**obj["spec"], "storageClassName": default}}
    if resource.builtin == "Namespace":
        labels = {"kubernetes.io/metadata.name": obj["metadata"]["name"], **obj["metadata"].get("labels", {})}
        meta = {**obj["metadata"], "labels": labels}
        return {**obj, "metadata": meta, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    return obj


def admit_pod(store: Store, pod: Object) -> Object:
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
    metadata = _noted(pod["metadata"], spec, ranges) if ranges else pod["metadata"]
    for group in ("containers", "initContainers"):
        if group in spec:
            spec[group] = [_with_requests(container, ranges) for container in spec[group]]
    _check_ranges(spec, ranges, name)
    admitted = {**pod, "metadata": metadata, "spec": spec}
    admitted["status"] = {"phase": "Pending", "qosClass": _quality(spec)}
    _check_quota(store, namespace, name, admitted)
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


def forbidden(plural: str, group: str, name: str, why: str) -> StatusError:
    message = f'{qualified(plural, group)} "{name}" is forbidden: {why}'
    details: Object = {"name": name, "kind": plural}
    if group:
        details["group"] = group
    return StatusError(403, "Forbidden", message, details)


def _check_namespace(store: Store, resource: Resource, obj: Object) -> None:
    name = obj["metadata"]["namespace"]
    namespace = store.get("Namespace", None, name)
    if namespace is None:
        raise not_found("namespaces", "", name)
    if namespace["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {name} because it is being terminated"
        raise forbidden(resource.plural, resource.group, obj["metadata"].get("name", ""), why)


def _with_requests(container: Object, ranges: list[Object]) -> Object:
    resources = dict(container.get("resources", {}))
    limits, requests = dict(resources.get("limits", {})), dict(resources.get("requests", {}))
    for limit_range in ranges:
        for item in limit_range["spec"].get("limits", ()):
            if item.get("type") == "Container":
                explicit = set(limits)
                for name, amount in item.get("default", {}).items():
                    limits.setdefault(name, amount)
                for name, amount in item.get("defaultRequest", {}).items():
                    if name not in explicit:
                        requests.setdefault(name, amount)
    for name, amount in limits.items():
        requests.setdefault(name, amount)
    if limits:
        resources["limits"] = limits
    if requests:
        resources["requests"] = requests
    return {**container, "resources": resources}


def _noted(metadata: Object, spec: Object, ranges: list[Object]) -> Object:
    """The annotation in which the limit ranger says what it is about to set."""
    said = []
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        before = container.get("resources", {})
        after = _with_requests(container, ranges).get("resources", {})
        explicit = {**before.get("limits", {}), **before.get("requests", {})}
        for group, word in (("requests", "request"), ("limits", "limit")):
            added = sorted(
                after.get(group, {}).keys()
                - before.get(group, {}).keys()
                - (explicit.keys() if group == "requests" else set())
            )
            if added:
                said.append(f"{', '.join(added)} {word} for container {container['name']}")
    if not said:
        return metadata
    note = f"LimitRanger plugin set: {'; '.join(said)}"
    annotations = {**metadata.get("annotations", {}), "kubernetes.io/limit-ranger": note}
    return {**metadata, "annotations": annotations}


def _check_ranges(spec: Object, ranges: list[Object], name: str) -> None:
    """Raises 403 for a container beyond what a LimitRange allows one to have."""
    said = []
    for limit in (item for there in ranges for item in there["spec"].get("limits", ()) if item["type"] == "Container"):
        for container in spec["containers"]:
            resources = container.get("resources", {})
            for bound, group, word, over in (("max", "limits", "maximum", 1), ("min", "requests", "minimum", -1)):
                for key, amount in sorted(limit.get(bound, {}).items()):
                    got = resources.get(group, {}).get(key)
                    if got is None:
                        said.append(f"{word} {key} usage per Container is {amount}.  No {group[:-1]} is specified")
                    elif (value_of(got) - value_of(amount)) * over > 0:
                        said.append(f"{word} {key} usage per Container is {amount}, but {group[:-1]} is {got}")
    if said:
        raise forbidden("pods", "", name, said[0] if len(said) == 1 else f"[{', '.join(said)}]")


_COUNTED = (
    "pods",
    "services",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
)


def object_counts(store: Store, namespace: str, keys: Iterable[str]) -> dict[str, Decimal]:
    """How many objects there are, for those keys of a quota that count objects."""
    counts: dict[str, Decimal] = {}
    for key in keys:
        kind = _kind_counted(store, key)
        if key.startswith("services."):
            wanted = {"services.nodeports": ("NodePort", "LoadBalancer"), "services.loadbalancers": ("LoadBalancer",)}
            services = store.list("Service", namespace)
            counts[key] = Decimal(sum(service["spec"].get("type") in wanted.get(key, ()) for service in services))
        elif kind:
            counts[key] = Decimal(len(store.list(kind, namespace)))
    return counts


def _kind_counted(store: Store, key: str) -> str:
    plural, _, group = key.removeprefix("count/").partition(".")
    if not key.startswith("count/") and key not in _COUNTED:
        return ""
    return next((name for name, r in store.registry.stored.items() if (r.plural, r.group) == (plural, group)), "")


def _check_count(store: Store, resource: Resource, obj: Object) -> None:
    """Raises 403 when a quota for the number of such objects is used up."""
    namespace, name = obj["metadata"]["namespace"], obj["metadata"].get("name", "")
    keys = (resource.plural, f"count/{qualified(resource.plural, resource.group)}")
    for quota in store.list("ResourceQuota", namespace):
        hard = quota["spec"].get("hard", {})
        counts = object_counts(store, namespace, [key for key in keys if key in hard])
        over = [key for key, used in counts.items() if used + 1 > value_of(hard[key])]
        if over:
            asked, used, limited = (
                ",".join(f"{key}={amount(key)}" for key in over)
                for amount in (lambda key: 1, lambda key, counts=counts: counts[key], lambda key, hard=hard: hard[key])
            )
            why = f"exceeded quota: {quota['metadata']['name']}, requested: {asked}, used: {used}, limited: {limited}"
            raise forbidden(resource.plural, resource.group, name, why)


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


def usage_of(pods: list[Object]) -> dict[str, Decimal]:
    """What Pods use of a quota: pods, and requests and limits of cpu and memory."""
    used: dict[str, Decimal] = {"pods": Decimal(len(pods)), "count/pods": Decimal(len(pods))}
    for pod in pods:
        for container in pod["spec"].get("containers", ()):
            resources = container.get("resources", {})
            for group in ("requests", "limits"):
                for name, amount in resources.get(group, {}).items():
                    key = f"{group}.{name}"
                    used[key] = used.get(key, Decimal(0)) + value_of(amount)
    for name in ("cpu", "memory"):
        used[name] = used.get(f"requests.{name}", Decimal(0))
    return used


def _check_quota(store: Store, namespace: str, name: str, pod: Object) -> None:
    quotas = store.list("ResourceQuota", namespace)
    if not quotas:
        return
    active = [
        there
        for there in store.list("Pod", namespace)
        if there.get("status", {}).get("phase") not in ("Succeeded", "Failed")
    ]
    used, asked = usage_of(active), usage_of([pod])
    for quota in quotas:
        hard = quota["spec"].get("hard", {})
        over = [
            key
            for key in sorted(hard)
            if asked.get(key) and used.get(key, Decimal(0)) + asked[key] > value_of(hard[key])
        ]
        missing = sorted(key for key in hard if key.startswith(("requests.", "limits.")) and not asked.get(key))
        title = quota["metadata"]["name"]
        if missing:
            listed = "; ".join(f"{key} for: {_container_names(pod, key)}" for key in missing)
            raise forbidden("pods", "", name, f"failed quota: {title}: must specify {listed}")
        if over:
            limited = ",".join(f"{key}={hard[key]}" for key in over)
            asked_words, used_words = _spelled(asked, hard, over), _spelled(used, hard, over)
            why = f"exceeded quota: {title}, requested: {asked_words}, used: {used_words}, limited: {limited}"
            raise forbidden("pods", "", name, why)


def _spelled(amounts: dict[str, Decimal], hard: dict[str, str], keys: list[str]) -> str:
    return ",".join(f"{key}={_amount(amounts.get(key, Decimal(0)), hard[key])}" for key in keys)


def _container_names(pod: Object, key: str) -> str:
    group, _, name = key.partition(".")
    names = [c["name"] for c in pod["spec"]["containers"] if name not in c.get("resources", {}).get(group, {})]
    return ",".join(names)


def _amount(value: Decimal, like: str) -> str:
    """A number as a quantity in the family of suffixes that ``like`` uses."""
    if like[-1:] == "i" and value == value.to_integral_value() and int(value) % 1024 == 0:
        return canonical(f"{int(value) // 1024}Ki")
    return canonical(f"{value:f}")


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
    taken = {service["spec"].get("clusterIP") for service in store.list("Service")}
    number = 256 + len(taken)
    while (address := f"10.96.{number // 256}.{number % 256}") in taken or number % 256 == 0:
        number += 1
    return address


def _default_storage_class(store: Store) -> str:
    for storage_class in store.list("StorageClass"):
        annotations = storage_class["metadata"].get("annotations", {})
        if annotations.get("storageclass.kubernetes.io/is-default-class") == "true":
            return str(storage_class["metadata"]["name"])
    return ""
