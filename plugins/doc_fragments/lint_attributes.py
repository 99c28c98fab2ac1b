# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the lint action supports."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of e2ereme.remediate.lint."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: none
  bypass_host_loop:
    description: Runs once for all hosts of the play.
    support: full
  action:
    description: Has a corresponding action plugin, which does all of the work on the controller.
    support: full
  async:
    description: Supports being used with the C(async) keyword.
    support: none
"""
