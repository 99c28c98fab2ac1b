"""Cases on a real cluster: each in a namespace of its own, by real Ansible, judged from the clients' side.

The system, the shop unless another is named, is deployed with its past, watched, broken, and repaired by
``playbooks/remediate.yml`` as anybody runs it; the methods without a model go the same way from the Order on.
Nothing is left on the cluster.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..model import adapters
from ..plugins.module_utils.cluster import Cluster
from ..plugins.module_utils.connect import KubernetesTransport
from ..plugins.module_utils.errors import InputError, NotFound
from ..plugins.module_utils.evidence import ObjectRef
from ..plugins.plugin_utils.conduct import Order, conduct
from ..sandbox import faults
from ..sandbox.systems import System, choose, deploy
from ..sandbox.systems.system import on_lab
from . import methods
from .cases import Case, Scene, StageError
from .courses import COURSES
from .differences import differences
from .fidelity.sides import yardstick
from .methods import Method
from .oracle import Charge, Judgement, Observation, judge, observe, observe_steady
from .run import Result, result_of
from .site import TransportSite

COMPARED = ("adapter", "random", "restart", "undo", "nothing")
WATCH_SECONDS, RENEWAL_SECONDS = 30.0, 30.0
"""Of real time for the judge, and for new Pods: the lab's programs start at once."""
_PLAYED = {"adapter": "default", "base": "none"}
"""Methods that are the playbook itself, and the model that it is given."""
_SAMPLES, _BASELINE_SAMPLES = 5, 10
_MARK = "e2ereme.remediate/bench"
_UP_SECONDS = 240.0
_PLAY_SECONDS = 900.0


def cases(chosen: Sequence[str], seeds: Sequence[int], system: str = "") -> list[Case]:
    """Each fault once a seed, on the system of that name or on the shop.

    Variants take turns over seeds and over faults: with one seed not all are the first. Raises InputError for a
    course: what comes at a moment of the sandbox's clock has none here.
    """
    made = []
    if moving := set(chosen) & set(COURSES):
        raise InputError(f"The course {min(moving)} is the sandbox's alone.", "Leave --on-cluster out.")
    for row, name in enumerate(chosen):
        variants = faults.FAULTS[name].variants
        made += [Case(name, variants[(row + turn) % len(variants)], seed, system) for turn, seed in enumerate(seeds)]
    return made


def method(name: str) -> Method:
    """As methods.method; the model runs in its worker, not in this process."""
    if name in _PLAYED:
        return Method(name, None, model=adapters.find(_PLAYED[name]).key)
    return methods.method(name)


@dataclass(frozen=True)
class OnCluster:
    """Measures on the cluster of KUBECONFIG. ``folder`` keeps an Episode each; ``mark`` tells its namespaces."""

    folder: Path
    mark: str

    def clear(self) -> None:
        """Removes namespaces that an earlier run with the same mark had to leave."""
        cluster = Cluster(KubernetesTransport())
        for item in cluster.list("Namespace", query={"labelSelector": f"{_MARK}={self.mark}"}):
            with contextlib.suppress(NotFound):
                cluster.delete(ObjectRef("Namespace", "", item["metadata"]["name"]))

    def version(self) -> str:
        """What the cluster says of itself."""
        said = json.loads(KubernetesTransport().request("GET", "/version").body)
        nodes = len(Cluster(KubernetesTransport()).list("Node"))
        return f"Kubernetes {said['gitVersion']}, {nodes} nodes; each case in a namespace of its own"

    def measure(self, case: Case, method: Method) -> Result:
        """Stages a case afresh, lets the method act, and has the oracle judge. Raises StageError."""
        folder = self.folder / f"{case.fault}-{case.variant}-{case.seed}-{method.name}"
        with self._staged(case) as scene:
            started = time.monotonic()
            document = _perform(scene, method, folder)
            wall = time.monotonic() - started
            after = observe(scene.site, scene.charge.namespace)
            judgement = judge(scene.site, scene.charge, document["outcome"], WATCH_SECONDS, RENEWAL_SECONDS, _SAMPLES)
        return _result(scene, method, document, wall, after, judgement)

    @contextlib.contextmanager
    def _staged(self, case: Case) -> Iterator[Scene]:
        transport = KubernetesTransport()
        name = re.sub(r"[^a-z0-9]+", "-", f"bench-{case.fault}-{uuid.uuid4().hex[:6]}")
        system = _marked(on_lab(choose(case.system or "shop"), name), self.mark)
        try:
            deploy(transport, system)
            _until_well(transport, system, case)
            site = TransportSite(transport, yardstick(Cluster(transport), f"{name}-yardstick", {_MARK: self.mark}))
            healthy = observe(site, name, _BASELINE_SAMPLES)
            rng = random.Random(f"on cluster {case.key}")
            try:
                injected = faults.inject(case.fault, transport, system, rng, case.variant, linger=(0.0, 5.0))
            except faults.CannotInject as error:
                raise StageError(f"{case.key}: {error}") from error
            try:
                if not faults.confirm(transport, injected):
                    raise StageError(f"{case.key}: the fault does not show on this cluster")
                charge = Charge(
                    name,
                    injected.right,
                    healthy,
                    observe_steady(site, name),
                    ObjectRef(injected.culprit["kind"], name, injected.culprit["name"]),
                    lambda: faults.confirm(transport, injected),
                )
                with faults.following(transport, injected):
                    yield Scene(case, None, system, site, charge, rng.choice(injected.reports), injected)
            finally:
                faults.withdraw(transport, injected)
        finally:
            for space in (name, f"{name}-yardstick"):
                with contextlib.suppress(NotFound):
                    Cluster(transport).delete(ObjectRef("Namespace", "", space))


