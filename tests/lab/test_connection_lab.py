"""Every way of kubernetes.core to name a cluster reaches the same one: to look at it, and in a run."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.emit import emit
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.run import ProcessRunner

pytestmark = pytest.mark.lab

SPACE = f"connection-{os.getpid()}"
CLUSTER = "https://127.0.0.1:1"
"""Where nobody listens: what a wrongly chosen context would lead to."""


@dataclass(frozen=True)
class Given:
    """The lab's address and credentials, each by itself, and files of them."""

    host: str
    token: str
    content: dict[str, Any]
    folder: Path

    def file(self, name: str, text: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)

    def decoded(self, name: str) -> str:
        """A file of what the kubeconfig holds in base64."""
        entry = {**self.content["clusters"][0]["cluster"], **self.content["users"][0]["user"]}
        if name in entry:
            return str(entry[name])
        return self.file(name, base64.b64decode(entry[f"{name}-data"]))

    @property
    def authority(self) -> str:
        return self.decoded("certificate-authority")

    def several(self) -> str:
        """A kubeconfig whose present context leads nowhere; ``lab`` is another one in it."""
        clusters = [self.content["clusters"][0], {"name": "gone", "cluster": {"server": CLUSTER}}]
        user, cluster = self.content["users"][0]["name"], clusters[0]["name"]
        contexts = [
            {"name": "gone", "context": {"cluster": "gone", "user": user}},
            {"name": "lab", "context": {"cluster": cluster, "user": user}},
        ]
        made = {**self.content, "clusters": clusters, "contexts": contexts, "current-context": "gone"}
        return self.file("several", yaml.safe_dump(made))

    def parts(self) -> str:
        """The same in two files: the clusters and the contexts in one, the users in the other."""
        users = {"apiVersion": "v1", "kind": "Config", "users": self.content["users"]}
        rest = {**self.content, "users": []}
        return os.pathsep.join((self.file("rest", yaml.safe_dump(rest)), self.file("users", yaml.safe_dump(users))))


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    where = os.environ["KUBECONFIG"]
    content = yaml.safe_load(Path(where).read_text("utf-8"))
    cluster = Cluster(KubernetesTransport({"kubeconfig": where}))
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    try:
        yield Given(
            content["clusters"][0]["cluster"]["server"],
            reader(cluster),
            content,
            tmp_path_factory.mktemp("connection"),
        )
    finally:
        cluster.delete(ObjectRef("Namespace", "", SPACE))


def reader(cluster: Cluster) -> str:
    """The token of an account that may list ConfigMaps."""
    meta = {"name": "reader", "namespace": SPACE}
    group = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]
    role = {"apiGroup": group, "kind": "Role", "name": "reader"}
    subjects = [{"kind": "ServiceAccount", **meta}]
    cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    cluster.create({"apiVersion": f"{group}/v1", "kind": "Role", "metadata": meta, "rules": rules})
    cluster.create(
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": role,
            "subjects": subjects,
        }
    )
    ask = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{SPACE}/serviceaccounts/reader/token"
    return str(json.loads(cluster.request("POST", path, None, ask).body)["status"]["token"])


