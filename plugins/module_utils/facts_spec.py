# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Context lines: what an object is made of, and which names exist beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .draft import Draft
from .evidence import Manifest, ObjectRef
from .facts_references import references
from .facts_state import probe_text
from .leaves import shown
from .workloads import View, Workload

_ENVIRONMENTS = 1  # objects whose variables are shown


def spec_facts(view: View, about: Iterable[ObjectRef]) -> Iterator[Draft]:
    """What the objects in question are configured to be, most in question first."""
    for rank, ref in enumerate(dict.fromkeys(about)):
        salience = 0.5 - 0.05 * rank
        work = view.workloads.get(ref)
        found = view.inventory.get(ref)
        if work is not None:
            text, source = describe_workload(work), "spec"
        elif found is not None and ref.kind in _DESCRIBE:
            text, source = _DESCRIBE[ref.kind](found), "spec"
        else:
            continue
        if text:
            yield Draft("spec", ref, text, 0.0, source, salience=salience)
        if work is not None and rank < _ENVIRONMENTS and (variables := _environment(work)):
            yield Draft("spec", ref, variables, 0.0, "spec", salience=salience - 0.01)
        if work is not None:
            yield from _used(view, work, salience - 0.02)


def describe_workload(work: Workload) -> str:
    """Replicas, and of each container image, command, ports, resources, probes and environment."""
    parts = [f"replicas {work.desired}"] if work.desired is not None and work.ref.kind != "Pod" else []
    containers = work.pod_spec.get("containers") or ()
    parts += [_container(container, named=len(containers) > 1) for container in containers[:2]]
    if selector := work.pod_spec.get("nodeSelector"):
        parts.append(f"nodeSelector {_pairs(selector)}")
    return ", ".join(part for part in parts if part)


def _container(container: Manifest, named: bool) -> str:
    parts = [f"container {container['name']}"] if named else []
    parts.append(f"image {container.get('image')}")
    if words := [*(container.get("command") or ()), *(container.get("args") or ())]:
        parts.append(f"command {' '.join(map(str, words))[:60]}")
    if ports := [str(port["containerPort"]) for port in container.get("ports") or ()]:
        parts.append(f"port {'/'.join(ports)}")
    limits = (container.get("resources") or {}).get("limits") or {}
    if limits:
        parts.append("limits " + " ".join(f"{name} {value}" for name, value in limits.items()))
    probes = {name: probe_text(container.get(f"{name}Probe")) for name in ("readiness", "liveness")}
    if probes["liveness"] == probes["readiness"]:
        del probes["liveness"]
    parts += [f"{name} {text}" for name, text in probes.items() if text]
    return ", ".join(parts)


def _environment(work: Workload) -> str:
    """The variables of the containers, in a line of their own."""
    pairs = [_variable(entry) for item in work.pod_spec.get("containers") or () for entry in item.get("env") or ()]
    return "env " + " ".join(pairs[:8]) + (" …" if len(pairs) > 8 else "") if pairs else ""


def _variable(entry: Manifest) -> str:
    name = entry["name"]
    source = entry.get("valueFrom") or {}
    for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if origin := source.get(field):
            return f"{name}<-{kind} {origin.get('name')}/{origin.get('key')}"
    return f"{name}={shown(f'env.{name}', entry.get('value', ''))}"


def _used(view: View, work: Workload, salience: float) -> Iterator[Draft]:
    """The keys of the ConfigMaps that a workload uses (their values too, where they are short)."""
    for ref in dict.fromkeys(ref for ref, *_ in references(work) if ref.kind == "ConfigMap"):
        if found := view.inventory.get(ref):
            short = any(_is_short(value) for value in (found.get("data") or {}).values())
            yield Draft("spec", ref, _config_map(found), 0.0, "data", salience=salience if short else -1.0)


def _config_map(found: Manifest) -> str:
    data: dict[str, Any] = found.get("data") or {}
    pairs = [f"{key}={shown(f'data.{key}', value)}" if _is_short(value) else key for key, value in data.items()]
    return "has " + " ".join(pairs[:6]) + (" …" if len(pairs) > 6 else "") if pairs else "has no keys"


def _is_short(value: Any) -> bool:
    """A setting, as opposed to a file."""
    return len(str(value)) <= 40 and "\n" not in str(value)


def _service(found: Manifest) -> str:
    spec = found["spec"]
    ports = ", ".join(
        f"{port.get('port')}->{port.get('targetPort', port.get('port'))}" for port in spec.get("ports") or ()
    )
    return f"port {ports}, selector {_pairs(spec.get('selector') or {})}"


def _network_policy(found: Manifest) -> str:
    spec = found["spec"]
    kinds = "/".join(spec.get("policyTypes") or ["Ingress"])
    chosen = _pairs((spec.get("podSelector") or {}).get("matchLabels") or {}) or "all Pods"
    rules = sum(len(spec.get(side) or ()) for side in ("ingress", "egress"))
    return f"{kinds} for {chosen}, {rules} rules"


def _claim(found: Manifest) -> str:
    spec = found["spec"]
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    modes = "/".join(spec.get("accessModes") or ())
    return f"storage class {spec.get('storageClassName') or '(default)'}, {size}, {modes}"


def _pairs(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())


_DESCRIBE = {
    "Service": _service,
    "ConfigMap": _config_map,
    "NetworkPolicy": _network_policy,
    "PersistentVolumeClaim": _claim,
}
