# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What holds for every action of ours: it works on the controller, once."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of actions."""

    DOCUMENTATION = r"""
options: {}
attributes:
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
