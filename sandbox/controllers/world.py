"""What controllers and kubelets share: the store, the clock, the events, and a queue of what to look at."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..nodes.strain import Strains
from ..shared import Copied, Shared
from ..store import Store
from .recorder import Recorder

if TYPE_CHECKING:
    from ..nodes.kubelet import Kubelet
    from ..nodes.machines import Machines

Object = dict[str, Any]


class World:
    """``wake(controller, namespace, name)`` has that controller look at that object, within this instant.
    ``kubelet``: what runs the Pods of all nodes; ``machines``: what runs the kubelets."""

    kubelet: Kubelet
    machines: Machines

    def __init__(
        self, store: Store, clock: Clock, rng: random.Random, images: frozenset[str], rates: Mapping[str, float]
    ) -> None:
        self.store = store
        self.clock = clock
        self.rng = rng
        self.images = images
        self.rates = rates  # workload -> requests a second
        self.recorder = Recorder(store, clock, rng)
        self.strains = Strains()
        self.wake: Callable[[str, str, str], None] = lambda controller, namespace, name: None
        self.children: dict[str, dict[tuple[str, str], Object]] = {}  # owner's uid -> (kind, name) -> object
        self.autoscalers: dict[str, Any] = {}  # uid of a HorizontalPodAutoscaler -> what it remembers
        self.evictions: dict[str, float] = {}  # uid of a Pod that must leave its node -> virtual seconds when
        self.refusals: dict[str, int] = {}  # uid of a workload -> Pods that it was refused in a row
        self.orphaned: dict[str, float] = {}  # node that is gone but has Pods -> virtual seconds when they go
        self.settled: dict[tuple[str, str], tuple[tuple[Object, ...], float]] = {}  # Deployments: see deployment.py
        self._looked: dict[tuple[str, str, str], float] = {}

    def __getstate__(self) -> Object:
        families = Copied({uid: family for uid, family in self.children.items() if family}, depth=2)
        shared = {"images": Shared(self.images), "rates": Shared(self.rates), "settled": Copied(self.settled, {})}
        return {**vars(self), "children": families, **shared}

    def wake_after(self, seconds: float, controller: str, namespace: str, name: str) -> None:
        """Wakes later; a second wish for the same moment is one wish."""
        key, due = (controller, namespace, name), round(self.clock.elapsed + seconds, 3)
        if self._looked.get(key) == due:
            return
        self._looked[key] = due
        self.clock.after(seconds, lambda: self.wake(controller, namespace, name))

    def keep_family(self, type_: str, item: Object) -> None:
        """Keeps ``children`` as the store is: to be called first of all for every change."""
        meta = item["metadata"]
        for ref in meta.get("ownerReferences", ()):
            if ref.get("controller"):
                family = self.children.setdefault(ref["uid"], {})
                if type_ == "DELETED":
                    family.pop((item["kind"], meta["name"]), None)
                else:
                    family[item["kind"], meta["name"]] = item

    def put_status(self, obj: Object, status: Object, manager: str = "") -> Object:
        """Writes the status when it differs; returns what is stored now. ``manager``: who writes it, where that is
        not who usually does for such an object."""
        if obj.get("status") == status:
            return obj
        return self.store.update({**obj, "status": status}, status=True)


def seconds_since(world: World, stamp: str) -> float:
    """Virtual seconds since an API time stamp."""
    return (world.clock.now - datetime.fromisoformat(stamp)).total_seconds()
