# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The system that a command is told to take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plugins.module_utils.errors import InputError

if TYPE_CHECKING:
    from ..sandbox.systems import System

NAMES = "shop, simple-micro, online-boutique, train-ticket, a number: the random system of that seed, large-NUMBER"
"""For help texts, which must not wait until every system is imported."""


def system_of(name: str) -> System:
    """The system of that name. Raises InputError."""
    from ..sandbox.systems import SystemUnknown, choose

    try:
        return choose(name)
    except SystemUnknown as error:
        raise InputError(f"There is no system {name!r}.", f"Say {NAMES}.") from error
