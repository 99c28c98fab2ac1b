# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gives the text of a checked playbook for a report. Its work is done in plugin_utils/drafting.py."""

from __future__ import annotations

DOCUMENTATION = r"""
name: playbook
short_description: A checked playbook that would repair what a report describes
version_added: 0.1.0
author:
  - the e2ereme.remediate authors (!UNKNOWN)
description:
  - Looks at the cluster, has the local model write a playbook, and gives its text once it passes the gate and
    the policy. The text needs nothing of this collection to run.
  - Changes nothing and asks for no dry run; M(e2ereme.remediate.remediate) in mode V(plan) does that too.
  - Ansible evaluates a lookup each time it meets it. Within one run the same question has one answer, whichever
    host asks; in later runs too, as long as the Evidence says the same, for O(cache_seconds).
  - Where nothing is to be repaired, or a person must act, it fails with the outcome and the reason.
options:
  _terms:
    description: The report, as for M(e2ereme.remediate.remediate). Several reports give several playbooks.
    required: true
    type: list
    elements: raw
  namespace:
    description: The namespace of the failing service. Needed where the report does not say it.
    type: str
  policy:
    description: A policy file, laid over the built-in policy.
    type: path
  attempts:
    description: How many playbooks may be written until one passes.
    type: int
    default: 3
  seconds:
    description: After how many seconds no further one is begun.
    type: float
    default: 120.0
  cache_seconds:
    description:
      - For how long an answer is kept for later runs, in C($XDG_CACHE_HOME/e2ereme/drafts), which only its owner reads.
      - V(0) keeps none, so that each evaluation asks the model anew.
    type: float
    default: 600.0
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - e2ereme.remediate.model_options
seealso:
  - module: e2ereme.remediate.remediate
"""

EXAMPLES = r"""
- name: Keep what would be run for a review
  ansible.builtin.copy:
    content: "{{ lookup('e2ereme.remediate.playbook', 'alert.json') }}"
    dest: proposed.yml
    mode: "0600"

- name: Show it for an alert that came as a variable
  ansible.builtin.debug:
    msg: "{{ lookup('e2ereme.remediate.playbook', alert, namespace='shop', kubeconfig='~/.kube/shop') }}"
"""

RETURN = r"""
_raw:
  description: The text of each playbook.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ...model.opening import model_key, opened
from ..module_utils.connection_arguments import CONNECTION
from ..module_utils.errors import RemediateError
from ..plugin_utils.drafting import Question, answer

display = Display()
_MODEL = ("model", "model_name", "model_api_key", "model_python")


class LookupModule(LookupBase):
    """Converts terms and options into Questions, and Drafts into texts."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        given = self.get_options()
        model = {name: given[name] for name in _MODEL}
        texts = []
        for term in terms:
            asked = Question(
                report=term,
                namespace=given["namespace"],
                policy=given["policy"],
                attempts=given["attempts"],
                seconds=given["seconds"],
                cache_seconds=given["cache_seconds"],
                connection={name: given[name] for name in CONNECTION if given.get(name) is not None},
                model=model_key(model),
            )
            try:
                found = answer(asked, lambda: opened(model), lambda tell: display.vv(f"{tell.station}: {tell.text}"))
            except RemediateError as error:
                raise AnsibleError(f"broken: {error}") from None  # a cause would be told once more
            if found.outcome != "planned":
                raise AnsibleError(found.message)
            texts.append(found.playbook)
        return texts
