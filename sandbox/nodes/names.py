"""Names: what a program gets that looks up a Service, and how long that takes.

A Pod asks the cluster's DNS, the Service kube-dns, which leads to CoreDNS: names are there only while some CoreDNS
answers for the cluster's domain. A cluster that was made without a DNS has names all the same (they are somebody
else's). The waits are glibc's, measured: without an endpoint behind kube-dns the question is refused at once or after
5 s; where nobody answers, four times 5 s pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..controllers.endpoints import slices_of
from ..controllers.world import World
from .link import NEVER, Link
from .policies import Policies
from .run import ContainerRun, PodRun

Object = dict[str, Any]

SPACE, SERVICE, ADDRESS, DOMAIN = "kube-system", "kube-dns", "10.96.0.10", "cluster.local"

_QUICKLY = 0.01  # seconds until somebody has said no
_PATIENCE = 5.0  # of a resolver for one try
_LONGEST_CHAIN = 8  # names that lead to names
_TRIES = 4  # two for each of a name's two address families


@dataclass(frozen=True)
class Found:
    """The Service of a name (None: it is not resolved), how many seconds it took to know, and the one Pod that is
    meant where the name is a Pod's."""

    service: Object | None
    seconds: float
    pod: str = ""


class Names:
    """``runs``: Pods by their address."""

    def __init__(self, world: World, link: Link, policies: Policies, runs: dict[str, PodRun]) -> None:
        self._world, self._link, self._policies, self._runs = world, link, policies, runs
        self.kept_by_cluster = False
        self._found: tuple[list[Object], list[tuple[PodRun, ContainerRun | None]]] = ([], [])
        self._well_at = (-1, -1.0)  # when all servers did: the version of the store, virtual seconds
        self._known: dict[tuple[str, str], Found] = {}  # (name, who asks) -> what the store of that version says
        self._known_of = -1

    def __getstate__(self) -> Object:
        return {**vars(self), "_found": ([], []), "_known": {}, "_known_of": -1}

    def look_up(self, host: str, namespace: str, client: PodRun | None, hops: int = 0) -> Found:
        """What a program in that namespace gets that asks for a name."""
        version = self._world.store.version
        if hops or client is None or not client.asks_cluster or not self._is_well(version):
            return self._looked_up(host, namespace, client, hops)
        if self._known_of != version:
            self._known, self._known_of = {}, version
        found = self._known.get((host, namespace))
        if found is None:
            found = self._known[host, namespace] = self._looked_up(host, namespace, client, hops)
        return found

    def _is_well(self, version: int) -> bool:
        """Whether names are told at once to whoever asks. Within one moment that stays so."""
        if self._world.strains.any or not self.kept_by_cluster:
            return not self.kept_by_cluster
        now = (version, self._world.clock.elapsed)
        if self._well_at != now and not self._policies.any and self._all_serve():
            self._well_at = now
        return self._well_at == now

    def _looked_up(self, host: str, namespace: str, client: PodRun | None, hops: int) -> Found:
        seconds = 0.0
        if self.kept_by_cluster and client is not None and client.asks_cluster:
            well, seconds = self._ask(client)
            if not well:
                return Found(None, seconds)
        if client is not None and not client.asks_cluster:
            return Found(None, seconds + _QUICKLY)
        for pod, service, space in _candidates(host.split("."), namespace):
            found = self._world.store.get("Service", space, service)
            if found is None or (pod and not self._is_host(pod, found)):
                continue
            if found["spec"].get("type") == "ExternalName":
                other = str(found["spec"].get("externalName", "")).rstrip(".")
                inside = other.endswith(f".svc.{DOMAIN}") and hops < _LONGEST_CHAIN
                return self.look_up(other, namespace, client, hops + 1) if inside else Found(None, seconds + _QUICKLY)
            return Found(found, seconds, pod)
        return Found(None, seconds + _QUICKLY)

    def _is_host(self, name: str, service: Object) -> bool:
        """Whether a Pod has a name of its own within the Service: a headless one that governs it."""
        meta = service["metadata"]
        pod = self._world.store.get("Pod", meta["namespace"], name)
        if service["spec"].get("clusterIP") != "None" or pod is None:
            return False
        return bool(pod["spec"].get("hostname") == name and pod["spec"].get("subdomain") == meta["name"])

    def _ask(self, client: PodRun) -> tuple[bool, float]:
        """(whether the cluster's DNS tells the cluster's names, seconds)."""
        if not self._has_address():
            return False, _TRIES * _PATIENCE
        if not self._world.strains.any and not self._policies.any and self._all_serve():
            return True, 0.0
        servers = self._servers()
        if not servers:
            return False, _QUICKLY if self._link.throw() < 0.3 else _PATIENCE
        waited = 0.0
        for spot in range(_TRIES):
            run, item = servers[(spot + client.number) % len(servers)]
            seconds = NEVER
            if self._policies.admit(client, run, 53, "UDP") and item is not None and item.dns is not None:
                both = [self._link.exchange(client.uid, run.uid) for _ in range(2)]  # for both address families
                seconds = max(both) if item.dns.on_53 else _QUICKLY
            if seconds <= _PATIENCE:
                serves = _serving((run, item))
                return serves, waited + (seconds if serves else seconds + _QUICKLY)
            waited += _PATIENCE
        return False, waited

    def _has_address(self) -> bool:
        service = self._world.store.get("Service", SPACE, SERVICE)
        return service is not None and service["spec"].get("clusterIP") == ADDRESS

    def _all_serve(self) -> bool:
        servers = self._servers()
        return bool(servers) and self._has_address() and all(map(_serving, servers))

    def _servers(self) -> list[tuple[PodRun, ContainerRun | None]]:
        """The Pods behind kube-dns, each with the container that is a running CoreDNS, if it is."""
        seen, servers = self._found
        store = self._world.store
        # What the store holds is replaced when it changes: the very same objects mean that nothing has changed.
        if seen and all(store.get(old["kind"], SPACE, old["metadata"]["name"]) is old for old in seen):
            return [(run, self._coredns(run)) for run, _ in servers if run.uid in self._world.kubelet.runs]
        found: list[tuple[PodRun, ContainerRun | None]] = []
        service, slices = store.get("Service", SPACE, SERVICE), slices_of(self._world, SPACE, SERVICE)
        for piece in slices:
            if not any(port["port"] == 53 and port.get("protocol") == "UDP" for port in piece.get("ports") or ()):
                continue
            for row in piece["endpoints"] or ():
                run = self._runs.get(row["addresses"][0])
                if run is not None and row["conditions"].get("ready"):
                    found.append((run, self._coredns(run)))
        self._found = ([service, *slices], found) if service is not None and slices else ([], [])
        return found

    def _coredns(self, run: PodRun) -> ContainerRun | None:
        now = self._world.clock.elapsed
        for item in run.containers:
            if item.dns is not None and item.running and item.listens_at <= now:
                return item
        return None


def _candidates(labels: list[str], namespace: str) -> Iterator[tuple[str, str, str]]:
    """(Pod or "", Service, namespace) that a name can mean, in the order in which the search list tries them."""
    rest = (["svc"], ["svc", *DOMAIN.split(".")])
    if len(labels) == 1:
        yield "", labels[0], namespace
    elif len(labels) == 2:
        yield labels[0], labels[1], namespace
        yield "", labels[0], labels[1]
    elif labels[2:] in rest:
        yield "", labels[0], labels[1]
    elif len(labels) == 3 or labels[3:] in rest:
        yield labels[0], labels[1], labels[2]


def asks_cluster(spec: Object) -> bool:
    """Whether a Pod with this spec looks names up in the cluster's DNS, and not in its node's or in one of its own."""
    policy = spec.get("dnsPolicy", "ClusterFirst")
    if policy == "None":
        return ADDRESS in ((spec.get("dnsConfig") or {}).get("nameservers") or ())
    return bool(policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not spec.get("hostNetwork")))


def _serving(server: tuple[PodRun, ContainerRun | None]) -> bool:
    item = server[1]
    return item is not None and item.dns is not None and item.dns.on_53 and item.dns.serves(DOMAIN)
