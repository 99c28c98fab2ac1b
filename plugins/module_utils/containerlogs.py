# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads the tails of a few containers' logs: of those in trouble, and of those asked about."""

from __future__ import annotations

from collections.abc import Iterable

from .cluster import Cluster
from .errors import ClusterError, Forbidden
from .evidence import Manifest, ObjectRef
from .facts_state import troubled
from .reading import together
from .redact import line
from .workloads import View

Tail = tuple[str, str, bool]
"""Pod, container, and whether of the container before the present one."""

_MOST = 12
_A_WORKLOAD = 1  # its Pods say the same
_LINES = 40
_WIDTH = 300


def read_logs(
    cluster: Cluster, view: View, about: Iterable[ObjectRef], masks: Iterable[str] = ()
) -> tuple[dict[Tail, str], tuple[str, ...]]:
    """The logs by Pod, container and previous, and what of them is unseen; one that is not there is left out."""
    wanted = wanted_tails(view, about)
    hidden = tuple(masks)

    def one(tail: Tail) -> str | None:
        pod, container, previous = tail
        try:
            text = cluster.logs(view.inventory.namespace, pod, container, previous, _LINES)
        except Forbidden:
            return None
        except ClusterError:
            return ""  # the container has not started, or its log has been rotated away
        return "\n".join(line(row, _WIDTH, hidden) for row in text.splitlines()[-_LINES:])

    found = dict(zip(wanted, together(cluster, one, wanted), strict=True))
    unseen = ("logs: not permitted",) if None in found.values() else ()
    return {tail: text for tail, text in found.items() if text}, unseen


def wanted_tails(view: View, about: Iterable[ObjectRef]) -> list[Tail]:
    """Whose logs to read, the objects asked about first."""
    first = [view.owner(ref) for ref in about]
    works = [view.workloads[ref] for ref in dict.fromkeys([*first, *view.workloads]) if ref in view.workloads]
    tails: list[Tail] = []
    for work in works:
        bad = [pod for pod in work.pods if troubled(pod, view.inventory.time)]
        running = [pod for pod in work.pods if (pod.get("status") or {}).get("phase") == "Running"]
        chosen = (bad or (running if work.ref in first else []))[-_A_WORKLOAD:]
        tails += [tail for pod in chosen for tail in _tails(pod)]
    return tails[:_MOST]


def _tails(pod: Manifest) -> list[Tail]:
    name = pod["metadata"]["name"]
    status = pod.get("status") or {}
    found: list[Tail] = []
    for item in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state = item.get("state") or {}
        ended = (item.get("lastState") or {}).get("terminated")
        completed = (state.get("terminated") or {}).get("reason") == "Completed"
        if ("running" in state or "terminated" in state) and not completed:
            found.append((name, item["name"], False))
        if ended:
            found.append((name, item["name"], True))
    return found
