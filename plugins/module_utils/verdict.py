# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What verify finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One measured value beside its bound, for instance ``ready Pods``, ``2``, ``2``."""

    name: str
    subject: str
    passed: bool
    measured: str
    bound: str
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """Healthy or not, and how long that was watched. ``unseen``: what could not be checked."""

    healthy: bool
    checks: tuple[Check, ...]
    held_seconds: float  # API-server time for which it held
    worse: tuple[str, ...] = ()  # what was healthy before and is not now
    unseen: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)
