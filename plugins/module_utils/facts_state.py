# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts on the state of workloads: Pods missing or not ready and why, failed conditions, restarts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .draft import RECENT, Draft, essential, plural
from .evidence import Manifest, ObjectRef
from .quantity import age, instant
from .workloads import View, Workload, pod_is_over, pod_is_ready

_STARTING = ("ContainerCreating", "PodInitializing")
_BACKING_OFF = ("CrashLoopBackOff",)


def state_facts(view: View) -> Iterator[Draft]:
    """What is not as wanted, one or a few lines a workload and never one a Pod."""
    for work in view.workloads.values():
        if work.ref.kind in ("Job", "CronJob"):
            yield from _jobs(view, work)
            continue
        yield from _availability(view, work)
        yield from _scaled_to_zero(view, work)
        yield from _restarts(view, work)


def _availability(view: View, work: Workload) -> Iterator[Draft]:
    if not work.desired:
        return
    pods = [pod for pod in work.pods if not pod_is_over(pod)]
    ready = sum(pod_is_ready(pod) for pod in pods)
    reasons = Counter(reason for pod in pods if not pod_is_ready(pod) for reason in _reasons(pod))
    stuck = _condition_lines(work)
    if ready >= work.desired and not reasons:
        for text in stuck:
            yield Draft("state", work.ref, text, 0.5, "conditions")
        return
    weight = 1.0 if ready == 0 else 0.85
    if reasons and set(reasons) == {"starting"} and not stuck:
        weight = 0.4  # most likely on its way
    head = f"{ready}/{work.desired} Pods ready" if ready < work.desired else "rollout stuck, old Pods serve; new Pod"
    first, *others = [
        f"{reason}{f' ({count} Pods)' if count > 1 else ''}" for reason, count in reasons.most_common(3)
    ] or [""]
    if not pods and not stuck:
        first = "no Pods"
    text = f"{head}{';' if ready < work.desired else ''} {first}" if first else head
    yield Draft("state", work.ref, text, weight, "Pods", _latest_change(pods))
    for reason in others:
        yield Draft("state", work.ref, reason, 0.6, "Pods")
    for text in stuck:
        yield Draft("state", work.ref, text, 0.7 if not pods else 0.45, "conditions")


def _condition_lines(work: Workload) -> list[str]:
    """Conditions that say more than that Pods are missing."""
    lines = []
    for item in (work.manifest.get("status") or {}).get("conditions") or ():
        kind, status, reason = item.get("type"), item.get("status"), item.get("reason", "")
        if kind == "ReplicaFailure" and status == "True":
            lines.append(f"{reason}: {essential(item.get('message', ''))}")
        elif kind == "Progressing" and status == "False":
            lines.append(f"rollout stuck ({reason})")
    if work.manifest.get("spec", {}).get("paused"):
        lines.append("rollout is paused")
    return lines


def _reasons(pod: Manifest) -> Iterator[str]:
    """Why a Pod is not ready: one reason for each container that holds it up."""
    status = pod.get("status") or {}
    scheduled: Mapping[str, Any] = next(
        (item for item in status.get("conditions") or () if item.get("type") == "PodScheduled"), {}
    )
    if scheduled.get("status") == "False":
        yield f"{scheduled.get('reason', 'Unschedulable')}: {essential(scheduled.get('message', ''))}"
        return
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    specs = {item["name"]: item for key in ("initContainers", "containers") for item in pod["spec"].get(key) or ()}
    found = [
        text
        for item in containers
        if (text := _container_reason(item, specs.get(item.get("name", ""), {}), len(specs)))
    ]
    telling = [text for text in dict.fromkeys(found) if text != "starting"]
    yield from telling or found[:1] or [f"Pod {status.get('phase', 'Pending')}{_why(status)}"]


