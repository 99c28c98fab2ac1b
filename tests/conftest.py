"""What all tests share: where the checkout is, which tests need a real cluster, how hypothesis searches."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

from ansible_collections.e2ereme.remediate.benchmark.expert import expert
from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Evidence, Inventory
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.policy import load_policy
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report import Report
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.step import EscalateStep
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.wishes import Write

ROOT = Path(__file__).resolve().parent.parent

# A noisy machine is no failure; and the same commit must give the same result: seeds come from the test itself.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository root, which is the collection root."""
    return ROOT


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in tests/lab need a real Kubernetes, some of them much of it; else they are skipped, and say why."""
    takes_long = pytest.mark.skip(reason="takes minutes: LAB_LONG=1 runs it too")
    needs_cluster = pytest.mark.skip(reason="no real cluster: set KUBECONFIG, and LAB=1 for make test")
    for item in items:
        if ROOT / "tests" / "lab" in item.path.parents:
            item.add_marker(pytest.mark.lab)
        if item.get_closest_marker("lab") and not os.environ.get("KUBECONFIG"):
            item.add_marker(needs_cluster)
        if item.get_closest_marker("long") and not os.environ.get("LAB_LONG"):
            item.add_marker(takes_long)


@pytest.fixture
def truthful() -> Iterator[Callable[[Any, Callable[[], Cluster]], str]]:
    """Starts a model that knows what was injected: called with it and with the way to the cluster, gives its address.

    With it, everything but the model is tested.
    """
    with contextlib.ExitStack() as servers:

        def start(injected: Any, cluster: Callable[[], Cluster]) -> str:
            return servers.enter_context(_model_server(lambda: _truth(injected, cluster())))

        yield start


def _truth(injected: Any, cluster: Cluster) -> str:
    kinds = dict.fromkeys((*(edit.kind for edit in injected.edits), injected.workload["kind"]))
    objects = {kind: tuple(cluster.list(kind, injected.namespace)) for kind in kinds}
    evidence = Evidence((), (), Inventory(injected.namespace, cluster.now(), objects))
    report = Report("", (), injected.namespace, "", "", "")
    scene = SimpleNamespace(injected=injected, unfolding=None, charge=SimpleNamespace(right=injected.right))
    ask = expert(scene)  # type: ignore[arg-type]
    step = ask(report, Write(evidence, (), (), ()), load_policy()).step
    said = f"escalate\nreason: {step.reason}\n" if isinstance(step, EscalateStep) else f"playbook\n{step.text}"  # type: ignore[union-attr]
    return f"cites: none\ndiagnosis: what was injected\nstep: {said}"


@contextlib.contextmanager
def _model_server(answer: Callable[[], str]) -> Iterator[str]:
    """Speaks the OpenAI protocol."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            message = {"role": "assistant", "content": answer()}
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
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
