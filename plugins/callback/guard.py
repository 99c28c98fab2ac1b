# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ends a run before a module starts that is not allowed."""

from __future__ import annotations

DOCUMENTATION = r"""
name: guard
type: aggregate
short_description: Ends a run before a module starts that is not allowed, for e2ereme.remediate
version_added: 0.1.0
author:
  - the e2ereme.remediate authors (!UNKNOWN)
description:
  - Used by the action M(e2ereme.remediate.remediate) where it runs playbooks through ansible-runner, which
    brings a stdout callback of its own; of no use by itself.
  - Ends the process before a task starts whose module is not among those that E(E2EREME_MODULES) lists.
requirements:
  - to be enabled in the configuration
"""

import os
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """The second lock; the gate is the first."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "e2ereme.remediate.guard"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        if task.resolved_action not in frozenset(os.environ.get("E2EREME_MODULES", "").split(",")):
            os._exit(5)
