# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks at a namespace and says what is wrong in it. All of its code is in module_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Look at a Kubernetes namespace and say what is wrong in it
version_added: 0.1.0
author:
  - the e2ereme.remediate authors (!UNKNOWN)
description:
  - Reads workloads, Services, configuration, events, logs, usage and the history of revisions of a namespace, measures
    requests through the API server's proxy, and gives ranked facts, each on one line.
  - This is what M(e2ereme.remediate.remediate) shows its model. It never contains the value of a Secret.
  - What the account may not read is listed as unseen, which is not the same as healthy.
  - Runs on the host of the task, as M(kubernetes.core.k8s_info) does. Changes nothing.
options:
  namespace:
    description: The namespace to look at.
    type: str
    required: true
  suspects:
    description:
      - What to look at most closely, names or mappings with C(name) and C(kind).
      - The suspects of a report are P(e2ereme.remediate.report#filter)'s C(suspects).
    type: list
    elements: raw
    default: []
  measure:
    description: Whether to time requests to Services and Pods around the suspects.
    type: bool
    default: true
  logs:
    description: Whether to read the end of the logs of Pods around the suspects.
    type: bool
    default: true
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - e2ereme.remediate.reading_attributes
  - e2ereme.remediate.target_requirements
seealso:
  - module: e2ereme.remediate.verify
  - module: e2ereme.remediate.remediate
  - plugin: e2ereme.remediate.report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Look at the shop
  e2ereme.remediate.probe:
    namespace: shop
  register: probed

- name: Stop here if anything is wrong before the release
  ansible.builtin.assert:
    that: probed.anomalies | length == 0
    fail_msg: "{{ probed.anomalies | join('\n') }}"

- name: Look closely at what an alert names
  e2ereme.remediate.probe:
    namespace: "{{ named.namespace }}"
    suspects: "{{ named.suspects }}"
  vars:
    named: "{{ alert | e2ereme.remediate.report }}"
"""

RETURN = r"""
anomalies:
  description: The facts that tell of something wrong, most telling first.
  returned: always
  type: list
  elements: str
  sample: ["Deployment cart: 0/2 Pods ready; ImagePullBackOff"]
evidence:
  description: All that is worth saying, as data.
  returned: always
  type: dict
  contains:
    namespace:
      description: The namespace that was looked at.
      type: str
    time:
      description: When, in the API server's time.
      type: str
    facts:
      description:
        - Each with C(id), C(kind) (state, event, log, drift, peers, usage, request, reference, spec), C(subject),
          C(text), C(anomaly), C(source) and C(time).
      type: list
      elements: dict
    near:
      description: The objects around the suspects and anomalies, most suspect first.
      type: list
      elements: dict
    unseen:
      description: What could not be read, and why.
      type: list
      elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.cluster import Cluster
from ..module_utils.connect import KubernetesTransport
from ..module_utils.connection_arguments import CONNECTION, chosen
from ..module_utils.documents import evidence_document
from ..module_utils.errors import RemediateError
from ..module_utils.naming import names_and_kinds
from ..module_utils.probe import look

ARGUMENTS: dict[str, Any] = {
    "namespace": {"type": "str", "required": True},
    "suspects": {"type": "list", "elements": "raw", "default": []},
    "measure": {"type": "bool", "default": True},
    "logs": {"type": "bool", "default": True},
}


def main() -> None:
    """Arguments in, Evidence out."""
    module = AnsibleModule(argument_spec=ARGUMENTS | CONNECTION, supports_check_mode=True)
    given = module.params
    try:
        cluster = Cluster(KubernetesTransport(chosen(given)))
        suspects = names_and_kinds(given["suspects"], "suspects")
        evidence = look(cluster, given["namespace"], suspects, measure=given["measure"], logs=given["logs"])
    except RemediateError as error:
        module.fail_json(msg=str(error))
    anomalies = [fact.text for fact in evidence.anomalies]
    module.exit_json(changed=False, anomalies=anomalies, evidence=evidence_document(evidence))


if __name__ == "__main__":
    main()
