# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes argspecs.json: what the kubernetes.core modules themselves declare.

Their documentation lacks mutually_exclusive and the like, so the real call of AnsibleModule is
caught. Run it after changing the version of kubernetes.core:

    python -m ansible_collections.e2ereme.remediate.plugins.plugin_utils.argspec_capture
"""

from __future__ import annotations

import json
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

MODULES = ("k8s", "k8s_info", "k8s_json_patch", "k8s_rollback", "k8s_scale")
TARGET = Path(__file__).with_name("argspecs.json")
_RULES = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")


class _Caught(Exception):
    pass


def capture() -> dict[str, Any]:
    """Module name to its declaration, as JSON types."""
    found: dict[str, Any] = {}
    for name in MODULES:
        module = import_module(f"ansible_collections.kubernetes.core.plugins.modules.{name}")
        target = "ansible.module_utils.basic.AnsibleModule.__init__"
        with mock.patch(target, side_effect=_Caught) as init, suppress(_Caught):
            module.main()
        declared = init.call_args.kwargs
        rules = {rule: declared[rule] for rule in _RULES if declared.get(rule)}
        found[f"kubernetes.core.{name}"] = {"argument_spec": _plain(declared["argument_spec"]), **_plain(rules)}
    return found


def _plain(value: Any) -> Any:
    """JSON types only. A type that is a function (k8s: list, dict or string) becomes raw; the gate is stricter."""
    if isinstance(value, dict):
        return {key: "raw" if key == "type" and callable(item) else _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def render(specs: dict[str, Any]) -> str:
    """The text of argspecs.json."""
    return json.dumps(specs, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    TARGET.write_text(render(capture()))
