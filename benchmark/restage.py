"""The same Scene again, as often as one likes: staged once, cloned for each try."""

from __future__ import annotations

from dataclasses import replace

from ..sandbox import faults
from ..sandbox.freezing import clone
from .cases import Scene
from .site import SandboxSite


def again(scene: Scene) -> Scene:
    """A Scene on a sandbox as it is now; what happens on one does not show on the other. Only for sandboxes."""
    if scene.unfolding is not None:
        return _on_course(scene)
    sandbox = scene.sandbox.clone()
    transport, injected = sandbox.transport(), scene.injected
    charge = scene.charge
    if injected is not None:
        charge = replace(charge, shows=lambda: faults.confirm(transport, injected))
    return replace(scene, sandbox=sandbox, site=SandboxSite(sandbox), charge=charge)


def _on_course(scene: Scene) -> Scene:
    """What is still to come belongs to the cluster as well as to the Scene: both are cloned at once."""
    sandbox, unfolding = clone((scene.sandbox, scene.unfolding))
    charge = replace(scene.charge, shows=unfolding.confirm)
    return replace(scene, sandbox=sandbox, site=SandboxSite(sandbox), charge=charge, unfolding=unfolding)
