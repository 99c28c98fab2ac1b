"""The machines under the Nodes: which of them report, and the Leases and heartbeats by which others can tell.

A kubelet renews its Lease every ten seconds and writes its Node's status at least every five minutes. Writing all
that down for as long as a cluster lives would cost more than all else, so it is caught up on when somebody looks
(``catch_up``): what they see is what a ticking kubelet would have left.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from ..controllers.pods import with_condition
from ..controllers.world import World
from .strain import Strain

Object = dict[str, Any]

LEASES = "kube-node-lease"
_RENEWED_EVERY = 10.0
_LEASE_SECONDS = 40
_REPORTED_EVERY = 300.0
_NOTED_AFTER = 4.0
_READY = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
_HEALTHY = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


class Machines:
    """All machines of a cluster. ``stop`` and ``start`` are what happens to them from outside."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._since: dict[str, float] = {}  # node -> when its kubelet began to report
        self._until: dict[str, float] = {}  # node -> when it stopped reporting
        self._off: set[str] = set()
        self._attended: set[str] = set()

    def join(self, node: Object) -> None:
        """A kubelet has registered this Node: from now on it reports."""
        name = node["metadata"]["name"]
        self._since[name] = self._world.clock.elapsed
        self._until.pop(name, None)
        self._off.discard(name)
        self._renew(node)
        if self._world.clock.elapsed:  # nobody has noted how the first nodes came
            self._introduce(node)

    def leave(self, node: Object) -> None:
        """The Node is gone from the API; its kubelet has nothing to report about any more."""
        name = node["metadata"]["name"]
        self._since.pop(name, None)
        self._until.pop(name, None)
        self._note(node, "RemovingNode", f"Node {name} event: Removing Node {name} from Controller")

    def reports(self, name: str) -> bool:
        """Whether the kubelet of that node is alive and heard."""
        return name not in self._until

    def is_off(self, name: str) -> bool:
        """Whether the whole machine is gone: nothing on it answers."""
        return name in self._off

    def states(self) -> dict[str, str]:
        """node -> on, off (the whole machine) or hung (its kubelet alone), by name."""
        return {
            name: "on" if self.reports(name) else "off" if self.is_off(name) else "hung" for name in sorted(self._since)
        }

    def last_heard(self, name: str) -> float:
        """Virtual seconds at which its Lease was last renewed."""
        since = self._since.get(name, 0.0)
        until = self._until.get(name, self._world.clock.elapsed)
        return since + (until - since) // _RENEWED_EVERY * _RENEWED_EVERY

    def stop(self, name: str, *, power: bool = True) -> None:
        """The machine loses power, or (``power=False``) only its kubelet dies: its containers then run on, but
        nobody probes, restarts or stops them. Raises KeyError for a node that is not there."""
        if self._world.store.get("Node", "", name) is None:
            raise KeyError(f"no node {name} to stop")
        if name in self._until:
            return
        self.catch_up("Node")
        self.catch_up("Lease")
        self._until[name] = self._world.clock.elapsed
        if power:
            self._off.add(name)
        for run in self._runs(name):
            if power:
                self._world.strains.put(_cut(run.uid), run.uid, "", Strain(cut=True))
            for item in run.containers:
                item.turn += 1  # what the kubelet had planned does not happen
        self._world.wake("nodes", "", name)

    def start(self, name: str) -> None:
        """The machine is back: its kubelet reports, ends what was deleted meanwhile and takes up the rest."""
        if self._until.pop(name, None) is None:
            return
        rebooted = name in self._off
        self._off.discard(name)
        self._since[name] = self._world.clock.elapsed
        node = self._world.store.get("Node", "", name)
        if node is not None:
            self._renew(node)
            self._report(node, ready=True)
            self._say(node, "NodeReady", f"Node {name} status is now: NodeReady")
        for run in self._runs(name):
            self._world.strains.remove(_cut(run.uid))
        self._world.kubelet.resume(name, rebooted=rebooted)

    def catch_up(self, kind: str) -> None:
        """Writes what has been reported meanwhile of a kind that somebody looks at: Node or Lease."""
        for node in self._world.store.list("Node"):
            name = node["metadata"]["name"]
            if name not in self._since or not self.reports(name):
                continue
            if kind == "Lease":
                self._renew(node)
            else:
                self._report(node)

    def heard(self) -> dict[str, Any]:
        """uid -> the Pods of those nodes that report, and so tell what they use."""
        runs = self._world.kubelet.runs
        return {uid: run for uid, run in runs.items() if self.reports(run.node)} if self._until else runs

    def attend(self, kind: str) -> None:
        """Somebody watches Nodes or Leases: from now on they are written when they are due."""
        if kind in self._attended:
            return
        self._attended.add(kind)
        period = _RENEWED_EVERY if kind == "Lease" else _REPORTED_EVERY

        def tick() -> None:
            self.catch_up(kind)
            self._world.clock.after(period, tick)

        self._world.clock.after(period, tick)

    def _introduce(self, node: Object) -> None:
        """What a kubelet and the node controller say of a Node that joins."""
        name = node["metadata"]["name"]
        self._say(node, "Starting", "Starting kubelet.")
        for _, reason, _ in _HEALTHY:
            said = reason.replace("Kubelet", "Node")
            self._say(node, said, f"Node {name} status is now: {said}")
        self._say(node, "NodeReady", f"Node {name} status is now: NodeReady")
        self._note(node, "RegisteredNode", f"Node {name} event: Registered Node {name} in Controller")

    def _say(self, node: Object, reason: str, message: str) -> None:
        """As the Node's kubelet, which takes its name for its uid."""
        name = node["metadata"]["name"]
        about = {**node, "metadata": {"name": name, "uid": name}}
        self._world.recorder.event(about, "Normal", reason, message, "kubelet", host=name)

    def _note(self, node: Object, reason: str, message: str) -> None:
        """As the node controller, which looks every few seconds."""
        meta = {key: node["metadata"][key] for key in ("name", "uid")}
        about, event = {**node, "metadata": meta}, self._world.recorder.event
        self._world.clock.after(_NOTED_AFTER, lambda: event(about, "Normal", reason, message, "node-controller"))

    def _runs(self, name: str) -> list[Any]:
        return [run for run in self._world.kubelet.runs.values() if run.node == name]

    def _renew(self, node: Object) -> None:
        name, world = node["metadata"]["name"], self._world
        at = world.clock.start + timedelta(seconds=self.last_heard(name))
        stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": name, "leaseDurationSeconds": _LEASE_SECONDS, "renewTime": stamp}
        lease = world.store.get("Lease", LEASES, name)
        if lease is not None:
            if lease["spec"] != spec:
                world.store.update({**lease, "metadata": dict(lease["metadata"]), "spec": spec})
            return
        uid = node["metadata"]["uid"]
        meta = {
            "name": name,
            "namespace": LEASES,
            "uid": _derived(uid),
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}],
        }
        world.store.create({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec})

    def _report(self, node: Object, *, ready: bool = False) -> None:
        """Moves the heartbeats of the conditions; with ``ready``, sets the Node right again."""
        name, world = node["metadata"]["name"], self._world
        since = self._since[name]
        last = since + (world.clock.elapsed - since) // _REPORTED_EVERY * _REPORTED_EVERY
        beat = (world.clock.start + timedelta(seconds=last)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = node.get("status", {})
        conditions: list[Object] = status.get("conditions") or []
        if ready:
            now = world.clock.stamp()
            for kind, reason, message in _HEALTHY:
                new = {"type": kind, "status": "False", "reason": reason, "message": message}
                conditions = with_condition(conditions, {**new, "lastHeartbeatTime": beat}, now)
            conditions = with_condition(conditions, {**_READY, "lastHeartbeatTime": beat}, now)
        else:
            conditions = [
                item if _later(item.get("lastHeartbeatTime"), beat) else {**item, "lastHeartbeatTime": beat}
                for item in conditions
            ]
        world.put_status(node, {**status, "conditions": conditions})


def _later(stamp: str | None, other: str) -> bool:
    """Whether a condition was written after the last regular heartbeat, when something changed."""
    return bool(stamp) and datetime.fromisoformat(str(stamp)) >= datetime.fromisoformat(other)


def _cut(uid: str) -> str:
    return f"machine/{uid}"


def _derived(uid: str) -> str:
    """The uid of a Node's Lease: told by the Node's, so that Leases take nothing from the cluster's randomness."""
    digits = hashlib.sha256(f"lease/{uid}".encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"
