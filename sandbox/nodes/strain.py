"""What presses on Pods and containers from outside their own work: stress workers, slow networks, slow disks.

Chaos experiments put strains; kubelets, requests and metrics feel them. Several strains on one target add up
as far as the thing itself does: workers and the bytes they hold are summed, losses multiply, of delays and
bandwidths the stricter counts (one queue discipline sits on a link), disk layers stack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Strain:
    """``cores`` CPUs that workers ask for and ``memory`` bytes that they hold, in the container's cgroup.

    The network fields are about packets that leave the Pod: ``delay`` and ``jitter`` in seconds (a round trip
    pays once for each strained side), ``loss`` the share that never arrives, ``cut`` nothing passes,
    ``bandwidth`` bytes a second (0: no bound). ``peers``: uids of the only Pods to which they apply; empty means
    all. ``spared``: where both do not fit into the memory limit, the kernel kills the container's program and not the
    workers (a low oomScoreAdj); otherwise it kills a worker, which starts again. The disk fields are about operations
    on the volume mounted at ``volume``: ``disk_share`` of them take ``disk_delay`` seconds longer, or with
    ``disk_error`` fail.
    """

    cores: float = 0.0
    memory: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    cut: bool = False
    bandwidth: float = 0.0
    disk_delay: float = 0.0
    disk_share: float = 1.0
    disk_error: bool = False
    volume: str = ""
    peers: frozenset[str] = frozenset()
    spared: bool = False

    @property
    def stresses(self) -> bool:
        return bool(self.cores or self.memory)

    @property
    def on_network(self) -> bool:
        return bool(self.delay or self.jitter or self.loss or self.cut or self.bandwidth)

    @property
    def on_disk(self) -> bool:
        return bool(self.disk_delay or self.disk_error)

    def network_only(self) -> Strain:
        """The part that survives a restart of the container: the Pod's link is not the container's."""
        return replace(
            self, cores=0.0, memory=0.0, disk_delay=0.0, disk_share=1.0, disk_error=False, volume="", spared=False
        )

    def plus(self, other: Strain) -> Strain:
        """Both at once. Of two different volumes the second is named; ask ``Strains.on_volume`` to tell them apart."""
        if other == NONE:
            return self
        if self == NONE:
            return other
        mine, theirs = self.disk_delay * self.disk_share, other.disk_delay * other.disk_share
        disk_delay = self.disk_delay + other.disk_delay
        bounds = [bound for bound in (self.bandwidth, other.bandwidth) if bound]
        return Strain(
            cores=self.cores + other.cores,
            memory=self.memory + other.memory,
            delay=max(self.delay, other.delay),
            jitter=max(self.jitter, other.jitter),
            loss=1 - (1 - self.loss) * (1 - other.loss),
            cut=self.cut or other.cut,
            bandwidth=min(bounds, default=0.0),
            disk_delay=disk_delay,
            disk_share=(mine + theirs) / disk_delay if disk_delay else max(self.disk_share, other.disk_share),
            disk_error=self.disk_error or other.disk_error,
            volume=other.volume or self.volume,
            spared=self.spared or other.spared,
        )


NONE = Strain()


class Strains:
    """All strains of a cluster, by a key of whoever put them.

    ``changed`` is called with a Pod's uid and a container's name ("" for the whole Pod) after each change.
    """

    def __init__(self) -> None:
        self.changed: Callable[[str, str], None] = lambda uid, container: None
        self._placed: dict[str, tuple[str, str, Strain]] = {}  # key -> (uid, container, strain)
        self._keys: dict[str, dict[str, None]] = {}  # uid -> its keys, in the order they came
        self._stressing: dict[str, str] = {}  # key -> uid

    def put(self, key: str, uid: str, container: str, strain: Strain) -> None:
        """Sets the strain of a key; ``container`` "" means the whole Pod."""
        self._drop(key)
        self._placed[key] = (uid, container, strain)
        self._keys.setdefault(uid, {})[key] = None
        if strain.stresses:
            self._stressing[key] = uid
        self.changed(uid, container)

    def remove(self, key: str) -> None:
        """Takes a strain away; one that is not there any more is no error."""
        gone = self._drop(key)
        if gone is not None:
            self.changed(gone[0], gone[1])

    def holds(self, key: str) -> bool:
        """Whether the strain is still on its target: a restart or the Pod's end may have taken it."""
        return key in self._placed

    @property
    def any(self) -> bool:
        """Whether there is any strain anywhere."""
        return bool(self._placed)

    @property
    def any_stress(self) -> bool:
        """Whether any stress workers run anywhere."""
        return bool(self._stressing)

    def stressed(self) -> list[str]:
        """The uids of the Pods in which stress workers run."""
        return sorted(set(self._stressing.values()))

    def of_pod(self, uid: str) -> Strain:
        """What is on the whole Pod."""
        return self._sum(uid, ("",))

    def of_container(self, uid: str, container: str) -> Strain:
        """What is on a container, with what is on its whole Pod."""
        return self._sum(uid, ("", container))

    def towards(self, uid: str, peer: str) -> Strain:
        """The network strain on packets from the Pod to another Pod; ``peer`` "" means something else than a Pod."""
        if uid not in self._keys:
            return NONE
        total = NONE
        for _, strain in self._on(uid):
            if strain.on_network and (not strain.peers or peer in strain.peers):
                total = total.plus(replace(strain.network_only(), peers=frozenset()))
        return total

    def on_volume(self, uid: str, container: str, path: str) -> tuple[Strain, ...]:
        """The disk strains that an operation on a file meets, the first laid over the volume first."""
        return tuple(
            strain
            for name, strain in self._on(uid)
            if strain.on_disk and name in ("", container) and _under(path, strain.volume)
        )

    def restarted(self, uid: str, container: str) -> None:
        """A container has a new life: stress workers and disk layers went with the old one, the link is the Pod's."""
        for key in list(self._keys.get(uid, ())):
            _, name, strain = self._placed[key]
            if name not in ("", container):
                continue
            if not strain.on_network:
                self._drop(key)
            elif name == container:
                self._placed[key] = (uid, name, strain.network_only())
                self._stressing.pop(key, None)

    def forget(self, uid: str) -> None:
        """The Pod is gone."""
        for key in list(self._keys.get(uid, ())):
            self._drop(key)

    def _on(self, uid: str) -> list[tuple[str, Strain]]:
        return [self._placed[key][1:] for key in self._keys.get(uid, ())]

    def _sum(self, uid: str, containers: tuple[str, ...]) -> Strain:
        keys = self._keys.get(uid)
        if not keys:
            return NONE
        total = NONE
        for name, strain in self._on(uid):
            if name in containers:
                total = total.plus(strain)
        return total

    def _drop(self, key: str) -> tuple[str, str, Strain] | None:
        found = self._placed.pop(key, None)
        self._stressing.pop(key, None)
        if found is not None:
            keys = self._keys[found[0]]
            del keys[key]
            if not keys:
                del self._keys[found[0]]
        return found


def _under(path: str, volume: str) -> bool:
    folder = volume.rstrip("/")
    return path == folder or path.startswith(f"{folder}/")
