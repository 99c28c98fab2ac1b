"""The volumes of a Pod, as its scheduler sees them: bound ones tie it to nodes, others wait for its node."""

from __future__ import annotations

from typing import Any

from ..controllers.volumes import SELECTED_NODE, binds_late, can_provision, fitting_volume, reaches
from ..controllers.world import World

Object = dict[str, Any]


def claims_of(world: World, pod: Object) -> tuple[list[Object], str]:
    """The claims that the Pod uses, and why it cannot be placed anywhere for their sake."""
    claims = []
    for volume in pod["spec"].get("volumes", ()):
        named = volume.get("persistentVolumeClaim")
        if named is None:
            continue
        found = world.store.get("PersistentVolumeClaim", pod["metadata"]["namespace"], named["claimName"])
        if found is None:
            return [], f'persistentvolumeclaim "{named["claimName"]}" not found'
        if not _is_bound(found) and not binds_late(world, found):
            return [], "pod has unbound immediate PersistentVolumeClaims"
        claims.append(found)
    return claims, ""


def why_no_volume(world: World, claims: list[Object], node: Object) -> str:
    """Why a node cannot have the Pod's volumes; empty when it can."""
    labels = node["metadata"].get("labels", {})
    for claim in claims:
        if _is_bound(claim):
            volume = world.store.get("PersistentVolume", "", claim["spec"].get("volumeName", ""))
            if volume is not None and not reaches(volume, labels):
                return "node(s) had volume node affinity conflict"
        elif not can_provision(world, claim) and fitting_volume(world, claim, labels) is None:
            return "node(s) didn't find available persistent volumes to bind"
    return ""


def choose_node(world: World, claims: list[Object], node: str) -> bool:
    """Tells claims that wait where their volume is to be. Whether any did."""
    waiting = [claim for claim in claims if not _is_bound(claim)]
    for claim in waiting:
        meta = claim["metadata"]
        notes = {**(meta.get("annotations") or {}), SELECTED_NODE: node}
        world.store.update({**claim, "metadata": {**meta, "annotations": notes}})
    return bool(waiting)


def _is_bound(claim: Object) -> bool:
    return bool(claim.get("status", {}).get("phase") == "Bound")
