"""What a look at a big namespace costs, in seconds and memory: ``make bench-probe``, on the cluster of KUBECONFIG.

Makes a namespace with as many Deployments and Pods as asked for, waits until they are there, and
measures in a process of its own for each: importing and connecting; the bare floor, which are the
same lists fetched in as many threads and thrown away unread; a look; what one round of verify reads.
Machines and moments differ: the ratio to the floor is what to compare.

The Pods tolerate the taint ``lab/crowd`` and prefer nodes with that label, which need not run anything.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median
from typing import Any

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.kinds import path_of
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import look
from ansible_collections.e2ereme.remediate.plugins.module_utils.reading import READ
from ansible_collections.e2ereme.remediate.plugins.module_utils.verify import verify

TARGETS = {100: 0.5, 5000: 5.0}
"""Seconds for a look, by Pods; the process of the larger one may take 500 MB."""
PAGE = 500
WAIT = 900.0


def main() -> None:
    """Prints one table for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", type=int, default=100, help="Deployments, each with a Service (default: 100)")
    parser.add_argument("--pods", type=int, nargs="+", default=[100, 1000], help="Pods of all of them together")
    parser.add_argument("--times", type=int, default=3, help="how often each thing is measured (default: 3)")
    parser.add_argument("--keep", action="store_true", help="leave the namespace")
    parser.add_argument("--profile", action="store_true", help="also say where the time of a look goes")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--namespace", default=f"bench-probe-{os.getpid()}", help="its name")
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps({**MEASURED, "profile": measure_profile}[asked.measure](asked.namespace)))
        return
    with namespace(asked) as cluster:
        for pods in asked.pods:
            grow(cluster, asked.namespace, asked.workloads, pods)
            report(asked, pods)


def report(asked: argparse.Namespace, pods: int) -> None:
    """Measures and prints."""
    print(f"\n{asked.workloads} Deployments and Services, {pods} Pods")
    print(f"{'':<34}{'seconds':>9}{'least':>8}{'CPU':>8}{'MB':>7}{'target':>8}")
    found: dict[str, float] = {}
    for name in MEASURED:
        runs = [measured(name, asked.namespace) for _ in range(asked.times)]
        seconds, peak = [run["seconds"] for run in runs], max(run["megabytes"] for run in runs)
        found[name] = median(seconds)
        busy = median(run["busy"] for run in runs)
        said = f"{TARGETS[pods]:.1f}" if name == "look" and pods in TARGETS else ""
        print(f"{name:<34}{median(seconds):>9.2f}{min(seconds):>8.2f}{busy:>8.2f}{peak:>7.0f}{said:>8}", flush=True)
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"look / floor {found['look'] / found['floor']:.2f}   {load}")
    if asked.profile:
        subprocess.run([sys.executable, __file__, "--measure", "profile", "--namespace", asked.namespace], check=True)


