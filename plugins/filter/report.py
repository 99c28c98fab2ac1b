# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filter that normalises a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.errors import InputError
from ..plugin_utils.report_parse import parse_report


def report(value: Any, namespace: str | None = None) -> Mapping[str, Any]:
    """The Report as a dictionary; ``raw`` is what was given."""
    try:
        return asdict(parse_report(value, namespace))
    except InputError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters of e2ereme.remediate."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name to function."""
        return {"report": report}
