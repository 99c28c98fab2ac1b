"""What a repair may be: each of these must pass, and say what it touches."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook

WEB = ObjectRef("Deployment", "shop", "web")
IMAGE = "registry.example/shop/web:2"

FIELDS = {
    "a tag": f"{{containers: [{{name: web, image: '{IMAGE}'}}]}}",
    "a limit": "{containers: [{name: web, resources: {limits: {memory: 512Mi, cpu: 1}}}]}",
    "an environment variable": "{containers: [{name: web, env: [{name: MODE, value: slow}]}]}",
    "a new environment variable": "{containers: [{name: web, env: [{name: NEW, value: '1'}]}]}",
    "a key of a ConfigMap": "{containers: [{name: web, env: [{name: URL, valueFrom: {configMapKeyRef: {key: url}}}]}]}",
    "a key of a Secret already used": (
        "{containers: [{name: web, env: [{name: KEY, valueFrom: {secretKeyRef: {name: web-key, key: token}}}]}]}"
    ),
    "a value in place of a reference": (
        "{containers: [{name: web, env: [{name: URL, value: http://cart, valueFrom: null}]}]}"
    ),
    "a command": "{containers: [{name: web, command: [serve], args: ['--port', '8080']}]}",
    "no command": "{containers: [{name: web, command: null}]}",
    "a probe's path": "{containers: [{name: web, readinessProbe: {httpGet: {path: /healthz}}}]}",
    "a container's port": "{containers: [{name: web, ports: [{containerPort: 9090}]}]}",
    "a node selector": "{nodeSelector: {disk: null}}",
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_patch_of(name: str, patch_gated: Callable[..., Any]) -> None:
    found = patch_gated("spec: {template: {spec: " + FIELDS[name] + "}}")
    assert isinstance(found, Playbook), found
    assert found.touches == (WEB,)


def test_a_restart(patch_gated: Callable[..., Any]) -> None:
    stamp = "{kubectl.kubernetes.io/restartedAt: '2026-05-04T12:00:00Z'}"
    assert isinstance(patch_gated("spec: {template: {metadata: {annotations: " + stamp + "}}}"), Playbook)


def test_a_service_port(patch_gated: Callable[..., Any]) -> None:
    found = patch_gated("spec: {ports: [{port: 80, targetPort: 9090}]}", kind="Service")
    assert isinstance(found, Playbook), found
    assert found.touches == (ObjectRef("Service", "shop", "web"),)


def test_a_new_config_map(patch_gated: Callable[..., Any]) -> None:
    found = patch_gated("data: {url: 'http://cart'}", kind="ConfigMap", name="fresh", state="present")
    assert isinstance(found, Playbook), found


def test_a_reference_to_a_key_that_the_same_playbook_adds(gated: Callable[[str], Any]) -> None:
    found = gated("""
- tasks:
    - name: Add the key
      kubernetes.core.k8s:
        {state: patched, api_version: v1, kind: ConfigMap, namespace: shop, name: web-settings,
         definition: {data: {uri: "http://cart"}}}
    - name: Refer to it
      kubernetes.core.k8s:
        state: patched
        definition:
          apiVersion: apps/v1
          kind: Deployment
          metadata: {name: web, namespace: shop}
          spec:
            template:
              spec:
                containers: [{name: web, env: [{name: URL, valueFrom: {configMapKeyRef: {key: uri}}}]}]
""")
    assert isinstance(found, Playbook), found
    assert found.touches == (ObjectRef("ConfigMap", "shop", "web-settings"), WEB)


def test_a_network_policy_that_names_a_caller(patch_gated: Callable[..., Any]) -> None:
    caller = "spec: {ingress: [{from: [{podSelector: {matchLabels: {app: cart}}}]}]}"
    assert isinstance(patch_gated(caller, kind="NetworkPolicy"), Playbook)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": IMAGE},
        {"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "A", "value": "1"}},
        {"op": "remove", "path": "/spec/template/spec/containers/0/env/0"},
        {"op": "replace", "path": "/spec/replicas", "value": 3},
    ],
    ids=lambda operation: f"{operation['op']} {operation['path']}",
)
def test_a_json_patch(operation: dict[str, Any], task_gated: Callable[[str], Any]) -> None:
    found = task_gated(
        "kubernetes.core.k8s_json_patch: {api_version: apps/v1, kind: Deployment, namespace: shop, name: web, "
        f"patch: [{json.dumps(operation)}]}}"
    )
    assert isinstance(found, Playbook), found


def test_a_rollback_to_a_revision_that_is_there(task_gated: Callable[[str], Any]) -> None:
    found = task_gated(
        "kubernetes.core.k8s_rollback: {api_version: apps/v1, kind: Deployment, namespace: shop, name: web}"
    )
    assert isinstance(found, Playbook), found
    assert "k8s_rollback" not in found.text, "the module may take another Deployment's revision"
    (operation,) = found.spelled_out[0]["kubernetes.core.k8s_json_patch"]["patch"]
    assert (operation["op"], operation["path"]) == ("replace", "/spec/template")
    assert "pod-template-hash" not in operation["value"]["metadata"]["labels"]


def test_deleting_a_pod_that_its_controller_brings_back(task_gated: Callable[[str], Any]) -> None:
    found = task_gated(
        "kubernetes.core.k8s: {state: absent, api_version: v1, kind: Pod, namespace: shop, name: web-2-x}"
    )
    assert isinstance(found, Playbook), found


def test_a_read_is_no_touch(task_gated: Callable[[str], Any]) -> None:
    found = task_gated("kubernetes.core.k8s_info: {api_version: apps/v1, kind: Deployment, namespace: shop, name: web}")
    assert isinstance(found, Playbook)
    assert (found.touches, found.reads) == ((), (WEB,))


CONDITIONS = (
    "before.resources[0].spec.replicas == 2",
    "before.resources | length > 0 and before is not failed",
    "before.resources[0].status.readyReplicas | default(0) >= 1",
    "before.resources | selectattr('status.phase', 'equalto', 'Running') | list | length == 2",
    "'x' in before.resources[0].metadata.labels or not (before is changed)",
    "before.resources is defined",
)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_on_an_earlier_result(condition: str, gated: Callable[[str], Any]) -> None:
    found = gated(f"""
- tasks:
    - name: Look
      kubernetes.core.k8s_info: {{api_version: apps/v1, kind: Deployment, namespace: shop, name: web}}
      register: before
    - name: Scale
      kubernetes.core.k8s_scale: {{api_version: apps/v1, kind: Deployment, namespace: shop, name: web, replicas: 3}}
      when: {json.dumps(condition)}
""")
    assert isinstance(found, Playbook), found


def test_a_block_with_a_rescue(gated: Callable[[str], Any]) -> None:
    found = gated("""
- name: Try
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Scale or look
      block:
        - name: Scale
          kubernetes.core.k8s_scale: {api_version: apps/v1, kind: Deployment, namespace: shop, name: web, replicas: 3}
      rescue:
        - name: Look
          kubernetes.core.k8s_info: {api_version: v1, kind: Event, namespace: shop}
""")
    assert isinstance(found, Playbook), found
    assert found.touches == (WEB,)
