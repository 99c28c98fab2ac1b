"""The same Scene again, as often as one likes: staged once, cloned for each try."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..sandbox import faults
from ..sandbox.freezing import Mould
from .cases import Scene
from .site import SandboxSite


def again(scene: Scene) -> Scene:
    """A Scene on a sandbox as it is now; what happens on one does not show on the other. Only for sandboxes."""
    return many(scene)()


def many(scene: Scene) -> Callable[[], Scene]:
    """What gives the Scene as it is now each time that it is called: for many tries, twice as fast as ``again``."""
    # What is still to come belongs to the cluster as well as to the Scene: both are cloned at once.
    mould = Mould((scene.sandbox, scene.unfolding))

    def made() -> Scene:
        sandbox, unfolding = mould.cast()
        transport, injected = sandbox.transport(), scene.injected
        charge = scene.charge
        if unfolding is not None:
            charge = replace(charge, shows=unfolding.confirm)
        elif injected is not None:
            charge = replace(charge, shows=lambda: faults.confirm(transport, injected))
        return replace(scene, sandbox=sandbox, site=SandboxSite(sandbox), charge=charge, unfolding=unfolding)

    return made