def measured(name: str, space: str) -> dict[str, float]:
    """One measurement, in a fresh process: nothing is warm, and its peak of memory is its own."""
    command = [sys.executable, __file__, "--measure", name, "--namespace", space]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Seconds of the work, those of them on a core, and the peak of memory of this process."""
    started, busy = time.perf_counter(), time.process_time()
    work()
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    return {"seconds": seconds, "busy": busy, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def connected(space: str) -> Cluster:
    """A Cluster whose connection is open."""
    cluster = Cluster(KubernetesTransport())
    cluster.now()
    return cluster


def measure_connecting(space: str) -> dict[str, float]:
    """Reading the kubeconfig, opening a connection, importing what that takes."""
    return timed(lambda: connected(space))


def measure_floor(space: str) -> dict[str, float]:
    """The lists that a look reads, unread."""
    transport = connected(space).transport

    def fetch(kind: str) -> None:
        query: dict[str, str] = {"limit": str(PAGE)}
        while True:
            answer = transport.request("GET", path_of(kind, "" if kind == "Node" else space), query, timeout=60)
            token = b'"continue":"' in answer.body[:500] and json.loads(answer.body)["metadata"].get("continue")
            if not token:
                return
            query = {**query, "continue": token}

    def everything() -> None:
        with ThreadPoolExecutor(KubernetesTransport.threads) as pool:
            list(pool.map(fetch, READ))

    return timed(everything)


def measure_look(space: str) -> dict[str, float]:
    """A look at one suspect, without requests: simulated Pods would let each of them wait in vain."""
    cluster = connected(space)
    return timed(lambda: look(cluster, space, (("web-0", ""),), measure=False))


def measure_look_and_ask(space: str) -> dict[str, float]:
    """The same with requests; where the Pods are simulated, none of which is answered in time."""
    cluster = connected(space)
    return timed(lambda: look(cluster, space, (("web-0", ""),)))


def measure_verify(space: str) -> dict[str, float]:
    """A Verdict without a settle window: every read that verify makes, once or twice."""
    cluster = connected(space)
    before = look(cluster, space, (("web-0", ""),))
    return timed(lambda: verify(cluster, before, (ObjectRef("Deployment", space, "web-0"),), settle=0.0, timeout=0.0))


def measure_profile(space: str) -> dict[str, float]:
    """Where the time of a look goes, to stdout."""
    import cProfile
    import pstats

    cluster = connected(space)
    profile = cProfile.Profile()
    with profile:
        look(cluster, space, (("web-0", ""),), measure=False)
    pstats.Stats(profile).sort_stats("cumulative").print_stats(35)
    return {}


MEASURED: dict[str, Callable[[str], dict[str, float]]] = {
    "connecting": measure_connecting,
    "floor": measure_floor,
    "look": measure_look,
    "look, with requests": measure_look_and_ask,
    "verify": measure_verify,
}


@contextmanager
def namespace(asked: argparse.Namespace) -> Iterator[Cluster]:
    """A namespace with the Deployments and Services, as yet without Pods."""
    cluster, ref = Cluster(KubernetesTransport()), ObjectRef("Namespace", "", asked.namespace)
    if cluster.find(ref) is None:
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": asked.namespace}})
    try:
        for number in range(asked.workloads):
            for manifest in workload(asked.namespace, number):
                if cluster.find(ObjectRef(manifest["kind"], asked.namespace, f"web-{number}")) is None:
                    cluster.create(manifest)
        yield cluster
    finally:
        if not asked.keep:
            cluster.delete(ref)


def grow(cluster: Cluster, space: str, workloads: int, pods: int) -> None:
    """Spreads the Pods over the Deployments, and waits until all are ready."""
    for number in range(workloads):
        count = pods // workloads + (number < pods % workloads)
        cluster.patch(ObjectRef("Deployment", space, f"web-{number}"), {"spec": {"replicas": count}})
    deadline = time.monotonic() + WAIT
    while (ready := sum(available(item) for item in cluster.list("Deployment", space))) < pods:
        if time.monotonic() > deadline:
            raise SystemExit(f"only {ready} of {pods} Pods are ready after {WAIT:.0f} s: are there nodes for them?")
        time.sleep(2.0)


def available(item: Mapping[str, Any]) -> int:
    return int(item.get("status", {}).get("readyReplicas", 0))


def workload(space: str, number: int) -> list[dict[str, Any]]:
    """A Deployment that calls the next one, and its Service."""
    name, labels = f"web-{number}", {"app": f"web-{number}"}
    container = {
        "name": "web",
        "image": "lab/python:1",
        "command": ["python3", "-m", "http.server", "8080"],
        "env": [{"name": "NEXT_URL", "value": f"http://web-{number + 1}:80/"}, {"name": "LEVEL", "value": "info"}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"memory": "64Mi"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
    }
    wanted = {"matchExpressions": [{"key": "lab/crowd", "operator": "Exists"}]}
    pod = {
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "tolerations": [{"key": "lab/crowd", "operator": "Exists"}],
        "affinity": {
            "nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": wanted}]}
        },
    }
    meta = {"name": name, "namespace": space}
    template = {"metadata": {"labels": labels}, "spec": pod}
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": labels, "ports": ports}},
    ]


if __name__ == "__main__":
    main()
