# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Images: a repair may change a tag, not bring in a repository that the namespace does not use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from ..module_utils.evidence import Inventory
from .argspec import Objection
from .changes import Change
from .fieldpaths import Path, below
from .policy import Policy

_TEMPLATE = ("spec", "template", "spec")
_POD_SPECS: Mapping[str, Path] = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", *_TEMPLATE),
    **dict.fromkeys(("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"), _TEMPLATE),
    "ControllerRevision": ("data", *_TEMPLATE),
}


def check_images(change: Change, inventory: Inventory, policy: Policy) -> Iterator[Objection]:
    """Images of repositories that the policy does not allow."""
    images = [leaf for leaf in change.leaves if leaf.path[-1] == "image" and not leaf.removed]
    known = known_repositories(inventory) if images and "@known" in policy.images else frozenset()
    for leaf in images:
        repository = repository_of(leaf.value) if isinstance(leaf.value, str) else ""
        if repository not in known and not any(fnmatchcase(repository, entry) for entry in policy.images):
            what = f"the image {leaf.value!r} is from a repository that {inventory.namespace} does not use"
            yield "names.image", leaf.where, what


def known_repositories(inventory: Inventory) -> frozenset[str]:
    """The repositories of all images in the Inventory, those of old revisions included."""
    found: set[str] = set()
    for kind, path in _POD_SPECS.items():
        for item in inventory.of(kind):
            spec = below(item, path)
            for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
                found.add(repository_of(str(container.get("image", ""))))
    return frozenset(found - {""})


def repository_of(image: str) -> str:
    """registry/path of an image, without tag and digest."""
    head = image.partition("@")[0]
    name, colon, tag = head.rpartition(":")
    return name if colon and "/" not in tag else head
