# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which model is asked, and where it runs."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of whatever asks the model."""

    DOCUMENTATION = r"""
options:
  model:
    description:
      - V(default) is the adapter that the collection ships, V(none) the untuned base, a path another adapter;
        each runs in a local worker that outlives the task.
      - An C(http) or C(https) address names a server that speaks the OpenAI protocol, such as vLLM.
    type: str
    default: default
  model_name:
    description: The name of the model on a server.
    type: str
    default: e2ereme
  model_api_key:
    description: The key for a server.
    type: str
  model_python:
    description: The Python interpreter that has torch and transformers. By default the one that runs Ansible.
    type: path
"""
