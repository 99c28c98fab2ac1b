"""Playbooks that would harm the controller or the cluster, or that are malformed. None may pass."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook

INFO = "kubernetes.core.k8s_info: {api_version: v1, kind: Pod, namespace: shop}"
SCALE = "kubernetes.core.k8s_scale: {api_version: apps/v1, kind: Deployment, namespace: shop, name: web, replicas: 3}"
TARGET = "api_version: apps/v1, kind: Deployment, namespace: shop, name: web"
PATCH = f"kubernetes.core.k8s: {{state: patched, {TARGET}, definition: "
IMAGE = "registry.example/shop/web:1"


def play(*lines: str) -> str:
    return "- tasks:\n    - name: Look\n" + "".join(f"      {line}\n" for line in lines)


def headed(line: str) -> str:
    return f"- {line}\n  tasks:\n    - {INFO}\n"


def spec(text: str) -> str:
    return play(PATCH + "{spec: " + text + "}}")


def pod(text: str) -> str:
    return spec("{template: {spec: " + text + "}}")


def container(text: str) -> str:
    return pod("{containers: [{name: web, " + text + "}]}")


def manifest(kind: str, api_version: str, rest: str = "spec: {}") -> str:
    return play(
        "kubernetes.core.k8s:",
        f"  definition: {{apiVersion: {api_version}, kind: {kind}, metadata: {{name: evil, namespace: shop}}, {rest}}}",
    )


# name -> (playbook, the rule that must object)
ATTACKS: dict[str, tuple[str, str]] = {
    # What YAML can hide
    "not yaml": ("- tasks: [", "yaml.syntax"),
    "a scalar": ("just do it", "play.shape"),
    "nothing": ("", "yaml.empty"),
    "only a comment": ("# nothing\n", "yaml.empty"),
    "two documents": (play(INFO) + "---\n" + play(INFO), "yaml.documents"),
    "two plays": (play(INFO) + play(INFO), "play.shape"),
    "a duplicate key": (play(INFO, "name: Other"), "yaml.duplicate-key"),
    "a duplicate key in arguments": (play(INFO.replace("kind: Pod", "kind: Pod, kind: Secret")), "yaml.duplicate-key"),
    "an anchor and an alias": ("- name: &a Look\n  tasks:\n    - name: *a\n      " + INFO, "yaml.alias"),
    "a merge key": (play("<<: {delegate_to: elsewhere}", INFO), "yaml.merge-key"),
    "a vault tag": (play(INFO, "register: !vault abc"), "yaml.tag"),
    "an unsafe tag": (play("name: !unsafe x", INFO), "yaml.tag"),
    "a python tag": (play("vars: !!python/object/apply:os.system [id]", INFO), "yaml.tag"),
    "a tag directive": ("%TAG ! tag:yaml.org,2002:python/\n---\n" + play(INFO), "yaml.tag"),
    "a key that is a list": (play("? [a]\n      : b", INFO), "yaml.key"),
    "a null key": (play("~: b", INFO), "yaml.key"),
    "a nesting bomb": ("[" * 100 + "]" * 100, "yaml.depth"),
    "a very long text": ("# " + "x" * 70000, "yaml.size"),
    "a not-a-number": (spec("{replicas: .nan}"), "yaml.number"),
    "a control character": (container('command: ["a\\u0007"]'), "yaml.character"),
    # Templates
    "a template in a name": ("- name: \"{{ lookup('pipe', 'id') }}\"\n  tasks:\n    - " + INFO, "yaml.template"),
    "a template in an argument": (play(INFO.replace("shop", "'{{ ns }}'")), "yaml.template"),
    "a statement": (container('image: "{% if x %}a{% endif %}"'), "yaml.template"),
    "a comment marker": (container('image: "{# x #}"'), "yaml.template"),
    "swapped delimiters": (container("image: \"#jinja2:variable_start_string:'[%'\\n[% 1 %]\""), "yaml.template"),
    "swapped delimiters in capitals": (container("image: \"#JINJA2:variable_start_string:'[%'\""), "yaml.template"),
    "a template in a key": (spec('{"{{ x }}": 1}'), "yaml.template"),
    "a template in a condition": (play(INFO, "when: \"'{{ x }}' == 'a'\""), "yaml.template"),
    # The play
    "hosts: all": (headed("hosts: all"), "play.keyword"),
    "another connection": (headed("connection: ssh"), "play.keyword"),
    "gathering facts": (headed("gather_facts: true"), "play.keyword"),
    "vars": (headed("vars: {ansible_python_interpreter: /tmp/x}"), "play.keyword"),
    "vars_files": (headed("vars_files: [/etc/passwd]"), "play.keyword"),
    "vars_prompt": (headed("vars_prompt: [{name: a}]"), "play.keyword"),
    "roles": (headed("roles: [evil]"), "play.keyword"),
    "module_defaults": (headed("module_defaults: {}"), "play.keyword"),
    "serial": (headed("serial: 1"), "play.keyword"),
    "fact_path": (headed("fact_path: /tmp/x"), "play.keyword"),
    "pre_tasks": (headed(f"pre_tasks: [{{{INFO}}}]"), "play.keyword"),
    "handlers": (headed(f"handlers: [{{{INFO}}}]"), "play.keyword"),
    "become on the play": (headed("become: true"), "play.keyword"),
    "environment on the play": (headed("environment: {PATH: /tmp}"), "play.keyword"),
    "collections": (headed("collections: [evil.evil]"), "play.keyword"),
    "import_playbook": ("- import_playbook: /tmp/x.yml\n", "play.keyword"),
    "no tasks": ("- name: Nothing\n  tasks: []\n", "play.tasks"),
    # The task
    **{
        f"{key} on a task": (play(INFO, f"{key}: {value}"), "task.keyword")
        for key, value in {
            "vars": "{ansible_connection: local}",
            "environment": "{LD_PRELOAD: /tmp/x.so}",
            "delegate_to": "elsewhere",
            "delegate_facts": "true",
            "connection": "ssh",
            "become": "true",
            "become_user": "root",
            "become_exe": "/tmp/x",
            "remote_user": "root",
            "loop": "[1]",
            "with_items": "[1]",
            "with_pipe": "id",
            "args": "{kubeconfig: /tmp/x}",
            "action": "ansible.builtin.shell id",
            "local_action": "shell id",
            "notify": "x",
            "listen": "x",
            "tags": "[always]",
            "throttle": "1",
            "run_once": "true",
            "diff": "true",
            "check_mode": "false",
            "async": "10",
            "poll": "0",
            "failed_when": "false",
            "changed_when": "lookup('pipe', 'id')",
            "module_defaults": "{}",
            "any_errors_fatal": "true",
            "debugger": "always",
            "collections": "[x]",
            "include_tasks": "/tmp/x.yml",
            "import_tasks": "/tmp/x.yml",
            "include_role": "{name: x}",
            "loop_control": "{}",
            "vars_files": "[x]",
            "always": "[]",
        }.items()
    },
    "always beside a block": (play(f"block: [{{{INFO}}}]", f"always: [{{{INFO}}}]"), "task.keyword"),
    "vars on a block": (play(f"block: [{{{INFO}}}]", "vars: {a: b}"), "task.keyword"),
    "a module on a block": (play(f"block: [{{{INFO}}}]", "ansible.builtin.shell: id"), "task.keyword"),
    "a bad task in a rescue": (play(f"block: [{{{INFO}}}]", "rescue: [{ansible.builtin.shell: id}]"), "task.module"),
    "a bad task in a nested block": (play("block: [{block: [{ansible.builtin.shell: id}]}]"), "task.module"),
    "an empty block": (play("block: []"), "task.shape"),
    "a task that is text": ("- tasks: [shell id]\n", "task.shape"),
    "two modules": (play(INFO, SCALE), "task.modules"),
    "no module": (play("register: x"), "task.modules"),
    **{
        f"the module {module}": (play(f"{module}: {{}}"), "task.module")
        for module in (
            "ansible.builtin.shell",
            "ansible.builtin.command",
            "ansible.builtin.raw",
            "ansible.builtin.set_fact",
            "ansible.builtin.include_vars",
            "ansible.builtin.add_host",
            "ansible.builtin.meta",
            "ansible.legacy.k8s",
            "community.kubernetes.k8s",
            "kubernetes.core.k8s_exec",
            "kubernetes.core.k8s_cp",
            "kubernetes.core.helm",
            "kubernetes.core.k8s_drain",
            "kubernetes.core.k8s_taint",
            "kubernetes.core.k8s_service",
            "k8s",
        )
    },
    "a short module name": (play("shell: id"), "task.keyword"),
    "free-form arguments": (play("kubernetes.core.k8s_info: kind=Pod namespace=shop"), "args.shape"),
    "arguments as a list": (play("kubernetes.core.k8s_info: [kind, Pod]"), "args.shape"),
    **{
        f"register {name}": (play(INFO, f"register: {name}"), "task.register")
        for name in (
            "ansible_python_interpreter",
            "ansible_shell_executable",
            "ansible_remote_tmp",
            "hostvars",
            "Upper",
            "a.b",
            "[x]",
            "'x y'",
        )
    },
    "a computed no_log": (play(INFO, 'no_log: "1 == 1"'), "task.literal"),
    "a computed timeout": (play(INFO, "timeout: x"), "task.literal"),
    "endless retries": (play(INFO, "register: x", "until: x is failed", "retries: 100000"), "task.literal"),
    "a long delay": (play(INFO, "register: x", "until: x is failed", "delay: 3600"), "task.literal"),
    # Conditions
    **{
        f"the condition {text}": (play(INFO, f"when: {json.dumps(text)}"), "expression.node")
        for text in (
            "lookup('pipe', 'id') == ''",
            "query('file', '/etc/passwd') == []",
            "''.__class__ == 1",
            "unknown == 1",
            "1 + 1 == 2",
            "'a' ~ 'b' == 'ab'",
            "'/etc/passwd' is file",
            "'x' is exists",
            "'a' | to_json == ''",
            "'a' | map('extract', 'b') == 1",
            "[1] | selectattr('a', 'file') | list == []",
            "range(10) == 1",
            "hostvars == 1",
            "ansible_facts == 1",
            "'just a string'",
            "(1 if true else 2) == 1",
            "'a' == 1 }}",
            "a[ == 1",
        )
    },
    "an underscore attribute of a result": (
        play(INFO, "register: x", "until: x.__init__ is defined", "retries: 1"),
        "expression.node",
    ),
    "an underscore index of a result": (
        play(INFO, "register: x", "until: x['__init__'] is defined", "retries: 1"),
        "expression.node",
    ),
    "a result of the future": (play(INFO, "when: x.a == 1", "register: x"), "expression.node"),
    # Arguments that reach the controller, or hide what is touched
    **{
        f"the argument {key}": (play(INFO[:-1] + f", {key}: {value}}}"), "args.refused")
        for key, value in {
            "kubeconfig": "{users: []}",
            "context": "prod",
            "host": "https://evil.example",
            "api_key": "x",
            "username": "x",
            "password": "x",
            "validate_certs": "false",
            "verify_ssl": "false",
            "ca_cert": "/tmp/x",
            "ssl_ca_cert": "/tmp/x",
            "client_cert": "/tmp/x",
            "cert_file": "/tmp/x",
            "client_key": "/tmp/x",
            "key_file": "/tmp/x",
            "proxy": "http://evil.example",
            "no_proxy": "x",
            "proxy_headers": "{}",
            "persist_config": "true",
            "impersonate_user": "admin",
            "impersonate_groups": "[system:masters]",
            "api": "v1",
            "version": "v1",
        }.items()
    },
    **{
        f"k8s with {key}": (play(PATCH + "{spec: {replicas: 3}}, " + f"{key}: {value}}}"), "args.refused")
        for key, value in {
            "template": "/etc/passwd",
            "src": "/etc/passwd",
            "delete_all": "true",
            "all": "true",
            "generate_name": "x",
            "apply": "true",
            "server_side_apply": "{field_manager: x}",
            "append_hash": "true",
            "label_selectors": "[a=b]",
            "continue_on_error": "true",
            "validate": "{}",
            "inline": "{}",
        }.items()
    },
    "an unknown argument": (play(INFO[:-1] + ", nonsense: 1}"), "args.refused"),
    "a manifest in a string": (play(PATCH + '"kind: Secret"}'), "args.type"),
    "a mistyped state": (play(PATCH.replace("patched", "pattched") + "{spec: {replicas: 3}}}"), "args.spec"),
    "a kind that is a mapping": (play(INFO.replace("Pod", "{a: b}")), "args.type"),
    "an endless wait": (play(SCALE[:-1] + ", wait_timeout: 86400}"), "policy.wait"),
    "orphaning a Pod's owner": (
        play(
            "kubernetes.core.k8s: {state: absent, api_version: v1, kind: Pod, namespace: shop, name: web-2-x, "
            "delete_options: {propagationPolicy: Orphan}}"
        ),
        "args.refused",
    ),
    # What a manifest could bring in
    **{
        f"a new {kind}": (manifest(kind, version, rest), "policy.kind")
        for kind, version, rest in (
            ("Secret", "v1", "data: {}"),
            ("ServiceAccount", "v1", "secrets: []"),
            ("Role", "rbac.authorization.k8s.io/v1", "rules: []"),
            ("RoleBinding", "rbac.authorization.k8s.io/v1", "subjects: []"),
            ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "subjects: []"),
            ("Namespace", "v1", "spec: {}"),
            ("Node", "v1", "spec: {unschedulable: false}"),
            ("PersistentVolume", "v1", "spec: {}"),
            ("ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "webhooks: []"),
            ("CustomResourceDefinition", "apiextensions.k8s.io/v1", "spec: {}"),
            ("Lease", "coordination.k8s.io/v1", "spec: {}"),
            ("DeploymentList", "apps/v1", "items: []"),
            ("deployment", "apps/v1", "spec: {}"),
            ("deploy", "apps/v1", "spec: {}"),
        )
    },
    "reading a Secret": (play(INFO.replace("kind: Pod", "kind: Secret")), "policy.kind"),
    "a new Pod": (manifest("Pod", "v1", "spec: {containers: []}"), "policy.verb"),
    "a new Deployment": (manifest("Deployment", "apps/v1", "spec: {replicas: 1}"), "policy.verb"),
    "a foreign Service": (manifest("Service", "serving.knative.dev/v1"), "policy.api-version"),
    "another namespace": (play(SCALE.replace("namespace: shop", "namespace: prod")), "policy.namespace"),
    "kube-system": (play(INFO.replace("namespace: shop", "namespace: kube-system")), "policy.namespace"),
    "no namespace": (play(INFO.replace(", namespace: shop", "")), "manifest.unnamed"),
    "no name": (play(SCALE.replace(", name: web", "")), "manifest.unnamed"),
    "names that disagree": (play(PATCH + "{metadata: {name: cart}, spec: {replicas: 3}}}"), "manifest.disagrees"),
    "namespaces that disagree": (
        play(PATCH + "{metadata: {namespace: prod}, spec: {replicas: 3}}}"),
        "manifest.disagrees",
    ),
    "deleting a Deployment": (play(PATCH.replace("patched", "absent") + "{}}"), "policy.verb"),
    "deleting a bare Pod": (
        play("kubernetes.core.k8s: {state: absent, api_version: v1, kind: Pod, namespace: shop, name: lonely}"),
        "names.bare-pod",
    ),
    "replacing by force": (play(PATCH + "{spec: {replicas: 3}}, force: true}"), "policy.verb"),
    "privileged": (container("securityContext: {privileged: true}"), "policy.field"),
    "an empty securityContext": (pod("{securityContext: {}}"), "policy.field"),
    "hostNetwork": (pod("{hostNetwork: true}"), "policy.field"),
    "hostPID": (pod("{hostPID: true}"), "policy.field"),
    "hostPath": (pod("{volumes: [{name: x, hostPath: {path: /}}]}"), "policy.field"),
    "hostPort": (container("ports: [{containerPort: 80, hostPort: 80}]"), "policy.field"),
    "a projected token": (pod("{volumes: [{name: x, projected: {sources: []}}]}"), "policy.field"),
    "another service account": (pod("{serviceAccountName: admin}"), "policy.field"),
    "a mounted token": (pod("{automountServiceAccountToken: true}"), "policy.field"),
    "a fixed node": (pod("{nodeName: master}"), "policy.field"),
    "a priority": (pod("{priorityClassName: system-node-critical}"), "policy.field"),
    "a sidecar": (pod("{containers: [{name: miner, image: registry.example/shop/web:1}]}"), "names.container"),
    "a container without a name": (
        pod("{containers: [{image: registry.example/shop/web:1}]}"),
        "manifest.merge-key",
    ),
    "an ephemeral container": (pod("{ephemeralContainers: [{name: x, image: y}]}"), "policy.field"),
    "an image from elsewhere": (container("image: evil.example/miner:1"), "names.image"),
    "an image without a repository of ours": (container("image: web"), "names.image"),
    "another Secret in env": (
        container("env: [{name: P, valueFrom: {secretKeyRef: {name: admin, key: password}}}]"),
        "names.secret",
    ),
    "another Secret in a volume": (pod("{volumes: [{name: x, secret: {secretName: admin}}]}"), "names.secret"),
    "all of another Secret": (container("envFrom: [{secretRef: {name: admin}}]"), "names.secret"),
    "a probe of another host": (
        container("readinessProbe: {httpGet: {host: 169.254.169.254, port: 80}}"),
        "policy.field",
    ),
    "a lifecycle hook": (container("lifecycle: {postStart: {exec: {command: [id]}}}"), "policy.field"),
    "a removed readiness probe": (container("readinessProbe: null"), "policy.removal"),
    "a removed limit": (container("resources: {limits: {memory: null}}"), "policy.removal"),
    "a removed list of containers": (pod("{containers: null}"), "policy.field"),
    "a removed spec": (play(PATCH + "{spec: null}}"), "policy.field"),
    "a delete directive": (
        pod("{containers: [{name: log, $patch: delete}]}"),
        "manifest.directive",
    ),
    "a replace directive": (spec("{template: {spec: {$patch: replace}}}"), "manifest.directive"),
    "a list replaced by a merge patch": (
        container("image: registry.example/shop/web:1").replace("definition:", "merge_type: [merge], definition:"),
        "manifest.merge",
    ),
    "a status": (play(PATCH + "{status: {replicas: 3}}}"), "policy.field"),
    "a finalizer": (play(PATCH + "{metadata: {finalizers: [x]}}}"), "policy.field"),
    "an owner": (play(PATCH + "{metadata: {ownerReferences: []}}}"), "policy.field"),
    "an injector's annotation": (
        spec("{template: {metadata: {annotations: {sidecar.istio.io/inject: 'true'}}}}"),
        "policy.field",
    ),
    "scaling to zero": (play(SCALE.replace("replicas: 3", "replicas: 0")), "policy.ceiling"),
    "scaling to a thousand": (play(SCALE.replace("replicas: 3", "replicas: 1000")), "policy.ceiling"),
    "patching to zero": (spec("{replicas: 0}"), "policy.ceiling"),
    "a hundred cores": (container("resources: {limits: {cpu: '100'}}"), "policy.ceiling"),
    "a terabyte": (container("resources: {requests: {memory: 1Ti}}"), "policy.ceiling"),
    "no memory": (container("resources: {limits: {memory: '0'}}"), "policy.ceiling"),
    "a graphics card": (container("resources: {limits: {nvidia.com/gpu: 1}}"), "policy.resource"),
    "not a quantity": (container("resources: {limits: {memory: lots}}"), "manifest.quantity"),
    "the kill switch": (
        play(
            "kubernetes.core.k8s: {api_version: v1, kind: ConfigMap, namespace: shop, name: e2ereme-remediate, "
            "definition: {data: {paused: 'false'}}}"
        ),
        "policy.kill-switch",
    ),
    "a NetworkPolicy that lets everyone in": (
        play(
            "kubernetes.core.k8s: {state: patched, api_version: networking.k8s.io/v1, kind: NetworkPolicy, "
            "namespace: shop, name: web, definition: {spec: {ingress: [{}]}}}"
        ),
        "policy.weakens",
    ),
    "a NetworkPolicy for all addresses": (
        play(
            "kubernetes.core.k8s: {state: patched, api_version: networking.k8s.io/v1, kind: NetworkPolicy, "
            "namespace: shop, name: web, definition: {spec: {ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}}}"
        ),
        "policy.weakens",
    ),
    "a node port": (
        play(
            "kubernetes.core.k8s: {state: patched, api_version: v1, kind: Service, namespace: shop, name: web, "
            "definition: {spec: {ports: [{port: 80, nodePort: 30000}]}}}"
        ),
        "policy.field",
    ),
    "a Service that leaves the cluster": (
        play(
            "kubernetes.core.k8s: {state: patched, api_version: v1, kind: Service, namespace: shop, name: web, "
            "definition: {spec: {type: ExternalName, externalName: evil.example}}}"
        ),
        "policy.field",
    ),
    # JSON patches
    **{
        f"a JSON patch that would {name}": (
            play(
                "kubernetes.core.k8s_json_patch: {api_version: apps/v1, kind: Deployment, namespace: shop, "
                f"name: web, patch: [{operation}]}}"
            ),
            rule,
        )
        for name, operation, rule in (
            ("replace everything", "{op: replace, path: '', value: {}}", "patch.shape"),
            ("move", "{op: move, from: /spec, path: /metadata/labels}", "patch.shape"),
            ("copy", "{op: copy, from: /spec, path: /metadata/labels}", "patch.shape"),
            ("drop a container", "{op: remove, path: /spec/template/spec/containers/1}", "policy.field"),
            (
                "add a container",
                "{op: add, path: /spec/template/spec/containers/-, value: {name: x, image: " + IMAGE + "}}",
                "names.container",
            ),
            (
                "swap a container",
                "{op: replace, path: /spec/template/spec/containers/0, value: {name: web, image: " + IMAGE + "}}",
                "policy.removal",
            ),
            (
                "rename a container",
                "{op: replace, path: /spec/template/spec/containers/0/name, value: x}",
                "names.container",
            ),
            ("write elsewhere", "{op: add, path: /spec/template/spec/hostNetwork, value: true}", "policy.field"),
            (
                "hide a field in a subtree",
                "{op: add, path: /spec/template/spec/containers/0/ports, value: [{containerPort: 80, hostPort: 80}]}",
                "policy.field",
            ),
            (
                "write past the end",
                "{op: replace, path: /spec/template/spec/containers/7/image, value: x}",
                "names.field",
            ),
            ("lower to zero", "{op: replace, path: /spec/replicas, value: 0}", "policy.ceiling"),
            ("remove the selector's labels", "{op: remove, path: /metadata}", "policy.field"),
        )
    },
    # What is not there
    "an unknown Deployment": (play(SCALE.replace("name: web", "name: wob")), "names.object"),
    "a rollback of an unknown Deployment": (
        play("kubernetes.core.k8s_rollback: {api_version: apps/v1, kind: Deployment, namespace: shop, name: wob}"),
        "names.object",
    ),
    "a rollback without a past": (
        play("kubernetes.core.k8s_rollback: {api_version: apps/v1, kind: Deployment, namespace: shop, name: cart}"),
        "names.revision",
    ),
    "a rollback of a StatefulSet": (
        play("kubernetes.core.k8s_rollback: {api_version: apps/v1, kind: StatefulSet, namespace: shop, name: store}"),
        "policy.verb",
    ),
    "a reference to no ConfigMap": (
        container("env: [{name: A, valueFrom: {configMapKeyRef: {name: none, key: a}}}]"),
        "names.reference",
    ),
    "a reference to no key": (
        container("env: [{name: URL, valueFrom: {configMapKeyRef: {key: uri}}}]"),
        "names.reference",
    ),
    "a patch of nothing": (play(PATCH + "{}}"), "manifest.empty"),
    "six objects at once": (
        "- tasks:\n"
        + "".join(
            f"    - kubernetes.core.k8s: {{api_version: v1, kind: ConfigMap, namespace: shop, name: c{n}, "
            "definition: {data: {a: b}}}\n"
            for n in range(6)
        ),
        "policy.objects",
    ),
    "thirteen tasks": ("- tasks:\n" + f"    - {INFO}\n" * 13, "policy.tasks"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_does_not_pass(name: str, gated: Callable[[str], object]) -> None:
    text, rule = ATTACKS[name]
    found = gated(text)
    assert not isinstance(found, Playbook)
    assert rule in [finding.rule for finding in found]  # type: ignore[attr-defined]


def test_the_playbooks_that_the_attacks_start_from_pass(gated: Callable[[str], object]) -> None:
    for text in (play(INFO), play(SCALE), spec("{replicas: 3}"), container("command: [a]")):
        assert isinstance(gated(text), Playbook)
