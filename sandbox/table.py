"""The table of what lives in the simulated cluster: each controller and each part of a node is one entry here.

A controller looks at one object at a time: ``reconcile(world, namespace, name)`` compares what is with what
should be and does the next step. It may be called at any moment and any number of times, and may ask to be
called again with ``world.wake_after(seconds, name, namespace, object's name)`` or ``world.wake``.
A listener hears of every change in the store, for what no single object's controller can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .controllers import (
    autoscaler,
    cronjob,
    daemonset,
    deployment,
    disruption,
    endpoints,
    eviction,
    housekeeping,
    job,
    nodes,
    podgc,
    replicaset,
    statefulset,
    volumes,
)
from .controllers.world import World
from .nodes import placement, policies
from .nodes.kubelet import Kubelet

Object = dict[str, Any]


@dataclass(frozen=True)
class Controller:
    """``name``: how ``world.wake`` calls it. ``kinds`` (as the store calls them; a custom kind may be defined
    later): each change of such an object wakes it with the object's namespace and name, and so does a change of
    the Pods, ReplicaSets and Jobs that it owns. ``gone``: also when the object has been deleted."""

    name: str
    reconcile: Callable[[World, str, str], None]
    kinds: tuple[str, ...] = ()
    gone: bool = False


Change = Callable[[str, "Object | None", "Object | None"], None]
"""Called with ADDED, MODIFIED or DELETED, the object before (None: new) and after (None: never; a deleted
object's last state), in the instant of the change and before any controller looks."""

CONTROLLERS: tuple[Controller, ...] = (
    Controller("deployment", deployment.reconcile, ("Deployment",)),
    Controller("replicaset", replicaset.reconcile, ("ReplicaSet",)),
    Controller("statefulset", statefulset.reconcile, ("StatefulSet",)),
    Controller("daemonset", daemonset.reconcile, ("DaemonSet",)),
    Controller("job", job.reconcile, ("Job",)),
    Controller("cronjob", cronjob.reconcile, ("CronJob",)),
    Controller("endpoints", endpoints.reconcile, ("Service",), gone=True),
    Controller("namespace", housekeeping.furnish_namespace, ("Namespace",)),
    Controller("claim", volumes.reconcile_claim, ("PersistentVolumeClaim",), gone=True),
    Controller("volume", volumes.reconcile_volume, ("PersistentVolume",), gone=True),
    Controller("quota", housekeeping.count_quota, ("ResourceQuota",)),
    Controller("disruption", disruption.reconcile, ("PodDisruptionBudget",)),
    Controller("autoscaler", autoscaler.reconcile, ("HorizontalPodAutoscaler",)),
    Controller("nodes", nodes.reconcile, ("Node",)),
    Controller("eviction", eviction.reconcile, ("Node",)),
    Controller("podgc", podgc.reconcile, ("Node",), gone=True),
    Controller("scheduler", placement.schedule),
)

LISTENERS: tuple[Callable[[World, Kubelet], Change], ...] = (
    eviction.listen,
    volumes.listen,
    policies.listen,
)
"""Each is called when the cluster starts, and again for its clones; it returns what is to hear of changes, which
remembers nothing by itself."""

BY_KIND: dict[str, tuple[Controller, ...]] = {
    kind: tuple(item for item in CONTROLLERS if kind in item.kinds)
    for kind in dict.fromkeys(kind for item in CONTROLLERS for kind in item.kinds)
}
