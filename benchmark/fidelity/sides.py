"""The two sides of a comparison: a sandbox furnished as the real cluster is, and that cluster.

Both are used through a Transport alone, so that nothing but the cluster behind it differs. The real one gets a
yardstick for the oracle: a Service in a namespace of its own, which nobody calls and no fault touches.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...plugins.module_utils.cluster import Cluster
from ...plugins.module_utils.connect import KubernetesTransport
from ...plugins.module_utils.errors import NotFound
from ...plugins.module_utils.evidence import ObjectRef
from ...sandbox.sandbox import Sandbox
from ...sandbox.systems import System
from ...sandbox.systems.parts import Blueprint, namespace, node, program_map, workload
from ...sandbox.systems.system import lab_image
from ..site import TransportSite

Side = Callable[[System, int], contextlib.AbstractContextManager[tuple[Any, TransportSite]]]
"""Opens a cluster, as a Transport and as the oracle's Site, for one system, not deployed yet, and a seed."""

YARDSTICK = "-yardstick"
"""What the name of the yardstick's namespace adds to the system's."""

_GONE_SECONDS = 120.0
_CORES, _MEMORY_MIB = 2, 24104  # of each of the real cluster's two nodes


@contextlib.contextmanager
def sandbox(system: System, seed: int) -> Iterator[tuple[Any, TransportSite]]:
    """A sandbox with two nodes like the real ones."""
    nodes = tuple(node(f"node-{number}", f"10.123.0.1{number}", _CORES, _MEMORY_MIB) for number in (1, 2))
    transport = Sandbox(replace(system, manifests=(*nodes, *system.manifests)), seed).transport()
    yield transport, TransportSite(transport)


@contextlib.contextmanager
def cluster(system: System, seed: int) -> Iterator[tuple[Any, TransportSite]]:
    """The cluster of KUBECONFIG; the system's namespaces are removed before and after."""
    transport = KubernetesTransport()
    here = Cluster(transport)
    spaces = [ObjectRef("Namespace", "", name) for name in (system.namespace, system.namespace + YARDSTICK)]
    for space in spaces:
        _remove(here, space)
    try:
        yield transport, TransportSite(transport, yardstick(here, spaces[1].name))
    finally:
        for space in spaces:
            with contextlib.suppress(NotFound):
                here.delete(space)


SIDES: Mapping[str, Side] = {"sandbox": sandbox, "cluster": cluster}


def _remove(here: Cluster, space: ObjectRef) -> None:
    """What an interrupted trial left would be taken for the system."""
    deadline = time.monotonic() + _GONE_SECONDS
    while here.find(space) is not None and time.monotonic() < deadline:
        with contextlib.suppress(NotFound):
            here.delete(space)
        time.sleep(2.0)


def yardstick(here: Cluster, space: str, labels: Mapping[str, str] | None = None) -> tuple[str, str, int]:
    """Deploys one Pod of the stand-in program in a namespace, made with these labels; for TransportSite."""
    port = 8080
    plan = Blueprint(
        name="yardstick",
        namespace=space,
        image=lab_image("yardstick"),
        labels={"app": "yardstick"},
        env=({"name": "PORT", "value": str(port)},),
        port=port,
        resources={"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}},
        service="yardstick",
        service_port=port,
    )
    made = namespace(space)
    made["metadata"]["labels"] = dict(labels or {})
    for manifest in (made, program_map(space), *workload(plan)):
        here.create(manifest)
    return space, "yardstick", port
