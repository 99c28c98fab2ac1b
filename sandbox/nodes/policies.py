"""NetworkPolicies: which Pod may open a connection to which, on which port.

A Pod that no policy selects for a direction is open in it; one that is selected takes (or opens) only what some
policy allows. What a Pod's own node asks of it, such as a probe, always passes. Packets that are not allowed are
dropped, not refused, and a connection that is open already goes on.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..api.selectors import selects
from ..controllers.world import World
from .run import PodRun

if TYPE_CHECKING:
    from .kubelet import Kubelet

Object = dict[str, Any]

API_SERVER = "172.30.0.1"
"""Where the API server's own connections to Pods come from: a machine of its own, which runs no Pods."""


class Policies:
    """Asks the store each time: most clusters have no policy, and those that have, few."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def any(self) -> bool:
        """Whether the cluster has a policy at all."""
        return self._world.store.has("NetworkPolicy")

    def admit(self, client: PodRun | None, server: PodRun, port: int, protocol: str = "TCP") -> bool:
        """Whether a new connection passes; no ``client`` means the API server."""
        if not self.any:
            return True
        found = self._world.store.list("NetworkPolicy")
        if client is not None and client.uid == server.uid:
            return True
        one, other = _Side(self._world, client), _Side(self._world, server)
        return self._passes(found, "egress", one, other, other, port, protocol) and self._passes(
            found, "ingress", other, one, other, port, protocol
        )

    def _passes(
        self,
        policies: list[Object],
        direction: str,
        subject: _Side,
        peer: _Side,
        server: _Side,
        port: int,
        protocol: str,
    ) -> bool:
        binding = [item for item in policies if subject.bound_by(item, direction)]
        return not binding or any(
            _port_fits(rule.get("ports"), server.pod, port, protocol) and self._peer_fits(policy, direction, rule, peer)
            for policy in binding
            for rule in policy["spec"].get(direction) or ()
        )

    def _peer_fits(self, policy: Object, direction: str, rule: Object, peer: _Side) -> bool:
        peers = rule.get("from" if direction == "ingress" else "to")
        return not peers or any(self._is_peer(policy["metadata"]["namespace"], item, peer) for item in peers)

    def _is_peer(self, own: str, wanted: Object, peer: _Side) -> bool:
        if "ipBlock" in wanted:
            return _within(peer.address, wanted["ipBlock"])
        if peer.pod is None:
            return False
        if "namespaceSelector" in wanted:
            space = self._world.store.get("Namespace", "", peer.namespace) or {"metadata": {}}
            if not selects(wanted["namespaceSelector"] or {}, space["metadata"].get("labels") or {}):
                return False
        elif peer.namespace != own:
            return False
        return selects(wanted.get("podSelector") or {}, peer.labels)


def listen(world: World, kubelet: Kubelet) -> Callable[[str, Object | None, Object | None], None]:
    """What hears of changes to policies: requests have met something else since."""

    def heard(_type: str, old: Object | None, new: Object | None) -> None:
        if (new or old or {}).get("kind") == "NetworkPolicy":
            kubelet.network.felt_at = world.clock.elapsed

    return heard


class _Side:
    """One end of a connection, with its Pod where it has one."""

    def __init__(self, world: World, run: PodRun | None) -> None:
        self.namespace = run.namespace if run else ""
        self.address = run.ip if run else API_SERVER
        self.pod = world.store.get("Pod", run.namespace, run.name) if run else None
        self.labels: dict[str, str] = (self.pod or {"metadata": {}})["metadata"].get("labels") or {}

    def bound_by(self, policy: Object, direction: str) -> bool:
        """Whether the policy isolates this side's Pod in that direction."""
        if self.pod is None or self.pod["spec"].get("hostNetwork"):
            return False
        if policy["metadata"]["namespace"] != self.namespace:
            return False
        spec = policy["spec"]
        types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
        return direction.capitalize() in types and selects(spec.get("podSelector") or {}, self.labels)


def _port_fits(ports: list[Object] | None, pod: Object | None, port: int, protocol: str) -> bool:
    """Whether a rule's ports have this one; a name is looked up in the Pod that is connected to."""
    if not ports:
        return True
    for item in ports:
        if item.get("protocol", "TCP") != protocol:
            continue
        wanted = item.get("port")
        if wanted is None or wanted == port or (isinstance(wanted, str) and _declares(pod, wanted, port, protocol)):
            return True
        if isinstance(wanted, int) and wanted <= port <= item.get("endPort", wanted):
            return True
    return False


def _declares(pod: Object | None, name: str, port: int, protocol: str) -> bool:
    return any(
        item.get("name") == name and item["containerPort"] == port and item.get("protocol", "TCP") == protocol
        for container in (pod or {"spec": {"containers": []}})["spec"]["containers"]
        for item in container.get("ports") or ()
    )


def _within(address: str, block: Object) -> bool:
    try:
        own = ipaddress.ip_address(address)
        return own in ipaddress.ip_network(block["cidr"], strict=False) and not any(
            own in ipaddress.ip_network(hole, strict=False) for hole in block.get("except") or ()
        )
    except ValueError:
        return False  # an address of the other family, or none
