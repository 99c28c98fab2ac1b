# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run of a Playbook did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TaskResult:
    """``status`` is ok, changed, failed, skipped or unreachable; ``diff`` is unified text."""

    name: str
    module: str
    status: str
    message: str = ""
    seconds: float = 0.0
    diff: str = ""


@dataclass(frozen=True)
class RunResult:
    """``rc`` as ansible-playbook's; ``stopped`` says why it was cut short (timeout, cancelled) or is empty."""

    rc: int
    tasks: tuple[TaskResult, ...]
    seconds: float
    stopped: str = ""

    @property
    def ok(self) -> bool:
        """All tasks ran and none failed."""
        return self.rc == 0 and not self.stopped
