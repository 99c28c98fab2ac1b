"""Where requests go: which Pods are behind a Service's port, and whose turn it is."""

from __future__ import annotations

from typing import Any

from ..controllers.endpoints import slices_of
from ..controllers.world import World
from .run import PodRun

Object = dict[str, Any]
Target = tuple[PodRun, int]


class Routes:
    """``turn`` counts the Pods that were picked; ``choices`` those of them that might have been others. ``runs``: Pods
    by their address."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.turn = self.choices = 0
        self.runs: dict[str, PodRun] = {}
        self._moves = 0  # goes up with each address that comes or goes
        self._targets: dict[tuple[str, str, str | None], list[Target]] = {}
        self._targets_of = (-1, -1)  # what they were found by: the version of the last slice, the moves

    def __getstate__(self) -> Object:
        return {**vars(self), "_targets": {}}

    def admit(self, run: PodRun) -> None:
        self.runs[run.ip] = run
        self._moves += 1

    def forget(self, run: PodRun) -> None:
        if self.runs.get(run.ip) is run:
            del self.runs[run.ip]
            self._moves += 1

    def targets(self, service: Object, entry: Object | None) -> list[Target]:
        """The Pods behind a Service's port (without one: behind any), each with the port it is reached on."""
        meta, name = service["metadata"], entry.get("name", "") if entry is not None else None
        known = (self._world.store.changed_at("EndpointSlice"), self._moves)
        if self._targets_of != known:
            self._targets, self._targets_of = {}, known
        place = (meta["namespace"], meta["name"], name)
        if place not in self._targets:
            self._targets[place] = self._found(*place)
        return self._targets[place]

    def pick(self, targets: list[Target]) -> Target:
        self.turn += 1
        self.choices += len(targets) > 1
        return targets[self.turn % len(targets)]

    def _found(self, namespace: str, service: str, name: str | None) -> list[Target]:
        found = []
        for piece in slices_of(self._world, namespace, service):
            ports = [
                item["port"] for item in piece.get("ports") or () if name is None or (item.get("name") or "") == name
            ]
            if not ports:
                continue
            for row in piece["endpoints"] or ():
                run = self.runs.get(row["addresses"][0])
                if run is not None and row["conditions"].get("ready"):
                    found.append((run, ports[0]))
        return found
