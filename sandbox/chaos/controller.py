"""The controller: looks at an experiment when it changes, when its time is up, and when Pods come or go."""

from __future__ import annotations

from typing import Any

from ..clock import Event
from ..controllers.world import World
from .deeds import Kill
from .definitions import GROUP, KINDS
from .experiment import Experiment
from .schedule import KIND as SCHEDULE
from .schedule import Scheduled, owner_of

Object = dict[str, Any]
Key = tuple[str, str, str]

_SOON = 0.4  # seconds until the controller and its daemons on the nodes have done something
_NOTICE = 1.5  # seconds until a follower has noticed a new Pod


class Chaos:
    """Works by itself once ``heard`` is told of all changes. ``kill(namespace, pod, container)``: by SIGKILL."""

    def __init__(self, world: World, kill: Kill) -> None:
        self._world, self._kill = world, kill
        self._planned: dict[Key, tuple[float, Event]] = {}
        self._following: dict[Key, None] = {}

    def heard(self, type_: str, old: Object | None, new: Object | None) -> None:
        """A change of the store."""
        item = new or old
        assert item is not None
        kind = item["kind"]
        if kind == "Pod":
            if self._following and self._news(old, item):
                for key in self._following:
                    self._plan(key, _NOTICE)
            return
        if kind not in (*KINDS, SCHEDULE) or not item.get("apiVersion", "").startswith(f"{GROUP}/"):
            return
        meta = item["metadata"]
        key = (f"{kind}.{GROUP}", meta["namespace"], meta["name"])
        if scheduled := owner_of(item):
            self._plan((f"{SCHEDULE}.{GROUP}", meta["namespace"], scheduled), _SOON)
        if kind == SCHEDULE and type_ == "DELETED":
            self._drop(key)
        elif type_ == "DELETED":
            self._following.pop(key, None)
            self._drop(key)
            Experiment(self._world, self._kill, item).release()
        elif type_ == "ADDED" or _asked(old) != _asked(item):
            self._plan(key, _SOON)

    def _look(self, key: Key) -> None:
        self._planned.pop(key, None)
        stored = self._world.store.get(*key)
        if stored is None:
            return
        if stored["kind"] == SCHEDULE:
            self._again(key, Scheduled(self._world, stored).step())
            return
        experiment = Experiment(self._world, self._kill, stored)
        if experiment.follows:
            self._following[key] = None
        else:
            self._following.pop(key, None)
        self._again(key, experiment.step())

    def _again(self, key: Key, wait: float) -> None:
        if wait < float("inf"):
            self._plan(key, max(wait, _SOON))

    def _plan(self, key: Key, seconds: float) -> None:
        """Looks in ``seconds``, or earlier where that is planned already."""
        due = self._world.clock.elapsed + seconds
        if key in self._planned and self._planned[key][0] <= due:
            return
        self._drop(key)
        self._planned[key] = (due, self._world.clock.after(seconds, lambda: self._look(key)))

    def _drop(self, key: Key) -> None:
        if key in self._planned:
            self._planned.pop(key)[1].cancel()

    @staticmethod
    def _news(old: Object | None, pod: Object) -> bool:
        """Whether a Pod has got its address, or a container another life."""
        return old is None or _lives(old) != _lives(pod)


def _asked(item: Object | None) -> tuple[Any, ...]:
    """What a user says of an experiment."""
    if item is None:
        return ()
    meta = item["metadata"]
    return item.get("spec"), meta.get("annotations"), meta.get("deletionTimestamp")


def _lives(pod: Object) -> tuple[Any, ...]:
    status = pod.get("status", {})
    containers = status.get("containerStatuses") or ()
    return status.get("podIP"), [(item.get("containerID"), sorted(item.get("state", {}))) for item in containers]
