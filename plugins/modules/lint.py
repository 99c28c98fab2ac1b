# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the lint action; all of its code is in plugins/action/lint.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lint
short_description: Check a playbook against the gate, a policy and ansible-lint
version_added: 0.1.0
author:
  - the e2ereme.remediate authors (!UNKNOWN)
description:
  - Puts a playbook through the gate that M(e2ereme.remediate.remediate) puts its model's playbooks through, and reports
    every finding with its line and rule. The rules are listed in C(docs/policy.md).
  - The gate lets little pass, on purpose. One play of tasks with the modules of kubernetes.core that the policy names,
    without templates.
  - With a cluster, what the playbook names is held against what is there. Fails where there is a finding.
  - Works once on the controller. Nothing of the playbook is run.
options:
  playbook:
    description: The playbook, as a path or as its text.
    type: str
    required: true
  namespace:
    description: The namespace that the playbook is meant for.
    type: str
    required: true
  policy:
    description: A policy file, laid over the built-in policy.
    type: path
  cluster:
    description:
      - Whether to read the namespace. Without it, names, images and revisions cannot be checked, nor what a change
        takes away, and the result says so in RV(unchecked).
    type: bool
    default: true
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - e2ereme.remediate.reading_attributes
  - e2ereme.remediate.action_attributes
seealso:
  - module: e2ereme.remediate.remediate
  - plugin: e2ereme.remediate.playbook
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Check a playbook before it is approved
  e2ereme.remediate.lint:
    playbook: proposed.yml
    namespace: shop
    policy: policies/production.yml

- name: Check it in a pipeline that reaches no cluster
  e2ereme.remediate.lint:
    playbook: "{{ lookup('ansible.builtin.file', 'proposed.yml') }}"
    namespace: shop
    cluster: false
"""

RETURN = r"""
findings:
  description: What is wrong with it, in the order of its lines.
  returned: always
  type: list
  elements: dict
  contains:
    line:
      description: The line in the given text, 0 where it has none.
      type: int
    rule:
      description: Which rule objects.
      type: str
    where:
      description: The place in the play.
      type: str
    what:
      description: The objection.
      type: str
  sample: [{"line": 9, "rule": "names.object", "where": "tasks[0]", "what": "there is no Deployment crt; near: cart"}]
playbook:
  description: The text that would be run, our own writing of what was checked; empty where there is a finding.
  returned: always
  type: str
touches:
  description: The objects that it changes.
  returned: always
  type: list
  elements: str
lint:
  description: V(passed), V(not installed), or why ansible-lint could not be run.
  returned: always
  type: str
unchecked:
  description: What could not be checked.
  returned: always
  type: list
  elements: str
"""
