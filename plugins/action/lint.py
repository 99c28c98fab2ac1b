# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks a playbook, on the controller. Its work is done in plugin_utils/checking.py."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.connection_arguments import CONNECTION, chosen
from ..module_utils.errors import RemediateError
from ..plugin_utils.checking import check_playbook

ARGUMENTS: dict[str, Any] = {
    "playbook": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "policy": {"type": "path"},
    "cluster": {"type": "bool", "default": True},
}


class ActionModule(ActionBase):
    """Converts Ansible's arguments into a question and its answer into a result."""

    BYPASS_HOST_LOOP = True
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS | CONNECTION)
        connection = chosen(given) if given["cluster"] else None
        try:
            checked = check_playbook(given["playbook"], given["namespace"], given["policy"], connection)
        except RemediateError as error:
            return result | {"failed": True, "msg": str(error)}
        return result | {
            "changed": False,
            "failed": bool(checked.findings),
            "msg": checked.in_words,
            "findings": [asdict(finding) for finding in checked.findings],
            "playbook": checked.playbook,
            "touches": [str(ref) for ref in checked.touches],
            "lint": checked.lint,
            "unchecked": list(checked.unchecked),
        }
