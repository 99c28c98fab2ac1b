# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes what the inner run does as JSON lines, and ends it when a module is not allowed."""

from __future__ import annotations

DOCUMENTATION = r"""
name: events
type: stdout
short_description: Events of a run as JSON lines, for e2ereme.remediate
version_added: 0.1.0
author:
  - the e2ereme.remediate authors (!UNKNOWN)
description:
  - Used by the action M(e2ereme.remediate.remediate) for the playbooks that it runs; of no use by itself.
  - Writes one JSON object a line to the file descriptor that E(E2EREME_EVENTS_FD) names.
  - Ends the process before a task starts whose module is not among those that E(E2EREME_MODULES) lists.
    The gate has refused such a playbook before; this is the second lock.
"""

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

from ..plugin_utils.runner_events import difference, message


class CallbackModule(CallbackBase):
    """Events: start (name, module), result (name, module, status, message, seconds, diff), refused (module)."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "e2ereme.remediate.events"

    def __init__(self) -> None:
        super().__init__()
        self._events = int(os.environ.get("E2EREME_EVENTS_FD", "1"))
        self._allowed = frozenset(os.environ.get("E2EREME_MODULES", "").split(","))
        self._started = 0.0

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        if task.resolved_action not in self._allowed:
            self._emit(event="refused", module=str(task.resolved_action or task.action))
            os._exit(5)
        self._started = time.monotonic()
        self._emit(event="start", name=task.get_name(), module=task.resolved_action)

    def v2_runner_on_ok(self, result: Any) -> None:
        self._report(result, "changed" if result.result.get("changed") else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._report(result, "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._report(result, "skipped")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._report(result, "unreachable")

    def _report(self, result: Any, status: str) -> None:
        data = result.result
        self._emit(
            event="result",
            name=result.task.get_name(),
            module=result.task.resolved_action,
            status=status,
            message=message(data, status),
            seconds=round(time.monotonic() - self._started, 3),
            diff=difference(data.get("diff")),
        )

    def _emit(self, **event: Any) -> None:
        os.write(self._events, json.dumps(event, default=str).encode() + b"\n")
