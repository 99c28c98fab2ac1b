# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts on what bounds workloads from outside: nodes, quota, claims, autoscalers, usage against limits."""

from __future__ import annotations

from collections.abc import Iterator

from .cluster import reference
from .draft import Draft, essential
from .evidence import ObjectRef
from .quantity import quantity
from .ready import unready
from .workloads import View, pod_is_over, pod_is_ready

_NEAR_LIMIT = {"memory": 0.92, "cpu": 0.9}  # a busy machine does not always give a limit whole


def capacity_facts(view: View) -> Iterator[Draft]:
    """What Pods lean on."""
    yield from _nodes(view)
    yield from _quota(view)
    yield from _claims(view)
    yield from _autoscalers(view)
    yield from _usage(view)


def _short_of_pods(view: View) -> bool:
    return any(
        work.desired and sum(pod_is_ready(pod) for pod in work.pods) < work.desired for work in view.workloads.values()
    )


def _nodes(view: View) -> Iterator[Draft]:
    short = _short_of_pods(view)
    used = {(pod.get("spec") or {}).get("nodeName") for pod in view.inventory.of("Pod") if not pod_is_over(pod)}
    for node in view.inventory.of("Node"):
        ref = reference(node)
        why = unready(node)
        if why:
            # A node that carries nothing of this namespace is somebody else's incident.
            yield Draft("state", ref, why, 0.7 if ref.name in used else 0.0, "Node conditions", latent=0.7)
        elif (node.get("spec") or {}).get("unschedulable"):
            yield Draft(
                "state", ref, "cordoned (unschedulable)", 0.0, "Node spec", latent=0.6, salience=0.5 if short else 0.0
            )


def _quota(view: View) -> Iterator[Draft]:
    short = _short_of_pods(view)
    for item in view.inventory.of("ResourceQuota"):
        status = item.get("status") or {}
        hard, used = status.get("hard") or {}, status.get("used") or {}
        full = []
        for name, bound in hard.items():
            limit, amount = quantity(bound), quantity(used.get(name, "0"))
            if limit is not None and amount is not None and amount >= limit:
                full.append(f"{name} {used.get(name)} of {bound}")
        if full:
            text = f"used up: {', '.join(full[:3])}"
            yield Draft("usage", reference(item), text, 0.6 if short else 0.0, "status", salience=0.2)


def _claims(view: View) -> Iterator[Draft]:
    mounted = {
        (volume.get("persistentVolumeClaim") or {}).get("claimName")
        for work in view.workloads.values()
        if work.desired != 0
        for volume in work.pod_spec.get("volumes") or ()
    }
    for item in view.inventory.of("PersistentVolumeClaim"):
        if why := unready(item):
            ref = reference(item)
            storage = item["spec"].get("storageClassName")
            said = _last_event(view, ref)
            text = f"{why}, storage class {storage or '(default)'}{f': {said}' if said else ''}"
            # Unmounted claims wait for a first consumer by design.
            yield Draft("state", ref, text, 0.85 if ref.name in mounted else 0.0, "status", latent=0.6)


def _autoscalers(view: View) -> Iterator[Draft]:
    for item in view.inventory.of("HorizontalPodAutoscaler"):
        if unready(item):
            conditions = (item.get("status") or {}).get("conditions") or ()
            bad = next(
                entry for entry in conditions if entry.get("status") == "False" and entry["type"] != "ScalingLimited"
            )
            text = f"{bad['type']} is False: {bad.get('reason', '')} {essential(bad.get('message', ''), 80)}"
            yield Draft("state", reference(item), text.strip(), 0.3, "status")


def _last_event(view: View, ref: ObjectRef) -> str:
    said = [
        (str(event.get("lastTimestamp") or event.get("eventTime") or ""), essential(event.get("message") or "", 80))
        for event in view.inventory.of("Event")
        if (event.get("involvedObject") or {}).get("kind") == ref.kind
        and (event.get("involvedObject") or {}).get("name") == ref.name
    ]
    return max(said)[1] if said else ""


def _usage(view: View) -> Iterator[Draft]:
    for work in view.workloads.values():
        worst: dict[tuple[str, str], tuple[float, str]] = {}
        for pod in work.pods:
            for container in pod["spec"].get("containers") or ():
                amounts = view.inventory.usage.get((pod["metadata"]["name"], container["name"])) or {}
                limits = (container.get("resources") or {}).get("limits") or {}
                for name, bound in _NEAR_LIMIT.items():
                    limit, amount = quantity(limits.get(name, "")), amounts.get(name)
                    if not limit or amount is None or amount / limit < bound:
                        continue
                    share = amount / limit
                    text = f"{name} usage {share:.0%} of limit {limits[name]}"
                    worst[container["name"], name] = max(worst.get((container["name"], name), (0.0, "")), (share, text))
        several = len(work.pod_spec.get("containers") or ()) > 1
        for (container_name, name), (_, text) in worst.items():
            head = f"container {container_name} " if several else ""
            yield Draft("usage", work.ref, f"{head}{text}", 0.6 if name == "memory" else 0.5, "PodMetrics")
