"""One experiment, taken step by step to what it asks for: phases, records, conditions, finalizer, Events."""

from __future__ import annotations

import itertools
import json
import random
from datetime import datetime
from typing import Any

from ..controllers.world import World
from .deeds import Deed, DeedFailed, Kill
from .definitions import FOLLOWED
from .quantities import seconds
from .selecting import NothingSelected, choose, ids, matching

Object = dict[str, Any]

FINALIZER = "chaos-mesh/records"
PAUSED = "experiment.chaos-mesh.org/pause"
FORCED = "chaos-mesh.chaos-mesh.org/cleanFinalizer"
_NOT_INJECTED, _INJECTING, _INJECTED = "Not Injected", "Not Injected/Wait", "Injected"
IN_ONE_STROKE = ("pod-kill", "container-kill")
_BY_CONTAINER = ("StressChaos", "IOChaos")
_NEVER = float("inf")
_KEPT_EVENTS = 100
_LONGEST_PATIENCE = 60.0


class Experiment:
    """A stored chaos object, read now. ``step`` does what is due and returns in how many seconds to look again."""

    def __init__(self, world: World, kill: Kill, stored: Object) -> None:
        self._world, self._kill, self._stored = world, kill, stored
        self._object: Object = json.loads(json.dumps(stored))
        self._meta, self._spec = self._object["metadata"], self._object["spec"]
        self._status = self._object.setdefault("status", {})
        self._progress: Object = self._status.setdefault("experiment", {})
        self._notes = self._meta.get("annotations") or {}
        self._deleted = "deletionTimestamp" in self._meta

    @property
    def follows(self) -> bool:
        return self._notes.get(FOLLOWED) == "true"

    def step(self) -> float:
        """Infinity when nothing is due before somebody changes the experiment or a Pod."""
        finalizers = self._meta.setdefault("finalizers", [])
        if not self._deleted and FINALIZER not in finalizers:
            self._event("FinalizerInited", "Finalizer has been inited")
            finalizers.append(FINALIZER)
        phase, (reason, message), left = self._wanted()
        if self._progress.get("desiredPhase") != phase:
            self._progress["desiredPhase"] = phase
            self._event(reason, message)
            if phase == "Run" and not self._records:
                self._select()
        if phase == "Run" and self.follows:
            self._follow()
        operation, goal = ("Apply", _INJECTED) if phase == "Run" else ("Recover", _NOT_INJECTED)
        for record in self._records:
            if record["phase"] != goal and self._patience(record, operation) <= 0:
                record["phase"] = _INJECTING if record["phase"] == _NOT_INJECTED else record["phase"]
                self._move(record, operation)
        self._conclude(finalizers)
        waits = [self._patience(record, operation) for record in self._records if record["phase"] != goal]
        return min([left, *(max(0.0, wait) for wait in waits)])

    def release(self) -> None:
        """It is gone without having waited for us: what it did is taken back all the same."""
        for record in self._records:
            if record["phase"] != _NOT_INJECTED:
                Deed(self._world, self._kill, self._object, record).recover()

    @property
    def _records(self) -> list[Object]:
        found: list[Object] = self._progress.get("containerRecords", [])
        return found

    def _wanted(self) -> tuple[str, tuple[str, str], float]:
        """The phase that it should be in, why, and for how many more seconds at most."""
        if self._deleted:
            return "Stop", ("Deleted", "Experiment has been deleted"), _NEVER
        left = _NEVER
        if self._spec.get("action") not in IN_ONE_STROKE:
            if self._spec.get("duration"):
                began = datetime.fromisoformat(self._meta["creationTimestamp"])
                left = (began - self._world.clock.now).total_seconds() + seconds(self._spec["duration"])
            if left <= 0:
                return "Stop", ("TimeUp", "Time up according to the duration"), _NEVER
            if self._notes.get(PAUSED) == "true":
                return "Stop", ("Paused", "Experiment has been paused"), left
        return "Run", ("Started", "Experiment has started"), left

    # Whom it hits

    def _groups(self) -> dict[str, Object]:
        target = self._spec.get("target")
        return {".": self._spec, **({".Target": target} if target else {})}

    def _ids(self, pod: Object) -> list[str]:
        by_container = self._object["kind"] in _BY_CONTAINER or self._spec.get("action") == "container-kill"
        return list(ids(pod, by_container, self._spec.get("containerNames") or []))

    def _select(self) -> None:
        """Chooses the targets. As in Chaos Mesh, there is no second try."""
        rng = random.Random(self._meta["uid"])
        try:
            self._progress["containerRecords"] = [
                _record(identity, key)
                for key, group in self._groups().items()
                for pod in choose(self._world.store, group, self._meta["namespace"], rng)
                for identity in self._ids(pod)
            ]
        except NothingSelected as error:
            self._event("Failed", f"Failed to select targets: {error}", "Warning")

    def _follow(self) -> None:
        """Pods that have come since are targets too, and containers that lost their strain get it again."""
        known = {(record["selectorKey"], record["id"]) for record in self._records}
        kept = [record for record in self._records if self._exists(record)]
        for key, group in self._groups().items():
            for pod in matching(self._world.store, group["selector"], self._meta["namespace"]):
                if "deletionTimestamp" not in pod["metadata"] and pod.get("status", {}).get("podIP"):
                    kept += [_record(identity, key) for identity in self._ids(pod) if (key, identity) not in known]
        self._progress["containerRecords"] = kept
        for record in kept:
            if record["phase"] == _INJECTED and Deed(self._world, self._kill, self._object, record).lost():
                record["phase"] = _NOT_INJECTED

    def _exists(self, record: Object) -> bool:
        space, name = record["id"].split("/")[:2]
        return self._world.store.get("Pod", space, name) is not None

    # What it does

    def _move(self, record: Object, operation: str) -> None:
        """Injects ("Apply") or recovers ("Recover") one record."""
        deed = Deed(self._world, self._kill, self._object, record)
        done = {"operation": operation, "timestamp": self._world.clock.stamp(), "type": "Succeeded"}
        try:
            if operation == "Apply":
                deed.apply()
            else:
                deed.recover()
        except DeedFailed as error:
            done = {**done, "type": "Failed", "message": str(error)}
            self._event("Failed", f"Failed to {operation.lower()} chaos: {error}", "Warning")
            record["phase"] = _NOT_INJECTED
        else:
            injects = operation == "Apply"
            record["phase"] = _INJECTED if injects else _NOT_INJECTED
            record["injectedCount" if injects else "recoveredCount"] += 1
            verb = "Applied" if injects else "Recovered"
            self._event(verb, f"Successfully {operation.lower()} chaos for {record['id']}")
        record["events"] = [*record.get("events", []), done][-_KEPT_EVENTS:]

    def _patience(self, record: Object, operation: str) -> float:
        """Seconds to leave a record alone: the longer, the more often the operation has failed."""
        failed = list(
            itertools.takewhile(
                lambda event: (event["type"], event["operation"]) == ("Failed", operation),
                reversed(record.get("events", [])),
            )
        )
        if not failed:
            return 0.0
        since = (self._world.clock.now - datetime.fromisoformat(failed[0]["timestamp"])).total_seconds()
        return float(min(2 ** len(failed), _LONGEST_PATIENCE)) - since

    # What it tells

    def _conclude(self, finalizers: list[str]) -> None:
        phases = {record["phase"] for record in self._records}
        conditions = {
            "Selected": bool(phases),
            "AllInjected": phases == {_INJECTED},
            "AllRecovered": phases == {_NOT_INJECTED},
            "Paused": self._notes.get(PAUSED) == "true",
        }
        self._status["conditions"] = [{"type": name, "status": str(holds)} for name, holds in conditions.items()]
        recovered = phases <= {_NOT_INJECTED} or self._notes.get(FORCED) == "forced"
        if self._deleted and FINALIZER in finalizers and recovered:
            self._event("FinalizerInited", "Finalizer has been removed")  # the reason that Chaos Mesh gives
            finalizers.remove(FINALIZER)
        if not finalizers:
            del self._meta["finalizers"]
        if self._object != self._stored:
            self._world.store.update(self._object)

    def _event(self, reason: str, message: str, kind: str = "Normal") -> None:
        self._world.recorder.event(self._stored, kind, reason, message, "chaos-mesh")


def _record(identity: str, key: str) -> Object:
    return {"id": identity, "selectorKey": key, "phase": _NOT_INJECTED, "injectedCount": 0, "recoveredCount": 0}
