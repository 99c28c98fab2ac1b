# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the remediate action; all of its code is in plugins/action/remediate.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: remediate
short_description: Repair a failing Kubernetes service from a report, verified
version_added: 0.1.0
author:
  - the e2ereme.remediate authors (!UNKNOWN)
description:
  - Takes a report of a failing service, looks at the cluster, has a small local language model write an
    Ansible playbook, checks that playbook against a policy, runs it, and verifies on the cluster that the
    service is healthy again.
  - A change that does not verify is undone, and the next attempt knows why it failed. When the model or a
    guard finds that a person must act, the task fails with the outcome V(escalated) and says what was learnt.
  - Works once on the controller, whatever hosts the play has.
options:
  report:
    description:
      - What is wrong. A path to a file (relative to the current directory), inline text, JSON, or a structure.
      - Known formats are plain text, Alertmanager v4 webhooks, k8sgpt's JSON, and JSON or YAML with the keys
        C(summary), C(namespace), C(suspects) and C(severity).
      - Text from outside that is given inline should be marked C(!unsafe), or Ansible evaluates what looks
        like a template in it. A file is never evaluated.
      - One of O(report), O(apply) and O(undo) must be given.
    type: raw
  apply:
    description:
      - A Plan to apply, as the path of its C(plan.json) or of its folder. The model is not asked.
      - Goes the way of every repair (Lease, kill switch, Snapshot, run, verification, undo). Ends V(refused) when the
        policy, the cluster, the playbook or an object that it touches has changed since the Plan was made, when the
        Plan has expired, and when it was applied before. See C(docs/plan.md).
    type: path
  undo:
    description:
      - The folder of an Episode, or its Plan, whose changes are taken back, each field that it changed.
      - Ends V(refused) when another hand changed the same fields since, unless O(force=true).
      - Ends V(healthy) when there is nothing to take back.
    type: path
  approved:
    description:
      - The digest of the Plan that was approved, whole or at least its first 12 characters.
      - O(apply) refuses another Plan.
    type: str
    default: ""
  force:
    description:
      - Let O(undo) take back also what another hand changed since.
      - Let O(report) be taken up although it was given up less than C(deduplicate_minutes) of the policy ago.
    type: bool
    default: false
  namespace:
    description: The namespace of the failing service. Needed where the report does not say it.
    type: str
  mode:
    description:
      - V(auto) repairs. V(plan) ends with a Plan (a checked playbook, its server-side dry-run diff and its risk), which
        O(apply) can apply later, and changes nothing.
      - V(auto) ends with a Plan too where the policy wants a person to approve a change of that risk.
      - Check mode is V(plan).
    type: str
    choices: [auto, plan]
    default: auto
  out:
    description:
      - Folder for what the Episode leaves, see C(docs/episode.md).
      - By default a new folder below C($XDG_STATE_HOME/e2ereme/episodes).
    type: path
  policy:
    description: A policy file, laid over the built-in policy. See C(docs/policy.md).
    type: path
  attempts:
    description: How many playbooks may be tried.
    type: int
    default: 3
  steps:
    description: How many answers the model may give.
    type: int
    default: 8
  seconds:
    description: After how many seconds no further attempt is started.
    type: float
    default: 600.0
  tokens:
    description: How many tokens the model may read and write.
    type: int
    default: 20000
  settle:
    description: For how many seconds the service must stay healthy before it counts as repaired.
    type: float
    default: 15.0
  checks:
    description:
      - Further requests that must succeed for the service to count as repaired. They go through the API
        server's proxy.
      - Each has a C(name) and may have C(kind) (C(service) or C(pod)), C(port), C(path), C(status), C(contains) and
        C(max_seconds), as for M(e2ereme.remediate.verify).
    type: list
    elements: dict
    default: []
  runner:
    description:
      - What runs the playbooks. V(process) is a warm C(ansible-playbook) of its own environment, V(ansible_runner) the
        Python package of that name, which takes a second longer a run.
    type: str
    choices: [process, ansible_runner]
    default: process
  execution_environment:
    description:
      - The image of an execution environment, in whose container ansible-runner runs the playbooks. Implies
        O(runner=ansible_runner). The image must hold kubernetes.core and this collection.
      - Certificates, keys and tokens of the connection are copied into the one folder that the container sees, which
        is removed afterwards.
    type: str
    default: ""
  container_engine:
    description: What runs that image.
    type: str
    choices: [podman, docker]
    default: podman
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - e2ereme.remediate.remediate_attributes
  - e2ereme.remediate.action_attributes
  - e2ereme.remediate.model_options
seealso:
  - module: e2ereme.remediate.probe
  - module: e2ereme.remediate.verify
  - module: e2ereme.remediate.lint
  - plugin: e2ereme.remediate.playbook
    plugin_type: lookup
  - plugin: e2ereme.remediate.report
    plugin_type: filter
notes:
  - Needs the Python package C(kubernetes) and the collection C(kubernetes.core) on the controller.
  - Playbooks run with an environment of their own. Where the kubeconfig's user is a program (C(exec), as managed
    clusters have it), that is called once, with the environment of the play, and a run gets the credential that it
    printed.
"""

EXAMPLES = r"""
- name: Repair what an alert describes
  e2ereme.remediate.remediate:
    report: alert.json

- name: Say what would be done about a slow cart, and change nothing
  e2ereme.remediate.remediate:
    report: cart answers slowly since the release at noon
    namespace: shop
    mode: plan
    out: ./episode

- name: Apply that Plan, if it is the one that was approved
  e2ereme.remediate.remediate:
    apply: ./episode/plan.json
    approved: 3f9a61c20be4

- name: Take back what an Episode changed
  e2ereme.remediate.remediate:
    undo: ./episode

- name: Repair, or page a person with what was learnt
  block:
    - name: Repair what the alert describes
      e2ereme.remediate.remediate:
        report: "{{ alert }}"
        policy: policies/production.yml
        checks:
          - name: frontend
            kind: service
            path: /healthz
            max_seconds: 0.5
      register: remediation
  rescue:
    - name: Page
      ansible.builtin.debug:
        msg: "{{ remediation.message }}"
"""

RETURN = r"""
outcome:
  description:
    - V(resolved), V(planned) and V(healthy) succeed.
    - V(escalated), V(exhausted), V(refused), V(cancelled) and V(broken) fail the task.
  returned: always
  type: str
  sample: resolved
message:
  description: One line that begins with the outcome.
  returned: always
  type: str
  sample: "resolved: Patch Deployment cart; verified healthy for 15 s"
attempts:
  description: How many playbooks were written.
  returned: always
  type: int
  sample: 1
episode:
  description: Path of episode.json.
  returned: always
  type: str
folder:
  description: The folder with everything that the Episode left; report.html there shows it to people.
  returned: always
  type: str
changed_objects:
  description: The objects that are not as they were before.
  returned: always
  type: list
  elements: str
  sample: ["Deployment cart"]
playbook:
  description: The text of the last playbook that passed the gate; empty without one.
  returned: always
  type: str
plan:
  description: The path of the Plan that was made; empty without one.
  returned: always
  type: str
seconds:
  description: Where the time went, by span.
  returned: always
  type: dict
"""
