# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Watches workloads until they are healthy. All of its code is in module_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
module: verify
short_description: Verify that workloads of a Kubernetes namespace are healthy and stay so
version_added: 0.1.0
author:
  - the e2ereme.remediate authors (!UNKNOWN)
description:
  - Watches until rollouts are complete, Pods are ready and stay so, Services have endpoints and answer requests, and
    nothing is anomalous around the workloads any more; all of that for O(settle) seconds on end.
  - Useful after any deployment, whoever made it. Fails with each check that did not hold, its measured value and bound.
  - Gives up before O(timeout) where nothing moves any more.
  - Runs on the host of the task, as M(kubernetes.core.k8s_info) does. Changes nothing.
options:
  namespace:
    description: The namespace of the workloads.
    type: str
    required: true
  workloads:
    description:
      - The workloads to answer for, names or mappings with C(name) and C(kind).
      - By default all Deployments, StatefulSets and DaemonSets of the namespace.
    type: list
    elements: raw
    default: []
  checks:
    description:
      - Further requests that must succeed. They go through the API server's proxy.
      - Each has a C(name) and may have C(kind) (C(service), which is the default, C(pod), or a workload that must be
        ready), C(port), C(path), C(status), C(contains) and C(max_seconds).
    type: list
    elements: dict
    default: []
  settle:
    description: For how many seconds all must hold, in the API server's time.
    type: float
    default: 15.0
  timeout:
    description: After how many seconds to give up, in the API server's time.
    type: float
    default: 120.0
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - e2ereme.remediate.reading_attributes
  - e2ereme.remediate.target_requirements
seealso:
  - module: e2ereme.remediate.probe
  - module: e2ereme.remediate.remediate
"""

EXAMPLES = r"""
- name: Release the cart
  kubernetes.core.k8s:
    src: cart.yml

- name: Is it healthy, and does it answer
  e2ereme.remediate.verify:
    namespace: shop
    workloads: [cart]
    checks:
      - name: cart
        kind: service
        path: /healthz
        max_seconds: 0.5
"""

RETURN = r"""
healthy:
  description: Whether all checks held.
  returned: always
  type: bool
verdict:
  description: What was measured.
  returned: always
  type: dict
  contains:
    held_seconds:
      description: For how long all of it held.
      type: float
    checks:
      description: Each with C(name), C(subject), C(passed), C(measured), C(bound) and C(detail).
      type: list
      elements: dict
    worse:
      description: What was healthy at the beginning and is not any more.
      type: list
      elements: str
    unseen:
      description: What could not be checked.
      type: list
      elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.cluster import Cluster
from ..module_utils.connect import KubernetesTransport
from ..module_utils.connection_arguments import CONNECTION, chosen
from ..module_utils.documents import verdict_document
from ..module_utils.errors import RemediateError
from ..module_utils.naming import names_and_kinds
from ..module_utils.standing import stand, unmet

ARGUMENTS: dict[str, Any] = {
    "namespace": {"type": "str", "required": True},
    "workloads": {"type": "list", "elements": "raw", "default": []},
    "checks": {"type": "list", "elements": "dict", "default": []},
    "settle": {"type": "float", "default": 15.0},
    "timeout": {"type": "float", "default": 120.0},
}


def main() -> None:
    """Arguments in, Verdict out."""
    module = AnsibleModule(argument_spec=ARGUMENTS | CONNECTION, supports_check_mode=True)
    given = module.params
    try:
        verdict = stand(
            Cluster(KubernetesTransport(chosen(given))),
            given["namespace"],
            names_and_kinds(given["workloads"], "workloads"),
            checks=given["checks"],
            settle=given["settle"],
            timeout=given["timeout"],
        )
    except RemediateError as error:
        module.fail_json(msg=str(error))
    result = {"changed": False, "healthy": verdict.healthy, "verdict": verdict_document(verdict)}
    if not verdict.healthy:
        module.fail_json(msg=f"not healthy: {unmet(verdict)}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
