"""A Schedule of Chaos Mesh: an experiment each time that it says so, one at a time or not, and how many are kept."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from ..api.schedule import BadSchedule, parse
from ..api.status import StatusError
from ..controllers.world import World
from .definitions import GROUP, KINDS, VERSION
from .experiment import IN_ONE_STROKE, PAUSED

Object = dict[str, Any]

KIND = "Schedule"
MANAGED = "managed-by"
_COMPONENT = "chaos-mesh"
_NEVER = float("inf")
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_FIELDS = {"PodChaos": "podChaos", "StressChaos": "stressChaos", "NetworkChaos": "networkChaos", "IOChaos": "ioChaos"}


def owner_of(item: Object) -> str:
    """The name of the Schedule that made an experiment; empty where none did."""
    owners = item["metadata"].get("ownerReferences") or ()
    return next((str(owner["name"]) for owner in owners if owner["kind"] == KIND), "")


class Scheduled:
    """A stored Schedule, read now. ``step`` does what is due and returns in how many seconds to look again."""

    def __init__(self, world: World, stored: Object) -> None:
        self._world, self._stored = world, stored
        self._meta, self._spec = stored["metadata"], stored["spec"]
        self._status = dict(stored.get("status") or {})

    def step(self) -> float:
        """Infinity when nothing is due before somebody changes the Schedule or one of its experiments."""
        if "deletionTimestamp" in self._meta:
            return _NEVER
        said = (self._meta.get("annotations") or {}).get(PAUSED)
        if said is not None:
            self._pause(said == "true")
        self._tidy()
        wait = _NEVER if said == "true" else self._spawn()
        self._conclude()
        return wait

    def _children(self) -> list[Object]:
        """Its experiments, the oldest first."""
        world, kind = self._world, f"{self._spec.get('type')}.{GROUP}"
        if kind not in world.store.registry.stored:
            return []
        mine = [
            item
            for item in world.store.list(kind, self._meta["namespace"])
            if any(owner["uid"] == self._meta["uid"] for owner in item["metadata"].get("ownerReferences") or ())
        ]
        return sorted(mine, key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["name"]))

    def _pause(self, paused: bool) -> None:
        """Its experiments rest while it does."""
        for child in self._children():
            old = child["metadata"].get("annotations") or {}
            notes = {key: value for key, value in old.items() if key != PAUSED}
            notes = {**notes, PAUSED: "true"} if paused else notes
            if not _over(child) and notes != old:
                self._world.store.update({**child, "metadata": {**child["metadata"], "annotations": notes}})

    def _tidy(self) -> None:
        """Deletes the oldest that are over, beyond ``historyLimit``."""
        over = [child for child in self._children() if _over(child) and "deletionTimestamp" not in child["metadata"]]
        for child in over[: max(0, len(over) - int(self._spec.get("historyLimit", 1)))]:
            self._world.store.delete(f"{child['kind']}.{GROUP}", self._meta["namespace"], child["metadata"]["name"])

    def _spawn(self) -> float:
        """Starts what is due. Returns the seconds to the next time."""
        try:
            schedule = parse(self._spec["schedule"])
        except BadSchedule as error:
            self._event("Failed", f"unparseable schedule: {self._spec['schedule']!r}: {error}", "Warning")
            return _NEVER
        now = self._world.clock.now
        since = datetime.fromisoformat(self._status.get("time") or self._meta["creationTimestamp"])
        if self._spec.get("startingDeadlineSeconds") is not None:
            since = max(since, now - timedelta(seconds=int(self._spec["startingDeadlineSeconds"])))
        due, following = None, schedule.after(since)
        while following is not None and following <= now:
            due, following = following, schedule.after(following)
        if due is not None:
            self._status["time"] = due.strftime("%Y-%m-%dT%H:%M:%SZ")
            self._start(self._status["time"])
        return _NEVER if following is None else (following - now).total_seconds()

    def _start(self, due: str) -> None:
        running = [child["metadata"]["name"] for child in self._children() if not _over(child)]
        if running and self._spec.get("concurrencyPolicy", "Forbid") == "Forbid":
            self._event("Forbid", f"Forbid spawning new job because: {running[0]} is still running")
            return
        made = self._experiment(due)
        if made is None:
            self._event("Failed", f"Failed to create: type {self._spec.get('type')} is not to be had", "Warning")
            return
        try:
            name = self._world.store.create(made)["metadata"]["name"]
        except StatusError as error:
            self._event("Failed", f"Failed to create: {error.message}", "Warning")
            return
        self._event("Spawned", f"Create new object: {name}")

    def _experiment(self, due: str) -> Object | None:
        """The one that is due; None where its kind is not defined, or nothing says what it is to do."""
        kind = self._spec.get("type", "")
        spec = self._spec.get(_FIELDS.get(kind, ""))
        if kind not in KINDS or not spec or f"{kind}.{GROUP}" not in self._world.store.registry.stored:
            return None
        rng = random.Random(f"{self._meta['uid']}/{due}")  # nothing of the cluster's own randomness
        owner = {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "name": self._meta["name"], "uid": self._meta["uid"]}
        meta = {
            "name": f"{self._meta['name']}-{''.join(rng.choice(_LETTERS) for _ in range(5))}",
            "namespace": self._meta["namespace"],
            "labels": {MANAGED: self._meta["name"]},
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        }
        return {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": meta, "spec": spec}

    def _conclude(self) -> None:
        active = [
            {"apiVersion": f"{GROUP}/{VERSION}", "kind": child["kind"], "name": child["metadata"]["name"]}
            for child in self._children()
            if not _over(child)
        ]
        status = {key: value for key, value in self._status.items() if key != "active"}
        status = {**status, "active": active} if active else status
        if status != (self._stored.get("status") or {}):
            self._world.store.update({**self._stored, "metadata": dict(self._meta), "status": status})

    def _event(self, reason: str, message: str, kind: str = "Normal") -> None:
        self._world.recorder.event(self._stored, kind, reason, message, _COMPONENT)


def _over(child: Object) -> bool:
    """Whether an experiment has done all that it will do."""
    status = child.get("status", {})
    holds: dict[str, bool] = {item["type"]: item["status"] == "True" for item in status.get("conditions") or ()}
    if child["spec"].get("action") in IN_ONE_STROKE:
        return holds.get("AllInjected", False)
    stopped = status.get("experiment", {}).get("desiredPhase") == "Stop" and not holds.get("Paused", False)
    return bool(stopped and holds.get("AllRecovered", False))
