# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What modules that run on the host of the task need there."""

from __future__ import annotations


class ModuleDocFragment:
    """Requirements of e2ereme.remediate.probe and verify."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - python >= 3.11 on the host of the task
notes:
  - A kubeconfig with certificates or a token needs no Python package but C(PyYAML) on the host of the task; any other
    way of connecting needs C(kubernetes).
"""
