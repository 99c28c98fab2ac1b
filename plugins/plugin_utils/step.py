# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the model says next."""

from __future__ import annotations

from dataclasses import dataclass

from ..module_utils.evidence import ObjectRef


@dataclass(frozen=True)
class ProbeStep:
    """Look more closely at these objects."""

    targets: tuple[ObjectRef, ...]
    cites: tuple[str, ...] = ()
    diagnosis: str = ""


@dataclass(frozen=True)
class PlaybookStep:
    """Change something: ``text`` is the YAML that the model wrote, not yet gated."""

    text: str
    cites: tuple[str, ...] = ()
    diagnosis: str = ""


@dataclass(frozen=True)
class EscalateStep:
    """Hand over to a person."""

    reason: str
    cites: tuple[str, ...] = ()
    diagnosis: str = ""


@dataclass(frozen=True)
class UnreadableStep:
    """No Step at all: the answer is not in the format, and why. Possible where no grammar holds the model."""

    why: str
    cites: tuple[str, ...] = ()
    diagnosis: str = ""


Step = ProbeStep | PlaybookStep | EscalateStep | UnreadableStep


@dataclass(frozen=True)
class Answer:
    """A Step and what it cost. ``bits``: the choice it took under the grammar (None: no grammar)."""

    step: Step
    text: str
    tokens_in: int
    tokens_out: int
    seconds: float
    bits: float | None = None
