"""ResourceQuotas: what of them is used up, and what they refuse, in the words of the API server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..store import Store
from .quantity import canonical, value_of
from .resources import Resource
from .selectors import selects
from .status import forbidden, qualified

Object = dict[str, Any]

_MUST_BE_SAID = ("cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory")
_COUNTED_BY_NAME = (
    "pods",
    "services",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
)
_PLAIN = ("cpu", "memory", "ephemeral-storage")
_OF_CLASS = ".storageclass.storage.k8s.io/"
_SERVICES = {"services.nodeports": ("NodePort", "LoadBalancer"), "services.loadbalancers": ("LoadBalancer",)}


@dataclass(frozen=True)
class Amount:
    """A quantity; ``binary``: shown in Ki, Mi, as those were that it was summed from."""

    value: Decimal = Decimal(0)
    binary: bool = False

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.value + other.value, self.binary or other.binary)

    def __str__(self) -> str:
        if self.binary and self.value == self.value.to_integral_value() and int(self.value) % 1024 == 0:
            return canonical(f"{int(self.value) // 1024}Ki")
        return canonical(f"{self.value:f}")


ONE, NOTHING = Amount(Decimal(1)), Amount()


def amount_of(text: Any) -> Amount:
    return Amount(value_of(str(text)), str(text).endswith("i"))


def used_of(store: Store, quota: Object) -> dict[str, str]:
    """What is used of each thing that the quota limits."""
    namespace = quota["metadata"]["namespace"]
    hard = quota["spec"].get("hard") or {}
    totals = dict.fromkeys(hard, NOTHING)
    kinds = {kind: resource for kind, resource in store.registry.stored.items() if _concerns(resource, hard)}
    for kind, resource in kinds.items():
        for obj in store.list(kind, namespace):
            if _matches(quota, resource, obj):
                for key, amount in charge(resource, obj).items():
                    if key in totals:
                        totals[key] += amount
    return {key: str(amount) for key, amount in totals.items()}


def check_quotas(store: Store, resource: Resource, obj: Object) -> None:
    """Raises 403 when a new object would take more than a quota has left, or does not say what it will take."""
    meta = obj["metadata"]
    quotas = store.list("ResourceQuota", meta["namespace"]) if resource.namespaced else []
    if not quotas or resource.builtin == "Event":
        return
    asked = charge(resource, obj)
    name = meta.get("name") or meta.get("generateName", "")
    for quota in quotas:
        hard = quota["spec"].get("hard") or {}
        keys = [key for key in sorted(hard) if key in asked or (resource.builtin == "Pod" and key in _MUST_BE_SAID)]
        if not keys or not _matches(quota, resource, obj):
            continue
        title = quota["metadata"]["name"]
        silent = {key: _silent(obj, key) for key in keys if key in _MUST_BE_SAID} if resource.builtin == "Pod" else {}
        if any(silent.values()):
            listed = "; ".join(f"{key} for: {','.join(names)}" for key, names in silent.items() if names)
            raise forbidden(resource.plural, resource.group, name, f"failed quota: {title}: must specify {listed}")
        used = used_of(store, quota)
        over = [
            key
            for key in keys
            if asked.get(key, NOTHING).value and value_of(used[key]) + asked[key].value > value_of(str(hard[key]))
        ]
        if over:
            words = (_spelled(over, asked), _spelled(over, used), _spelled(over, hard))
            why = "exceeded quota: {}, requested: {}, used: {}, limited: {}".format(title, *words)
            raise forbidden(resource.plural, resource.group, name, why)


def charge(resource: Resource, obj: Object) -> dict[str, Amount]:
    """What one object takes of a quota."""
    counted = {f"count/{qualified(resource.plural, resource.group)}": ONE}
    if resource.builtin == "Pod":
        ended = obj.get("status", {}).get("phase") in ("Succeeded", "Failed")
        return counted if ended else {**counted, "pods": ONE, **_of_pod(obj["spec"])}
    if not resource.group and resource.plural in _COUNTED_BY_NAME:
        counted[resource.plural] = ONE
    if resource.builtin == "PersistentVolumeClaim":
        size = amount_of(((obj["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0"))
        counted["requests.storage"] = size
        if obj["spec"].get("storageClassName"):
            of_class = obj["spec"]["storageClassName"] + _OF_CLASS
            counted |= {f"{of_class}requests.storage": size, f"{of_class}persistentvolumeclaims": ONE}
    if resource.builtin == "Service":
        counted |= {key: ONE for key, types in _SERVICES.items() if obj["spec"].get("type") in types}
    return counted


def _of_pod(spec: Object) -> dict[str, Amount]:
    """Containers run together; each init container but those that stay runs alone before them."""
    inits = spec.get("initContainers") or ()
    alone = [item for item in inits if item.get("restartPolicy") != "Always"]
    together = [*(item for item in inits if item not in alone), *spec.get("containers", ())]
    total: dict[str, Amount] = {}
    for container in together:
        for key, amount in _of_container(container):
            total[key] = total.get(key, NOTHING) + amount
    for container in alone:
        for key, amount in _of_container(container):
            if amount.value > total.get(key, NOTHING).value:
                total[key] = amount
    return {**total, **{name: total[f"requests.{name}"] for name in _PLAIN if f"requests.{name}" in total}}


def _of_container(container: Object) -> Iterable[tuple[str, Amount]]:
    for group in ("requests", "limits"):
        for name, amount in ((container.get("resources") or {}).get(group) or {}).items():
            yield f"{group}.{name}", amount_of(amount)


def _silent(pod: Object, key: str) -> list[str]:
    """The containers that do not say how much of it they want."""
    group, _, name = key.rpartition(".")
    containers = [*pod["spec"].get("containers", ()), *(pod["spec"].get("initContainers") or ())]
    return [c["name"] for c in containers if name not in ((c.get("resources") or {}).get(group or "requests") or {})]


def _concerns(resource: Resource, hard: Object) -> bool:
    """Whether such objects can take anything of such a quota."""
    if not resource.namespaced:
        return False
    if f"count/{qualified(resource.plural, resource.group)}" in hard:
        return True
    if resource.builtin == "Pod":
        return any(key == "pods" or key in _PLAIN or key.startswith(("requests.", "limits.")) for key in hard)
    if resource.builtin == "PersistentVolumeClaim":
        return any(key in ("persistentvolumeclaims", "requests.storage") or _OF_CLASS in key for key in hard)
    if resource.builtin == "Service":
        return any(key.startswith("services") for key in hard)
    return not resource.group and resource.plural in hard and resource.plural in _COUNTED_BY_NAME


def _matches(quota: Object, resource: Resource, obj: Object) -> bool:
    """Whether the object is among those that the quota's scopes are about."""
    spec = quota["spec"]
    selected = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    selected += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return all(resource.builtin == "Pod" and _in_scope(rule, obj) for rule in selected)


def _in_scope(rule: Object, pod: Object) -> bool:
    spec = pod["spec"]
    ends, best = spec.get("activeDeadlineSeconds") is not None, not _of_pod(spec)
    match rule["scopeName"]:
        case "Terminating":
            return ends
        case "NotTerminating":
            return not ends
        case "BestEffort":
            return best
        case "NotBestEffort":
            return not best
        case "PriorityClass":
            labels = {"class": spec["priorityClassName"]} if spec.get("priorityClassName") else {}
            return selects({"matchExpressions": [{**rule, "key": "class"}]}, labels)
    return False


def _spelled(keys: list[str], amounts: Object) -> str:
    return ",".join(f"{key}={amounts[key]}" for key in keys)
