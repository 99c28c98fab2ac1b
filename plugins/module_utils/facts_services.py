# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts on how traffic gets to Pods: Services, ports, endpoints, callers, NetworkPolicies, Ingresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from .cluster import reference
from .draft import Draft
from .evidence import Manifest, ObjectRef
from .workloads import Call, View, Workload, matches, pod_is_ready

CONSEQUENCE = 0.35
"""Weight of what follows from something said elsewhere."""


def service_facts(view: View) -> Iterator[Draft]:
    """Services that lead nowhere, and callers that call nowhere."""
    for service in view.inventory.of("Service"):
        spec = service["spec"]
        if spec.get("type") == "ExternalName" or not spec.get("selector"):
            continue
        ref = reference(service)
        behind = view.selected[ref]
        if behind:
            yield from _ports(view, ref, service, behind)
            yield from _endpoints(view, ref, behind)
        elif not view.unlisted(spec["selector"]):
            yield _selects_nothing(view, ref, service)
    for call in view.calls:
        yield from _call(view, call)
    yield from _blocked(view)
    yield from _ingresses(view)


def _selects_nothing(view: View, ref: ObjectRef, service: Manifest) -> Draft:
    selector = service["spec"]["selector"]
    text = f"selector {_pairs(selector)} matches no Pods"
    close = max(view.workloads.values(), key=lambda work: _likeness(ref.name, selector, work), default=None)
    if close and _likeness(ref.name, selector, close) > 0:
        text += f"; those of {close.ref} have {_pairs({key: close.labels.get(key, '(none)') for key in selector})}"
    used = ref.name in view.callers
    return Draft("reference", ref, text, 0.9 if used else 0.0, "spec.selector", latent=0.9)


def _likeness(name: str, selector: Mapping[str, str], work: Workload) -> float:
    shared = sum(work.labels.get(key) == value for key, value in selector.items())
    return (
        shared
        + (1.5 if work.ref.name == name else 0.0)
        + (0.5 if name in work.ref.name or work.ref.name in name else 0)
    )


def _pairs(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())


def container_ports(work: Workload) -> dict[int, str]:
    """The ports that a workload's containers declare or are probed on, with their names."""
    found: dict[int, str] = {}
    for container in work.pod_spec.get("containers") or ():
        for port in container.get("ports") or ():
            found[int(port["containerPort"])] = port.get("name", "")
        for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
            for handler in ("httpGet", "tcpSocket", "grpc"):
                number = ((container.get(probe) or {}).get(handler) or {}).get("port")
                if isinstance(number, int):
                    found.setdefault(number, "")
    return found


def target_port(service_port: Mapping[str, Any], work: Workload) -> int | None:
    """The number of the container port that a Service's port leads to; None for a name nobody has."""
    target = service_port.get("targetPort", service_port.get("port"))
    if isinstance(target, int) or str(target).isdigit():
        return int(target)
    return next((number for number, name in container_ports(work).items() if name == target), None)


def _ports(view: View, ref: ObjectRef, service: Manifest, behind: tuple[Workload, ...]) -> Iterator[Draft]:
    works = [work for work in behind if work.desired != 0] or list(behind)
    for port in service["spec"].get("ports") or ():
        declared = {number: name for work in works for number, name in container_ports(work).items()}
        numbers = {target_port(port, work) for work in works}
        known = ", ".join(f"{number}{f' ({name})' if name else ''}" for number, name in sorted(declared.items())[:4])
        head = f"port {port.get('port')} leads to targetPort {port.get('targetPort', port.get('port'))}"
        if numbers == {None}:
            text = f"{head}, a name that no container of {works[0].ref} has (it has {known or 'no ports'})"
            yield Draft("reference", ref, text, 0.95, "spec.ports")
        elif declared and not numbers & set(declared):
            # A container may listen on a port that it does not declare: what requests show decides.
            failing = [m for m in view.inventory.measurements if m.target == ref and m.port == port.get("port")]
            weight = 0.0 if not failing else (0.95 if failing[0].failed >= 0.5 else 0.0)
            latent = 0.0 if failing and failing[0].failed < 0.5 else 0.7
            text = f"{head}, but {works[0].ref} listens on {known}"
            yield Draft("reference", ref, text, weight, "spec.ports", latent=latent, salience=0.5)


def _endpoints(view: View, ref: ObjectRef, behind: tuple[Workload, ...]) -> Iterator[Draft]:
    if "EndpointSlice" not in view.inventory.objects or view.ready_addresses.get(ref.name):
        return
    wanted = sum(work.desired or 0 for work in behind)
    if not wanted:
        return  # said of the workload, if it matters
    ready = sum(pod_is_ready(pod) for work in behind for pod in work.pods)
    detail = (
        f" although {ready} Pods of {behind[0].ref} are ready" if ready else f" ({behind[0].ref} has no ready Pods)"
    )
    yield Draft("state", ref, f"no ready endpoints{detail}", 0.9 if ready else CONSEQUENCE, "EndpointSlices")


