# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of every object that a run may touch."""

from __future__ import annotations

from dataclasses import dataclass

from ..module_utils.evidence import Manifest, ObjectRef


@dataclass(frozen=True)
class Saved:
    """One object before the run; ``manifest`` is None when it was not there."""

    ref: ObjectRef
    manifest: Manifest | None


@dataclass(frozen=True)
class Snapshot:
    """Taken right before a run, in API-server time."""

    time: str
    objects: tuple[Saved, ...]
