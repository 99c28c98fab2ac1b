# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules that only look at a cluster support."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of e2ereme.remediate.probe and verify."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - python >= 3.11 on the host of the task
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: none
notes:
  - A kubeconfig with certificates or a token needs no Python package but C(PyYAML) on the host of the task; any other
    way of connecting needs C(kubernetes).
"""
