# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A playbook that somebody wrote, through the gate and ansible-lint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..module_utils.cluster import Cluster
from ..module_utils.connect import KubernetesTransport
from ..module_utils.errors import InputError
from ..module_utils.evidence import Inventory, ObjectRef
from ..module_utils.reading import read
from .gate import gate
from .lint import NOT_INSTALLED, PASSED, stop_lint
from .playbook import Finding, Playbook
from .policy import load_policy

_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Checked:
    """``playbook`` is our own writing of it, empty where there are findings; ``unchecked`` says what was left out."""

    findings: tuple[Finding, ...]
    playbook: str = ""
    touches: tuple[ObjectRef, ...] = ()
    lint: str = ""
    unchecked: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """One line."""
        if not self.findings:
            left = f"; not checked: {'; '.join(self.unchecked)}" if self.unchecked else ""
            return f"no findings{left}"
        first = self.findings[0]
        more = f"; and {len(self.findings) - 1} more" if len(self.findings) > 1 else ""
        return f"line {first.line}: {first.what} ({first.rule}, {first.where}){more}"


def check_playbook(
    given: str, namespace: str, policy: str | None = None, connection: Mapping[str, Any] | None = None
) -> Checked:
    """The Findings on a playbook, given as a path or as text; without ``connection`` no cluster is read.

    Raises InputError for what is neither, ClusterError where the namespace cannot be read.
    """
    text = _text(given)
    rules = load_policy(policy)
    inventory: Inventory | None = None
    unchecked: list[str] = []
    if connection is not None:
        inventory, _ = read(Cluster(KubernetesTransport(connection)), namespace)
        unchecked += inventory.unseen
    else:
        unchecked.append("names, images, revisions and what is taken away, since no cluster was read")
    try:
        found = gate(text, inventory, rules, namespace)
    finally:
        stop_lint()
    if not isinstance(found, Playbook):
        return Checked(found, unchecked=tuple(unchecked))
    if found.lint != PASSED:
        unchecked.append(f"ansible-lint: {found.lint or NOT_INSTALLED}")
    return Checked((), found.text, found.touches, found.lint, tuple(unchecked))


def _text(given: str) -> str:
    """A single line names a file, anything else is the playbook itself."""
    if "\n" in given.strip():
        return given
    path = Path(os.path.expanduser(given.strip()))
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"The playbook {path} is larger than 1 MB.", "Is it the right file?")
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"The playbook {path} is not UTF-8 at byte {error.start}.", "Save it as UTF-8.") from error
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(f"The playbook {given.strip()[:200]!r} cannot be read ({said}).", "Check the path.") from error