OPTIONS: dict[str, Callable[[Given], dict[str, Any]]] = {
    "kubeconfig": lambda given: {"kubeconfig": given.file("config", yaml.safe_dump(given.content))},
    "kubeconfig inline": lambda given: {"kubeconfig": given.content},
    "kubeconfig in parts": lambda given: {"kubeconfig": given.parts()},
    "context": lambda given: {"kubeconfig": given.several(), "context": "lab"},
    "host and api_key": lambda given: {"host": given.host, "api_key": given.token, "ca_cert": given.authority},
    "no check of certificates": lambda given: {"host": given.host, "api_key": given.token, "validate_certs": False},
    "client certificates": lambda given: {
        "host": given.host,
        "client_cert": given.decoded("client-certificate"),
        "client_key": given.decoded("client-key"),
        "ca_cert": given.authority,
    },
}
ENVIRONMENTS: dict[str, Callable[[Given], dict[str, str]]] = {
    "K8S_AUTH_KUBECONFIG": lambda given: {"K8S_AUTH_KUBECONFIG": given.several(), "K8S_AUTH_CONTEXT": "lab"},
    "K8S_AUTH_HOST": lambda given: {
        "K8S_AUTH_HOST": given.host,
        "K8S_AUTH_API_KEY": given.token,
        "K8S_AUTH_SSL_CA_CERT": given.authority,
    },
    "K8S_AUTH_VERIFY_SSL": lambda given: {
        "K8S_AUTH_HOST": given.host,
        "K8S_AUTH_API_KEY": given.token,
        "K8S_AUTH_VERIFY_SSL": "no",
    },
    "KUBECONFIG in parts": lambda given: {"KUBECONFIG": given.parts()},
}


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No cluster in the environment but the one that a test puts there."""
    for name in [name for name in os.environ if name.startswith("K8S_AUTH_") or name == "KUBECONFIG"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


@pytest.mark.parametrize("way", OPTIONS)
def test_options_reach_the_cluster(way: str, given: Given, nothing_set: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = OPTIONS[way](given)
    assert found_by_looking(options) == found_by_a_run(options, tmp_path) == ["kube-root-ca.crt"]


@pytest.mark.parametrize("way", ENVIRONMENTS)
def test_the_environment_reaches_the_cluster(
    way: str, given: Given, nothing_set: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in ENVIRONMENTS[way](given).items():
        nothing_set.setenv(name, value)
    assert found_by_looking({}) == found_by_a_run({}, tmp_path) == ["kube-root-ca.crt"]


def test_a_proxy_is_gone_through(given: Given, nothing_set: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with a_proxy() as (address, asked):
        options = {"host": given.host, "api_key": given.token, "ca_cert": given.authority, "proxy": address}
        assert found_by_looking(options) == ["kube-root-ca.crt"]
        looked = len(asked)
        assert found_by_a_run(options, tmp_path) == ["kube-root-ca.crt"]
    assert 0 < looked < len(asked)
    assert set(asked) == {given.host.removeprefix("https://")}


def test_a_pod_of_the_cluster_uses_its_own_account(given: Given, nothing_set: pytest.MonkeyPatch) -> None:
    from kubernetes.config import incluster_config

    host, port = given.host.removeprefix("https://").split(":")
    nothing_set.setenv("KUBERNETES_SERVICE_HOST", host)
    nothing_set.setenv("KUBERNETES_SERVICE_PORT", port)
    nothing_set.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", given.file("token", given.token))
    nothing_set.setattr(incluster_config, "SERVICE_CERT_FILENAME", given.authority)
    assert found_by_looking({}) == ["kube-root-ca.crt"]


def found_by_looking(options: dict[str, Any]) -> list[str]:
    """The ConfigMaps of the namespace, as the probe reads them."""
    found = Cluster(KubernetesTransport(options)).list("ConfigMap", SPACE)
    return [item["metadata"]["name"] for item in found]


def found_by_a_run(options: dict[str, Any], folder: Path) -> list[str]:
    """The same, as a task of a run reads them; what it says where it cannot."""
    args = {"api_version": "v1", "kind": "ConfigMap", "namespace": SPACE, "name": "kube-root-ca.crt"}
    look = {"name": "Look", "kubernetes.core.k8s_info": args, "register": "maps"}
    until = {"until": "maps.resources | length == 1", "retries": 0}
    text, _ = emit("Look", ({**look, **until},))
    with ProcessRunner(options, parent=folder) as runner:
        done = runner.run(Playbook((look,), text, ()))
    return ["kube-root-ca.crt"] if done.ok else [str(done)]


@contextlib.contextmanager
def a_proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy that tunnels: its address, and whom it was asked for."""
    server = socket.create_server(("127.0.0.1", 0))
    asked: list[str] = []

    def tunnel(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            where = head.split()[1].decode()
            asked.append(where)
            host, port = where.rsplit(":", 1)
            with socket.create_connection((host, int(port))) as beyond:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                ends = {client: beyond, beyond: client}
                while True:
                    for end in select.select(list(ends), [], [])[0]:
                        data = end.recv(65536)
                        if not data:
                            return
                        ends[end].sendall(data)

    def serve() -> None:
        with contextlib.suppress(OSError):  # closed at the end
            while True:
                threading.Thread(target=tunnel, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
    finally:
        server.close()
