# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A gated Playbook and the Findings that keep one from being gated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..module_utils.evidence import ObjectRef


@dataclass(frozen=True)
class Finding:
    """One objection of the gate. ``line`` is 1-based in the model's text; 0 where there is none."""

    rule: str  # for instance yaml.duplicate-key, task.keyword, args.spec, policy.kind, lint.<rule id>
    where: str  # for instance tasks[0].kubernetes.core.k8s.definition
    what: str
    line: int = 0


@dataclass(frozen=True)
class Playbook:
    """A playbook that passed the gate.

    ``tasks`` is the checked tree, plain YAML types. ``text`` is our own canonical re-emit, the
    only thing that ever runs; ``spelled_out`` are its tasks where they say more than ``tasks`` do.
    ``touches`` names every object that a run can change, ``reads`` those it only looks at.
    """

    tasks: tuple[Mapping[str, Any], ...]
    text: str
    touches: tuple[ObjectRef, ...]
    reads: tuple[ObjectRef, ...] = ()
    lint: str = "passed"  # or: "not installed"
    spelled_out: tuple[Mapping[str, Any], ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical text."""
        import hashlib

        return hashlib.sha256(self.text.encode()).hexdigest()
