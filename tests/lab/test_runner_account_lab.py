"""A run as in a Pod: the service account where Kubernetes mounts it, in a mount namespace of its own."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef

pytestmark = pytest.mark.lab

INSIDE = textwrap.dedent("""
    import json
    from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
    from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
    from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
    from ansible_collections.e2ereme.remediate.plugins.plugin_utils.run import ProcessRunner
    looked = Cluster(KubernetesTransport()).request("POST", REVIEW, None, ASK).json()
    task = f"    - {{name: Look, kubernetes.core.k8s_info: {{kind: ServiceAccount, namespace: {SPACE}, name: runner}}}}"
    head = "- hosts: localhost\\n  connection: local\\n  gather_facts: false\\n  tasks:\\n"
    with ProcessRunner() as runner:
        ran = runner.run(Playbook((), head + task, ()))
    print(json.dumps({"who": looked["status"]["userInfo"]["username"], "run": ran.tasks[0].message}))
""")
SPACE = f"account-{os.getpid()}"
REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
ASK = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


@pytest.fixture
def account() -> Iterator[str]:
    """The token of an account that may look at its own namespace."""
    cluster = Cluster(KubernetesTransport({"kubeconfig": os.environ["KUBECONFIG"]}))
    meta = {"name": "runner", "namespace": SPACE}
    group = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": meta,
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", **meta}],
    }
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    try:
        cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
        cluster.create(binding)
        ask = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        path = f"/api/v1/namespaces/{SPACE}/serviceaccounts/runner/token"
        yield str(cluster.request("POST", path, None, ask).json()["status"]["token"])
    finally:
        cluster.delete(ObjectRef("Namespace", "", SPACE))


def test_the_mounted_account_is_who_looks_and_who_runs(account: str, tmp_path: Path) -> None:
    if not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("this user may not make a mount namespace")
    cluster = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())["clusters"][0]["cluster"]
    (tmp_path / "token").write_text(account)
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    mount = textwrap.dedent(f"""
        mount -t tmpfs none /run && mkdir -p /var/run/secrets/kubernetes.io/serviceaccount &&
        cp {tmp_path}/token {tmp_path}/ca.crt /var/run/secrets/kubernetes.io/serviceaccount/ && exec "$@"
    """)
    host, port = cluster["server"].removeprefix("https://").split(":")

    done = subprocess.run(
        [
            "unshare",
            "-m",
            "sh",
            "-c",
            mount,
            "-",
            sys.executable,
            "-c",
            f"SPACE, REVIEW, ASK = {SPACE!r}, {REVIEW!r}, {ASK}\n{INSIDE}",
        ],
        env={
            **{name: value for name, value in os.environ.items() if name != "KUBECONFIG"},
            "HOME": str(tmp_path),
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {"who": f"system:serviceaccount:{SPACE}:runner", "run": "1 found"}