def _container_reason(item: Mapping[str, Any], spec: Manifest, among: int) -> str:
    state = item.get("state") or {}
    name = f"container {item.get('name')} " if among > 1 else ""
    last = (item.get("lastState") or {}).get("terminated") or {}
    if waiting := state.get("waiting"):
        reason = waiting.get("reason", "waiting")
        if reason in _STARTING:
            return "starting"
        if reason in _BACKING_OFF:
            return f"{name}{reason} ({_ending(last)})" if last else f"{name}{reason}"
        if "Image" in reason or "Pull" in reason:
            return f"{name}{reason} {spec.get('image', '')}".strip()
        message = essential(waiting.get("message", ""))
        return f"{name}{reason}: {message}" if message else f"{name}{reason}"
    if (ended := state.get("terminated")) and not (ended.get("exitCode") == 0 and "containers" not in item):
        return f"{name}terminated ({_ending(ended)})"
    if "running" in state and not item.get("ready"):
        probe = "startup" if item.get("started") is False and spec.get("startupProbe") else "readiness"
        described = probe_text(spec.get(f"{probe}Probe"))
        restarted = f", last {_ending(last)}" if last else ""
        return (
            f"{name}running, {probe} probe {described or 'not'} not passing{restarted}"
            if described
            else f"{name}not ready"
        )
    return ""


def _ending(ended: Mapping[str, Any]) -> str:
    reason = ended.get("reason", "")
    code = f"exit {ended.get('exitCode')}"
    text = code if reason in ("Error", "") else f"{reason}, {code}"
    message = essential(ended.get("message", ""), 90)
    return f"{text}: {message}" if message else text


def _why(status: Mapping[str, Any]) -> str:
    reason = essential(status.get("message") or status.get("reason") or "")
    return f": {reason}" if reason else ""


def probe_text(probe: Mapping[str, Any] | None) -> str:
    """``GET :8080/ready``, ``TCP :6379``, ``exec cat /ready``; empty without a probe."""
    if not probe:
        return ""
    if get := probe.get("httpGet"):
        return f"GET :{get.get('port')}{get.get('path', '/')}"
    if tcp := probe.get("tcpSocket"):
        return f"TCP :{tcp.get('port')}"
    if grpc := probe.get("grpc"):
        return f"gRPC :{grpc.get('port')}"
    words = (probe.get("exec") or {}).get("command") or ()
    return f"exec {' '.join(map(str, words))[:60]}" if words else ""


def _latest_change(pods: list[Manifest]) -> str:
    times = [
        item.get("lastTransitionTime") or ""
        for pod in pods
        for item in (pod.get("status") or {}).get("conditions") or ()
        if item.get("type") == "Ready"
    ]
    return max(times, default="")


def _scaled_to_zero(view: View, work: Workload) -> Iterator[Draft]:
    """Nothing for what nobody calls: it is off because somebody wanted it off."""
    if work.desired != 0 or work.ref.kind == "DaemonSet":
        return
    users = {
        call.caller
        for service in view.services.get(work.ref, ())
        for call in view.callers.get(service["metadata"]["name"], ())
        if call.caller != work.ref and not _is_off(view, call.caller)
    }
    named = ", ".join(sorted(ref.name for ref in users)[:3])
    text = "scaled to 0 replicas" + (f" while {named} call{'s' if len(users) == 1 else ''} it" if users else "")
    text += f" ({how})" if (how := scaling(view, work)) else ""
    yield Draft("state", work.ref, text, 0.9 if users else 0.0, "spec.replicas", latent=0.9)


def _is_off(view: View, ref: ObjectRef) -> bool:
    return ref in view.workloads and view.workloads[ref].desired == 0


def scaling(view: View, work: Workload) -> str:
    """How a workload came to its number of replicas: by whom, when, and the numbers before."""
    notes = []
    previous = _earlier_sizes(view, work)
    if previous:
        notes.append(f"was {previous}")
    for entry in work.manifest["metadata"].get("managedFields") or ():
        if "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {}):
            when = view.age_of(entry.get("time"))
            notes.append(f"by {entry.get('manager')}{f' {age(when)} ago' if when is not None else ''}")
            break
    return ", ".join(notes)


