"""What a container of a public image does: the command that somebody gave it, as exec would carry it out."""

from __future__ import annotations

from ..api.sessions import CannotStart
from ..controllers.world import World
from ..systems.program import read_settings
from .commands import execute
from .images import is_public, own_command
from .imitation import Life
from .place import place_in
from .run import ContainerRun, PodRun

_UNKNOWN = "executable file not found"  # in any image that is not known
_SOON = 0.1  # seconds that the shortest command takes
_STARTING = 0.3


def as_public(world: World, run: PodRun, item: ContainerRun, life: Life) -> Life:
    """``life``: what it would come to in any image; it stays that where the image is none of these, or where it does
    not start, goes on or is killed anyway."""
    image = str(item.spec["image"])
    unknown = _UNKNOWN in life.refusal
    if not is_public(image) or (life.refusal and not unknown) or life.reason == "OOMKilled":
        return life
    argv = [*(item.spec.get("command") or ()), *(item.spec.get("args") or ())] or list(own_command(image))
    if argv[0].rpartition("/")[2] == "nginx":
        return Life(command="serve", settings=read_settings({"PORT": "80"}), seconds=_STARTING)
    if life.exit_code is None and not unknown:
        return life
    place = place_in(world, run, item)
    try:
        ended = execute(place, argv)
    except CannotStart:
        if item.spec.get("command") or own_command(image) != ("curl",):
            return life
        ended = execute(place, ["curl", *argv])  # the one of these images that has an entrypoint
    log = tuple(("", line) for line in (ended.out + ended.err).splitlines())
    seconds = max(_SOON, ended.seconds)
    return Life(exit_code=ended.code, reason="Error" if ended.code else "Completed", seconds=seconds, log=log)
