"""What tests and measurements from outside need: a cluster, a model that answers from a script, ansible-playbook."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import STRATEGIC_PATCH, Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import serve
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

Answer = str | Callable[[], str]


@dataclass
class Place:
    """A cluster and a namespace in it with a healthy Deployment ``cart`` and its Service."""

    kubeconfig: str
    namespace: str
    cluster: Cluster

    def __post_init__(self) -> None:
        self.cart = ObjectRef("Deployment", self.namespace, "cart")
        self.good = self.image()
        self.bad = self.good.rpartition(":")[0] + ":none"
        self.worse = self.good.rpartition(":")[0] + ":none-either"

    def image(self) -> str:
        """The image that ``cart`` is to run."""
        return str(self.cluster.get(self.cart)["spec"]["template"]["spec"]["containers"][0]["image"])

    def break_image(self) -> None:
        """Rolls out an image that does not exist, and waits until that shows."""
        containers = [{"name": "cart", "image": self.bad}]
        self.cluster.patch(self.cart, {"spec": {"template": {"spec": {"containers": containers}}}}, STRATEGIC_PATCH)
        self.wait_for(lambda: "ImagePull" in json.dumps(self.cluster.list("Pod", self.namespace)))

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Waits for the cluster."""
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, "the cluster did not get there in time"
            time.sleep(0.1)


@dataclass
class ScriptedModel:
    """A server that speaks the OpenAI protocol and gives ``answers`` in turn, the last again and again."""

    answers: Sequence[Answer] = ()
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Played:
    """A finished ansible-playbook. ``result`` is what the task registered, ``episode`` is episode.json."""

    rc: int
    output: str
    folder: Path

    @property
    def episode(self) -> dict[str, Any]:
        found = json.loads((self.folder / "episode.json").read_text("utf-8"))
        assert isinstance(found, dict)
        return found


@dataclass(frozen=True)
class Player:
    """Runs playbooks/remediate.yml, or another playbook, against a Place."""

    root: Path
    place: Place
    model: ScriptedModel
    folder: Path

    def start(self, *arguments: str, playbook: str = "", **variables: Any) -> subprocess.Popen[str]:
        """The running ansible-playbook."""
        chosen = {
            "report": "cart does not answer",
            "remediate_namespace": self.place.namespace,
            "remediate_out": str(self.folder),
            "remediate_settle": 1,
            "remediate_model": self.model.url,
            "remediate_kubeconfig": self.place.kubeconfig,
            **variables,
        }
        given = {name: value for name, value in chosen.items() if value is not None}
        play = playbook or str(self.root / "playbooks" / "remediate.yml")
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("ansible-playbook")), play, "-e", json.dumps(given), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder.parent,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "XDG_STATE_HOME": str(self.folder.parent / "state")},
        )

    def __call__(self, *arguments: str, playbook: str = "", **variables: Any) -> Played:
        process = self.start(*arguments, playbook=playbook, **variables)
        output, _ = process.communicate(timeout=120)
        return Played(process.returncode, output, self.folder)


@contextlib.contextmanager
def simulated(folder: Path) -> Iterator[Place]:
    """The simulated shop, its clock five times as fast as ours."""
    sandbox = Sandbox(shop(), seed=1)
    sandbox.advance(60)
    with serve(sandbox, speed=5) as served:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(served.kubeconfig))
        cluster = Cluster(KubernetesTransport({"kubeconfig": str(kubeconfig)}))
        yield Place(str(kubeconfig), "shop", cluster)


@contextlib.contextmanager
def on_lab() -> Iterator[Place]:
    """A namespace of its own on the cluster of KUBECONFIG."""
    kubeconfig = os.environ["KUBECONFIG"]
    cluster = Cluster(KubernetesTransport({"kubeconfig": kubeconfig}))
    namespace = f"play-{os.getpid()}-{time.monotonic_ns() % 100000}"
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    try:
        for manifest in cart(namespace):
            cluster.create(manifest)
        found = Place(kubeconfig, namespace, cluster)
        found.wait_for(lambda: cluster.get(found.cart).get("status", {}).get("readyReplicas") == 1)
        yield found
    finally:
        cluster.delete(ObjectRef("Namespace", "", namespace))


@contextlib.contextmanager
def scripted_model() -> Iterator[ScriptedModel]:
    """The scripted server; set its ``answers``."""
    script = ScriptedModel()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            script.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            assert script.answers, "nobody expected the model to be asked"
            answer = script.answers[min(len(script.asked), len(script.answers)) - 1]
            message = {"role": "assistant", "content": answer if isinstance(answer, str) else answer()}
            usage = {"prompt_tokens": 100, "completion_tokens": 20}
            reply = json.dumps({"choices": [{"message": message}], "usage": usage}).encode()
            with contextlib.suppress(OSError):  # whoever asked was cancelled meanwhile
                self.send_response(200)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()


def cart(namespace: str) -> list[dict[str, Any]]:
    """A Deployment that serves on port 8080, and its Service."""
    container = {
        "name": "cart",
        "image": "lab/python:1",
        "command": ["python3", "-m", "http.server", "8080"],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
    }
    labels = {"app": "cart"}
    pod = {"containers": [container], "terminationGracePeriodSeconds": 0}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "cart", "namespace": namespace},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "cart", "namespace": namespace},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    ]


def patch(place: Place, image: str) -> str:
    """An answer that gives ``cart`` an image."""
    return textwrap.dedent(f"""\
        cites: e1
        diagnosis: wrong image tag
        step: playbook
        - tasks:
          - name: Patch Deployment cart
            kubernetes.core.k8s:
              state: patched
              api_version: apps/v1
              kind: Deployment
              namespace: {place.namespace}
              name: cart
              definition:
                spec:
                  template:
                    spec:
                      containers:
                      - name: cart
                        image: {image}
        """)
