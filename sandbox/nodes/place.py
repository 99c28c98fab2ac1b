"""A running container, as a command in it sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..controllers.world import World
from .files import Files, path_from
from .references import MissingReference, environment
from .run import ContainerRun, PodRun

Object = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """``given``: its standard input. ``set_``: variables of the shell that started it."""

    world: World
    run: PodRun
    item: ContainerRun
    pod: Object
    files: Files
    given: str = ""
    folder: str = "/"
    set_: dict[str, str] = field(default_factory=dict)

    def at(self, path: str) -> str:
        return path_from(self.folder, path)

    @property
    def variables(self) -> dict[str, str]:
        try:
            told = environment(self.world, self.pod, self.item.spec)
        except MissingReference:  # gone since it started; what it was started with is not kept
            told = {}
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "HOSTNAME": self.run.name, **told, "HOME": "/root", **self.set_}


def place_in(world: World, run: PodRun, item: ContainerRun) -> Place:
    pod = world.store.get("Pod", run.namespace, run.name) or {}
    folder = str(item.spec.get("workingDir") or "/")
    return Place(world, run, item, pod, Files(world, run, item, pod), folder=folder)