def _marked(system: System, mark: str) -> System:
    """The system with its Namespace labelled, so that it is found again."""

    def labelled(item: dict[str, Any]) -> dict[str, Any]:
        labels = {**item["metadata"].get("labels", {}), _MARK: mark}
        return {**item, "metadata": {**item["metadata"], "labels": labels}}

    manifests = tuple(labelled(item) if item["kind"] == "Namespace" else item for item in system.manifests)
    return replace(system, manifests=manifests)


def _until_well(transport: Any, system: System, case: Case) -> None:
    deadline = time.monotonic() + _UP_SECONDS
    while wrong := faults.healthy(transport, system):
        if time.monotonic() > deadline:
            raise StageError(f"{case.key}: not up after {_UP_SECONDS:.0f} s: {'; '.join(wrong)}")
        time.sleep(2.0)


def _perform(scene: Scene, method: Method, folder: Path) -> Mapping[str, Any]:
    """One Episode, as its episode.json."""
    said = f"what it said is in {folder}"
    if method.name in _PLAYED:
        _play(scene, _PLAYED[method.name], folder)
    elif method.asks is None:
        return {"outcome": "exhausted", "message": "exhausted: nobody came", "attempts": [], "steps": [], "seconds": {}}
    else:
        ask = method.asks(scene)
        order = Order(report=scene.report, namespace=scene.system.namespace, out=str(folder), bounds=method.bounds)
        said = conduct(order, lambda: ask, lambda _: None).episode.message
    try:
        document = json.loads((folder / "episode.json").read_text("utf-8"))
    except FileNotFoundError:
        raise StageError(f"{scene.case.key}: {method.name} left no Episode: {said}") from None
    assert isinstance(document, dict)
    return document


def _play(scene: Scene, model: str, folder: Path) -> None:
    """``ansible-playbook playbooks/remediate.yml``. What it says lies beside the Episode."""
    playbook = Path(__file__).resolve().parent.parent / "playbooks" / "remediate.yml"
    variables = {
        "report": scene.report,
        "remediate_namespace": scene.system.namespace,
        "remediate_out": str(folder.absolute()),
        "remediate_model": model,
    }
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook), "-e", json.dumps(variables)]
    with (folder / "output.txt").open("wb") as output:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
            timeout=_PLAY_SECONDS,
            check=False,
        )


def _result(
    scene: Scene, method: Method, document: Mapping[str, Any], wall: float, after: Observation, judgement: Judgement
) -> Result:
    steps = document["steps"]
    return result_of(
        scene,
        method,
        judgement,
        wall,
        document["outcome"],
        document["message"],
        attempts=len(document["attempts"]),
        steps=len(steps),
        model_seconds=round(sum(step["seconds"] for step in steps), 4),
        tokens_in=sum(step["tokens_in"] for step in steps),
        tokens_out=sum(step["tokens_out"] for step in steps),
        bits=round(sum(step["bits"] or 0.0 for step in steps), 2),
        diagnosis=steps[-1]["diagnosis"] if steps else "",
        seconds=dict(document["seconds"]),
        broken=differences(scene.charge.healthy.state, scene.charge.broken.state),
        changed=differences(scene.charge.broken.state, after.state),
    )
