# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts from what the cluster and the containers said: events and log lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .draft import RECENT, Draft, essential
from .evidence import Manifest, ObjectRef
from .measure import service_doors
from .workloads import View, pod_is_ready

_SAID_BY_STATE = (
    "BackOff", "Failed", "ErrImagePull", "ErrImageNeverPull", "InspectFailed", "FailedScheduling", "Killing",
    "ProgressDeadlineExceeded",
)  # fmt: skip
_ERROR = re.compile(
    r"\b(?:error|exception|fatal|panic|critical|traceback|failed|failure|cannot|can't|could not|unable|refused|denied|"
    r"not found|no such|missing|invalid|unknown|timed? ?out|timeout|unhealthy|unreachable|unresolved|killed)\b|"
    r"\w(?:Error|Exception)\b",
    re.IGNORECASE,
)
_STILL = 60.0
"""What was said in the last so many seconds, and so many before that, goes on."""
_PREFIX = re.compile(
    r"^[\s\[(]*(?:\d{4}[-/]\d\d[-/]\d\d[T ])?\d\d:\d\d:\d\d(?:[.,]\d+)?"
    r"(?:Z|[+-]\d\d:?\d\d)?[\])]*\s*(?:\[\w+\]\s*)?[|:-]?\s*"
)
_VARIES = re.compile(r"0x[0-9a-f]+|\b\d+(?:\.\d+)?\b|[0-9a-f]{8,}")


def event_facts(view: View) -> Iterator[Draft]:
    """Recent warnings about what is not healthy, one line for each subject and reason."""
    latest: dict[tuple[ObjectRef, str], tuple[str, str, int]] = {}
    lasting: set[tuple[ObjectRef, str]] = set()
    for event in view.inventory.of("Event"):
        if event.get("type") != "Warning" or event.get("reason") in _SAID_BY_STATE:
            continue
        about = event.get("involvedObject") or {}
        ref = ObjectRef(about.get("kind", ""), about.get("namespace", ""), about.get("name", ""))
        subject = view.owner(ref)
        when = event_time(event)
        since = view.age_of(when)
        if since is None or since > RECENT or not _concerns(view, ref, subject):
            continue
        key = subject, str(event.get("reason"))
        message, time, count = latest.get(key, ("", "", 0))
        said = str(event.get("message") or "")
        latest[key] = (said if when >= time else message, max(when, time), count + int(event.get("count") or 1))
        if since <= _STILL and (view.age_of(event.get("firstTimestamp") or when) or 0.0) - since >= _STILL:
            lasting.add(key)
    for (subject, reason), (message, time, count) in latest.items():
        times = f" ({count}x)" if count > 1 else ""
        over = _is_sound(view, subject) and (subject, reason) not in lasting
        yield Draft("event", subject, f"{reason}{times}: {essential(message)}", 0.0 if over else 0.5, "events", time)


def _is_sound(view: View, subject: ObjectRef) -> bool:
    """A Service with ready endpoints that answers: a warning of a moment, as when it was made anew, is over."""
    service = view.inventory.get(subject)
    if subject.kind != "Service" or service is None or not view.ready_addresses.get(subject.name):
        return False
    measured = [item for item in view.inventory.measurements if item.target == subject]
    return all(item.failed == 0 for item in measured) and bool(measured or not service_doors(view, service))


def event_time(event: Manifest) -> str:
    """When an event was seen last."""
    series = (event.get("series") or {}).get("lastObservedTime")
    meta = event.get("metadata") or {}
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or meta.get("creationTimestamp") or "")


def _concerns(view: View, ref: ObjectRef, subject: ObjectRef) -> bool:
    """Not of Pods that are gone, nor of what is healthy by now."""
    work = view.workloads.get(subject)
    if work is None:
        return view.inventory.get(ref) is not None and subject.kind not in ("Pod", "ReplicaSet", "Node", "Job")
    if ref.kind == "Pod":
        return any(pod["metadata"]["name"] == ref.name and not pod_is_ready(pod) for pod in work.pods)
    return work.desired is not None and sum(pod_is_ready(pod) for pod in work.pods) < work.desired


def log_facts(view: View) -> Iterator[Draft]:
    """The line or two of each container's log that tell, by workload."""
    best: dict[tuple[ObjectRef, bool], tuple[float, str]] = {}
    for (pod_name, _, previous), text in view.inventory.logs.items():
        ref = ObjectRef("Pod", view.inventory.namespace, pod_name)
        subject = view.owner(ref)
        pod = view.inventory.get(ref)
        ended = previous or _has_ended(pod)
        if found := telling(text, ended):
            key = subject, bool(pod and pod_is_ready(pod))
            best[key] = max(best.get(key, (0.0, "")), (1.0 if ended else 0.5, found))
    for (subject, ready), (_, found) in best.items():
        yield Draft("log", subject, f'log: "{found}"', 0.0 if ready else 0.65, "log", latent=0.4, salience=0.1)


def _has_ended(pod: Manifest | None) -> bool:
    statuses = ((pod or {}).get("status") or {}).get("containerStatuses") or ()
    return any("running" not in (item.get("state") or {}) for item in statuses)


def telling(text: str, ended: bool) -> str:
    """The most telling line of a log: the last error; of a container that ended, else its last line."""
    lines = [stripped for raw in text.splitlines() if (stripped := _PREFIX.sub("", raw).strip())]
    errors = [line for line in lines if _ERROR.search(line) and not line.startswith("Traceback")]
    if not errors:
        return lines[-1][:120] if lines and ended else ""
    counts: dict[str, int] = {}
    for line in errors:
        counts[_VARIES.sub("#", line)] = counts.get(_VARIES.sub("#", line), 0) + 1
    last = errors[-1]
    often = counts[_VARIES.sub("#", last)]
    return f"{last[:120]}{f' ({often}x)' if often > 2 else ''}"
