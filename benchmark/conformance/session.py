"""Lets every client do what session.yaml says, through a Recorder, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from ...plugins.module_utils.cluster import Cluster
from ...plugins.module_utils.connect import KubernetesTransport
from ...plugins.module_utils.errors import InputError, NotFound
from ...plugins.module_utils.evidence import ObjectRef
from ...sandbox.systems.parts import program_map
from . import clients
from .exchange import Exchange
from .recorder import Recorder, recording

SPACE = "conformance"
SPACES = (SPACE, f"{SPACE}-full")
_SESSION = Path(__file__).with_name("session.yaml")
_PLAY = Path(__file__).with_name("play.yml")
_CALM_WITHIN = 30.0
_LONGEST = 90

Object = dict[str, Any]


def record(kubeconfig: Path, say: Callable[[str], None], steps: int | None = None) -> list[Exchange]:
    """The session against the cluster of a kubeconfig; ``steps``: only the first so many of kubectl's. Raises
    InputError."""
    cluster = Cluster(KubernetesTransport({"kubeconfig": str(kubeconfig)}))
    for space in SPACES:
        if cluster.find(ObjectRef("Namespace", "", space)):
            raise InputError(f"The namespace {space} is there already.", "Delete it first: a session starts afresh.")
    session = yaml.safe_load(_SESSION.read_text("utf-8"))
    manifests = {**session["manifests"], "program": program_map(SPACE)}
    try:
        with recording(kubeconfig) as recorder, tempfile.TemporaryDirectory() as home:
            config = Path(home, "kubeconfig")
            config.write_text(json.dumps(recorder.kubeconfig(SPACE)), "utf-8")
            environment = {**os.environ, "KUBECONFIG": str(config), "K8S_AUTH_KUBECONFIG": str(config), "HOME": home}
            for step in session["kubectl"][:steps]:
                _kubectl(recorder, cluster, environment, step, manifests, say)
            if steps is not None:
                return recorder.in_order()
            _play(recorder, cluster, environment, say)
            for name, act in (
                ("python", clients.python_client),
                ("kr8s", clients.kr8s_client),
                ("probe", clients.probe),
            ):
                _client(recorder, cluster, config, name, act, say)
            return recorder.in_order()
    finally:
        for space in SPACES:
            try:
                cluster.delete(ObjectRef("Namespace", "", space))
            except NotFound:
                continue
        _delete_definition(cluster)


def _kubectl(
    recorder: Recorder, cluster: Cluster, environment: dict[str, str], step: Object, manifests: Object, say: Any
) -> None:
    calm = step.get("calm", True)
    if calm:
        _wait_until_calm(cluster)
    recorder.client = "kubectl"
    recorder.step = f"{'' if calm else '~'}kubectl {step['run']}"
    given = json.dumps(manifests[step["given"]]) if "given" in step else None
    try:
        done = subprocess.run(
            [shutil.which("kubectl") or "kubectl", *shlex.split(step["run"])],
            input=given,
            capture_output=True,
            text=True,
            env=environment,
            timeout=_LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        say(f"{step['run']}: NO END")
        return
    say(f"{step['run']}: {(done.stdout + done.stderr).strip()[:100]!r}")


def _play(recorder: Recorder, cluster: Cluster, environment: dict[str, str], say: Callable[[str], None]) -> None:
    _wait_until_calm(cluster)
    recorder.client, recorder.step = "kubernetes.core", "play"
    command = [str(Path(sys.executable).with_name("ansible-playbook")), str(_PLAY), "-i", "localhost,", "-c", "local"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    say(f"play: {done.stdout[-300:]} {done.stderr[-300:]}")


def _client(
    recorder: Recorder, cluster: Cluster, config: Path, name: str, act: Any, say: Callable[[str], None]
) -> None:
    def mark(what: str) -> None:
        _wait_until_calm(cluster)
        recorder.client, recorder.step = name, f"{name}: {what}"

    try:
        act(config, SPACE, mark)
        say(f"{name}: done")
    except Exception as error:  # what it asked until then is recorded, and the session goes on
        say(f"{name}: broke off: {type(error).__name__}: {error}")


def _wait_until_calm(cluster: Cluster) -> None:
    """Until no workload of the session moves and no Pod is going, or for half a minute."""
    end = time.monotonic() + _CALM_WITHIN
    while time.monotonic() < end and not _calm(cluster):
        time.sleep(0.2)


def _calm(cluster: Cluster) -> bool:
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        for item in cluster.list(kind, SPACE):
            status = item.get("status", {})
            wanted = item["spec"].get("replicas", status.get("desiredNumberScheduled", 0))
            ready = status.get("readyReplicas", status.get("numberReady", 0))
            pods = status.get("replicas", status.get("currentNumberScheduled", 0))
            if (
                status.get("observedGeneration") != item["metadata"].get("generation")
                or wanted != ready
                or pods != ready
            ):
                return False
    if any(job.get("status", {}).get("active") for job in cluster.list("Job", SPACE)):
        return False
    return not any(pod["metadata"].get("deletionTimestamp") for space in SPACES for pod in cluster.list("Pod", space))


def _delete_definition(cluster: Cluster) -> None:
    try:
        cluster.request("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.conformance.example")
    except NotFound:
        return
