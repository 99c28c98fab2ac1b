# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Has a failing service repaired, on the controller, once for all hosts of the play."""

from __future__ import annotations

from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ...model.opening import opened
from ..plugin_utils.conduct import conduct
from ..plugin_utils.options import ARGUMENTS, diff_shown, order, result_of, shown

display = Display()


class ActionModule(ActionBase):
    """Converts Ansible's arguments into an Order and what came of it into a result."""

    BYPASS_HOST_LOOP = True
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        context = self._task
        asked = order(
            arguments,
            check=bool(context.check_mode),
            no_log=bool(context.no_log),
            verbosity=display.verbosity,
            temporary=constants.DEFAULT_LOCAL_TMP,
        )
        colours = {
            "-": constants.COLOR_DIFF_REMOVE,
            "+": constants.COLOR_DIFF_ADD,
            "@": constants.COLOR_DIFF_LINES,
        }
        done = conduct(
            asked, lambda: opened(arguments), lambda tell: shown(display.display, tell, asked.no_log, colours)
        )
        if context.diff and not asked.no_log and done.plan and not asked.check:
            diff_shown(display.display, done, colours)
        return result | result_of(done, check=asked.check, diff=bool(context.diff))
