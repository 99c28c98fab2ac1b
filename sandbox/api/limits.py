"""LimitRanges and ResourceQuotas: what they add to a Pod, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from ..store import Store
from .quantity import canonical, value_of
from .resources import Resource
from .status import forbidden, qualified

Object = dict[str, Any]


def with_requests(container: Object, ranges: list[Object]) -> Object:
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


def noted(metadata: Object, spec: Object, ranges: list[Object]) -> Object:
    """The annotation in which the limit ranger says what it is about to set."""
    said = []
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        before = container.get("resources", {})
        after = with_requests(container, ranges).get("resources", {})
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


def check_ranges(spec: Object, ranges: list[Object], name: str) -> None:
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


def check_count(store: Store, resource: Resource, obj: Object) -> None:
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


def usage_of(pods: list[Object]) -> dict[str, Decimal]:
    """What Pods that have not ended use of a quota: pods, and requests and limits of cpu and memory."""
    used = {f"{group}.{name}": Decimal(0) for group in ("requests", "limits") for name in ("cpu", "memory")}
    used["pods"] = Decimal(len(pods))
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


def check_quota(store: Store, namespace: str, name: str, pod: Object) -> None:
    quotas = store.list("ResourceQuota", namespace)
    if not quotas:
        return
    pods = store.list("Pod", namespace)
    active = [there for there in pods if there.get("status", {}).get("phase") not in ("Succeeded", "Failed")]
    used = {**usage_of(active), "count/pods": Decimal(len(pods))}
    asked = {**usage_of([pod]), "count/pods": Decimal(1)}
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