def _earlier_sizes(view: View, work: Workload) -> str:
    """From the scaling events (``Scaled down replica set x from 2 to 0``), else from the history."""
    import re

    sizes: list[tuple[str, str]] = []
    for event in view.inventory.of("Event"):
        about = event.get("involvedObject") or {}
        if about.get("kind") == work.ref.kind and about.get("name") == work.ref.name:
            match = re.search(r"\bfrom (\d+) to (\d+)", event.get("message") or "")
            if match and match.group(2) == str(work.desired) and match.group(1) != "0":
                sizes.append((str(event.get("lastTimestamp") or event.get("eventTime") or ""), match.group(1)))
    return max(sizes)[1] if sizes else ""


def _restarts(view: View, work: Workload) -> Iterator[Draft]:
    """Recent endings of containers that run again; old ones are history."""
    endings: Counter[str] = Counter()
    latest = ""
    for pod in work.pods:
        if pod_is_over(pod):
            continue
        specs = {item["name"]: item for item in pod["spec"].get("containers") or ()}
        for item in (pod.get("status") or {}).get("containerStatuses") or ():
            last = (item.get("lastState") or {}).get("terminated") or {}
            ended = view.age_of(last.get("finishedAt"))
            if ended is None or ended > RECENT or not item.get("restartCount"):
                continue
            latest = max(latest, last.get("finishedAt", ""))
            text = f"restarted, last {_ending(last)}"
            if last.get("reason") == "OOMKilled":
                limit = ((specs.get(item["name"], {}).get("resources") or {}).get("limits") or {}).get("memory")
                text = f"OOMKilled{f' at memory limit {limit}' if limit else ''}"
            endings[text] += int(item["restartCount"])
    for text, count in endings.most_common(2):
        oom = text.startswith("OOMKilled")
        yield Draft(
            "event", work.ref, f"{text}, {plural(count, 'restart')}", 0.8 if oom else 0.55, "containers", latest
        )


def _jobs(view: View, work: Workload) -> Iterator[Draft]:
    """A CronJob is judged by its last Job; a Job that completed, or failed long ago, is no anomaly."""
    jobs = [work.manifest]
    if work.ref.kind == "CronJob":
        jobs = [
            job
            for job in view.inventory.of("Job")
            if view.owner(ObjectRef("Job", work.ref.namespace, job["metadata"]["name"])) == work.ref
        ]
    if not jobs:
        return
    last = max(jobs, key=lambda job: job["metadata"].get("creationTimestamp") or "")
    for item in (last.get("status") or {}).get("conditions") or ():
        if item.get("type") == "Failed" and item.get("status") == "True":
            when = view.age_of(item.get("lastTransitionTime"))
            text = f"last run failed: {item.get('reason', '')} {essential(item.get('message', ''))}".strip()
            weight = 0.5 if when is not None and when < 6 * RECENT else 0.0
            yield Draft(
                "state", work.ref, text, weight, "Job conditions", item.get("lastTransitionTime") or "", latent=0.5
            )
            return
    held = [pod for pod in work.pods if not pod_is_over(pod) and not pod_is_ready(pod)]
    reasons = Counter(reason for pod in held for reason in _reasons(pod) if reason != "starting")
    for reason, _ in reasons.most_common(1):
        yield Draft("state", work.ref, reason, 0.6, "Pods")


def troubled(pod: Manifest, now: str) -> bool:
    """Whether a Pod's logs are worth reading: not ready, or a container ended lately."""
    if (pod.get("status") or {}).get("phase") == "Succeeded" or pod["metadata"].get("deletionTimestamp"):
        return False
    if not pod_is_ready(pod):
        return True
    reading = instant(now)
    for item in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = instant(((item.get("lastState") or {}).get("terminated") or {}).get("finishedAt"))
        if ended and reading and (reading - ended).total_seconds() <= RECENT:
            return True
    return False