def _call(view: View, call: Call) -> Iterator[Draft]:
    """A call to a Service that does not exist, or to a port that it does not have.

    Latent: a system may carry addresses of parts that are switched off.
    """
    if "Service" not in view.inventory.objects:
        return
    held = f" (from {call.where})" if call.where != call.caller else ""
    shown = f"{call.variable}{held} points at {call.host}{f':{call.port}' if call.port else ''}"
    service = view.service_named.get(call.host)
    if service is None:
        if _is_a_pod_name(view, call.host):
            return
        near = get_close_matches(call.host, view.service_named, 2, 0.6)
        there = f"; there is {', '.join(near)}" if near else ""
        text = f"{shown}, but no such Service exists{there}"
        yield Draft("reference", call.caller, text, 0.0, "env", latent=0.8, salience=0.4)
    elif call.port and service["spec"].get("clusterIP") != "None":
        ports = [item.get("port") for item in service["spec"].get("ports") or ()]
        if ports and call.port not in ports:
            text = f"{shown}, but Service {call.host} has port {', '.join(map(str, ports[:4]))}"
            yield Draft("reference", call.caller, text, 0.0, "env", latent=0.85, salience=0.4)


def _is_a_pod_name(view: View, host: str) -> bool:
    return any(item["metadata"]["name"] == host for item in view.inventory.of("Pod"))


def _blocked(view: View) -> Iterator[Draft]:
    """Calls that a NetworkPolicy does not let through."""
    policies = view.inventory.of("NetworkPolicy")
    if not policies:
        return
    seen: set[tuple[ObjectRef, ObjectRef]] = set()
    for name, calls in view.callers.items():
        for target in view.selected.get(ObjectRef("Service", view.inventory.namespace, name), ()):
            for call in calls:
                caller = view.workloads.get(call.caller)
                if caller is None or caller.desired == 0 or (call.caller, target.ref) in seen:
                    continue
                seen.add((call.caller, target.ref))
                for side, here, there in (("Ingress", target, caller), ("Egress", caller, target)):
                    if deny := _denying(policies, side, here, there):
                        text = f"{side.lower()} rules do not let {caller.ref} reach {target.ref}"
                        yield Draft("reference", deny, text, 0.85, "spec")


def _denying(policies: tuple[Manifest, ...], side: str, here: Workload, there: Workload) -> ObjectRef | None:
    """The policy that isolates ``here`` on this side, when none of those that do lets ``there`` through."""
    isolating = [
        policy
        for policy in policies
        if side in (policy["spec"].get("policyTypes") or ["Ingress"])
        and label_selector_matches(policy["spec"].get("podSelector") or {}, here.labels)
    ]
    peers_key = "from" if side == "Ingress" else "to"
    for policy in isolating:
        for rule in policy["spec"].get(side.lower()) or ():
            peers = rule.get(peers_key)
            if not peers or any(_peer_matches(peer, there) for peer in peers):
                return None
    return reference(isolating[0]) if isolating else None


def _peer_matches(peer: Mapping[str, Any], work: Workload) -> bool:
    if "ipBlock" in peer or "namespaceSelector" in peer:
        return True  # cannot be told from here; better silent than wrong
    return label_selector_matches(peer.get("podSelector") or {}, work.labels)


def label_selector_matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """A LabelSelector; an empty one picks everything."""
    wanted = selector.get("matchLabels") or {}
    if wanted and not matches(wanted, labels):
        return False
    for rule in selector.get("matchExpressions") or ():
        has, value = rule["key"] in labels, labels.get(rule["key"])
        values = rule.get("values") or ()
        held = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": has,
            "DoesNotExist": not has,
        }.get(rule["operator"], True)
        if not held:
            return False
    return True


def _ingresses(view: View) -> Iterator[Draft]:
    names = view.service_named
    for item in view.inventory.of("Ingress"):
        spec = item["spec"]
        backends = [spec.get("defaultBackend") or {}]
        backends += [
            path.get("backend") or {}
            for rule in spec.get("rules") or ()
            for path in (rule.get("http") or {}).get("paths") or ()
        ]
        for service in {(backend.get("service") or {}).get("name", "") for backend in backends} - {""}:
            if service not in names:
                near = get_close_matches(service, names, 2, 0.5)
                text = f"backend Service {service} does not exist{f' (there is {near[0]})' if near else ''}"
                yield Draft("reference", reference(item), text, 0.8, "spec.rules")
