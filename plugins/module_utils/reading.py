# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads a namespace and what it leans on into an Inventory, in few parallel calls."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .cluster import Cluster, Object
from .errors import ClusterError, Forbidden, NotFound
from .evidence import Inventory, ObjectRef
from .quantity import quantity

READ = (
    "Pod", "ReplicaSet", "Event", "Deployment", "Service", "EndpointSlice", "ConfigMap", "Secret", "StatefulSet",
    "DaemonSet", "ControllerRevision", "Job", "CronJob", "PersistentVolumeClaim", "HorizontalPodAutoscaler",
    "PodDisruptionBudget", "NetworkPolicy", "Ingress", "ResourceQuota", "LimitRange", "ServiceAccount", "PodMetrics",
    "Node",
)  # fmt: skip
_CLUSTER_WIDE = ("Node",)
_ESSENTIAL = ("Pod", "Deployment", "Service")
_VITAL = "Pod"
"""Without Pods nobody can say whether anything runs, nor whether a change helped."""
_NEEDS_MANAGERS = {"Deployment", "StatefulSet", "DaemonSet", "Service", "ConfigMap", "NetworkPolicy", "Ingress",
                   "HorizontalPodAutoscaler", "CronJob", "ResourceQuota", "LimitRange"}  # fmt: skip
_SHORTEST_MASK = 6  # a shorter Secret value would mask ordinary words

Item = TypeVar("Item")
Result = TypeVar("Result")


def read(cluster: Cluster, namespace: str, kinds: Iterable[str] = READ) -> tuple[Inventory, frozenset[str]]:
    """The Inventory, and the Secrets' values to mask in whatever else is read; keep those nowhere.

    A kind that cannot be read is named in ``unseen``. Forbidden when Pods may not be read, NotFound
    when there is no such namespace.
    """
    masks: set[str] = set()

    def one(kind: str) -> tuple[str, tuple[Object, ...] | ClusterError]:
        place = "" if kind in _CLUSTER_WIDE else namespace
        try:
            items = cluster.list(kind, place)
        except ClusterError as error:
            return kind, error
        if kind == "Secret":
            for item in items:
                masks.update(_values(item))
        return kind, tuple(_pruned(kind, item) for item in items)

    replies = together(cluster, one, kinds)
    failures = {kind: reply for kind, reply in replies if isinstance(reply, ClusterError)}
    for kind in _ESSENTIAL:
        if kind in failures and (kind == _VITAL or not isinstance(failures[kind], Forbidden)):
            raise failures[kind]
    objects = {kind: reply for kind, reply in replies if not isinstance(reply, ClusterError)}
    if not any(objects.get(kind) for kind in objects if kind not in _CLUSTER_WIDE):
        _assert_namespace(cluster, namespace)
    inventory = Inventory(
        namespace=namespace,
        time=cluster.now().isoformat().replace("+00:00", "Z"),
        objects=objects,
        usage=_usage(objects.pop("PodMetrics", ())),
        unseen=tuple(_unseen(kind, error) for kind, error in failures.items()),
    )
    return inventory, frozenset(masks)


def together(cluster: Cluster, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Does the work for all items, in as many threads as the Transport takes; results in order."""
    todo = list(items)
    threads = min(int(getattr(cluster.transport, "threads", 1)), len(todo))
    if threads <= 1:
        return [work(item) for item in todo]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, todo))


def _assert_namespace(cluster: Cluster, namespace: str) -> None:
    try:
        cluster.get(ObjectRef("Namespace", "", namespace))
    except NotFound as error:
        raise NotFound(
            f"The namespace {namespace} does not exist.",
            "Check the namespace and the cluster that is connected to.",
            404,
        ) from error
    except ClusterError:
        return  # it may be there all the same: the account may not read namespaces


def _pruned(kind: str, item: Object) -> Object:
    """Without Secret values, and without what nobody reads but would take most of the memory."""
    meta = item["metadata"]
    if kind not in _NEEDS_MANAGERS:
        meta.pop("managedFields", None)
    if kind == "Secret":
        item["data"] = dict.fromkeys((*(item.get("data") or {}), *(item.pop("stringData", None) or {})), "")
        meta.pop("annotations", None)  # last-applied-configuration repeats the values
    return item


def _values(secret: Object) -> set[str]:
    found = set((secret.get("stringData") or {}).values())
    for value in (secret.get("data") or {}).values():
        found.add(str(value))
        try:
            found.add(b64decode(value).decode())
        except (ValueError, TypeError):
            continue
    return {value for value in found if len(value) >= _SHORTEST_MASK}


def _usage(metrics: Iterable[Object]) -> dict[tuple[str, str], dict[str, float]]:
    usage: dict[tuple[str, str], dict[str, float]] = {}
    for item in metrics:
        for container in item.get("containers") or ():
            amounts: dict[str, Any] = container.get("usage") or {}
            usage[item["metadata"]["name"], container["name"]] = {
                name: amount for name in ("cpu", "memory") if (amount := quantity(amounts.get(name))) is not None
            }
    return usage


def _unseen(kind: str, error: ClusterError) -> str:
    what = "usage (PodMetrics)" if kind == "PodMetrics" else kind
    if isinstance(error, Forbidden):
        return f"{what}: not permitted"
    if isinstance(error, NotFound):
        return f"{what}: not served by this cluster"
    return f"{what}: {error.what[:120]}"
