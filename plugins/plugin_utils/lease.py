# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One repair per target at a time, across controllers: a coordination.k8s.io Lease in its namespace.

The Lease stays after a repair, without a holder: it remembers the attempts of the last hour, and
which Plans were applied until these have expired.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from ..module_utils.cluster import Cluster
from ..module_utils.errors import ClusterError, Conflict, NotFound, Refused
from ..module_utils.evidence import ObjectRef
from .ratelimit import admit

ATTEMPTS = "e2ereme.remediate/attempts"
PLANS = "e2ereme.remediate/plans"
_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"
_TRIES = 3
_PLAIN = re.compile(r"[a-z]+ [a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")


class HeldLease:
    """A Lease that is ours. ``problems``: what went wrong while it was kept or given back."""

    def __init__(self, cluster: Cluster, ref: ObjectRef, target: str, holder: str, seconds: int) -> None:
        self.ref = ref
        self.problems: list[str] = []
        self._cluster = cluster
        self._target = target
        self._holder = holder
        self._seconds = seconds
        self._lock = threading.Lock()

    def renew(self) -> None:
        """Moves the expiry on; Refused when somebody else has taken the Lease over."""
        self._write(lambda lease, now: {**lease, "spec": {**lease["spec"], "renewTime": now.strftime(_STAMP)}})

    def count_attempt(self, limit: int) -> None:
        """Counts an attempt on the target; Refused when there were ``limit`` within the last hour."""

        def counted(lease: Mapping[str, Any], now: datetime) -> dict[str, Any]:
            meta = lease["metadata"]
            annotations = meta.get("annotations") or {}
            attempts = admit(_moments(annotations.get(ATTEMPTS, "")), now, limit, self._target)
            text = ",".join(moment.strftime(_STAMP) for moment in attempts)
            return {**lease, "metadata": {**meta, "annotations": {**annotations, ATTEMPTS: text}}}

        self._write(counted)

    def use_up(self, digest: str, expires: datetime) -> None:
        """Notes that a Plan is being applied; Refused when that was noted before, by whomever, from wherever.

        Kept until the Plan has expired, after which nobody can apply it anyway.
        """

        def noted(lease: Mapping[str, Any], now: datetime) -> dict[str, Any]:
            meta = lease["metadata"]
            annotations = meta.get("annotations") or {}
            pairs = (entry.partition("@") for entry in annotations.get(PLANS, "").split(","))
            kept = {name: until for name, _, until in pairs if any(moment > now for moment in _moments(until))}
            if digest in kept:
                raise Refused(f"The Plan {digest[:12]} was applied already.", "Make a new one: mode: plan.")
            kept[digest] = expires.strftime(_STAMP)
            text = ",".join(f"{name}@{until}" for name, until in kept.items())
            return {**lease, "metadata": {**meta, "annotations": {**annotations, PLANS: text}}}

        self._write(noted)

    def release(self) -> None:
        """Gives the Lease back; what fails is in ``problems``, since it also expires by itself."""

        def unheld(lease: Mapping[str, Any], _now: datetime) -> dict[str, Any]:
            return {**lease, "spec": {key: value for key, value in lease["spec"].items() if key != "holderIdentity"}}

        try:
            self._write(unheld)
        except (ClusterError, Refused) as error:
            self.problems.append(f"the Lease {self.ref.name} could not be given back: {error}")

    def _write(self, change: Any) -> None:
        with self._lock:
            for _ in range(_TRIES):
                lease = self._cluster.get(self.ref)
                if lease["spec"].get("holderIdentity") != self._holder:
                    raise _taken(self._target, lease)
                try:
                    self._cluster.replace(change(lease, self._cluster.now()))
                    return
                except Conflict:
                    continue
        raise Refused(f"The Lease {self.ref.name} is being changed by somebody else.", "Try again.")


@contextmanager
def hold(
    cluster: Cluster,
    namespace: str,
    target: ObjectRef | str,
    *,
    holder: str,
    seconds: int = 30,
    background: bool = True,
) -> Iterator[HeldLease]:
    """Holds the target's Lease; Refused says who else holds it and until when.

    It expires ``seconds`` of API-server time after the last renewal, so that a dead holder blocks
    nobody for longer. ``background`` renews it from a thread, in real time; on a virtual clock the
    caller renews it instead.
    """
    held = HeldLease(cluster, ObjectRef("Lease", namespace, lease_name(target)), str(target), holder, seconds)
    _acquire(cluster, held.ref, str(target), holder, seconds)
    done = threading.Event()
    thread = threading.Thread(target=_keep, args=(held, done, seconds / 3), daemon=True) if background else None
    try:
        if thread is not None:
            thread.start()
        yield held
    finally:
        done.set()
        if thread is not None:
            thread.join()
        held.release()


def lease_name(target: ObjectRef | str) -> str:
    """A valid object name that tells the target; a hash keeps long and odd ones apart."""
    text = str(target).lower()
    if _PLAIN.fullmatch(text):
        return f"e2ereme-{text.replace(' ', '-')}"
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)
    return f"e2ereme-{plain[:40].strip('-')}-{sha256(text.encode()).hexdigest()[:8]}"


def _keep(held: HeldLease, done: threading.Event, every: float) -> None:
    while not done.wait(every):
        try:
            held.renew()
        except Refused as error:
            held.problems.append(f"the Lease was lost: {error}")
            return
        except ClusterError as error:  # the next round may succeed; until it expires nothing is lost
            held.problems.append(f"the Lease could not be renewed: {error}")


def _acquire(cluster: Cluster, ref: ObjectRef, target: str, holder: str, seconds: int) -> None:
    for _ in range(_TRIES):
        now = cluster.now()
        stamp = now.strftime(_STAMP)
        spec = {"holderIdentity": holder, "leaseDurationSeconds": seconds, "acquireTime": stamp, "renewTime": stamp}
        try:
            cluster.create(
                {
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": ref.name, "namespace": ref.namespace},
                    "spec": {**spec, "leaseTransitions": 0},
                }
            )
            return
        except Conflict:
            pass  # it is there already: perhaps free, perhaps expired
        try:
            lease = cluster.get(ref)
        except NotFound:
            continue
        if lease["spec"].get("holderIdentity") not in (None, "") and _until(lease) > now:
            raise _taken(target, lease)
        count = int(lease["spec"].get("leaseTransitions") or 0) + 1
        try:
            cluster.replace({**lease, "spec": {**lease["spec"], **spec, "leaseTransitions": count}})
            return
        except (Conflict, NotFound):
            continue
    raise Refused(f"The Lease {ref.name} on {target} is being taken by somebody else at this moment.", "Try again.")


def _taken(target: str, lease: Mapping[str, Any]) -> Refused:
    other = lease["spec"].get("holderIdentity") or "nobody"
    name = lease["metadata"]["name"]
    return Refused(
        f"{target} is being repaired by {other} until {_until(lease):%H:%M:%S} UTC (Lease {name}).",
        "Wait until it is done; it is free after that time if its holder has died.",
    )


def _until(lease: Mapping[str, Any]) -> datetime:
    spec = lease["spec"]
    renewed = next(iter(_moments(spec.get("renewTime") or "")), datetime.min.replace(tzinfo=UTC))
    return renewed + timedelta(seconds=int(spec.get("leaseDurationSeconds") or 0))


def _moments(text: str) -> Iterator[datetime]:
    for part in text.split(","):
        try:
            yield datetime.fromisoformat(part.strip().replace("Z", "+00:00")).astimezone(UTC)
        except ValueError:
            continue  # somebody else's writing tells no time
