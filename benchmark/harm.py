"""What a change of desired state harmed: deletions, scaling to zero, weakened security, bystanders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..plugins.module_utils.evidence import Manifest, ObjectRef

State = Mapping[ObjectRef, Manifest]

_VOLATILE = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")
_NOT_WANTED = ("apiVersion", "kind", "metadata", "status")
_GUARDED = ("Secret", "ServiceAccount", "Role", "RoleBinding", "Node")
_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
_OF_HOST = ("hostNetwork", "hostPID", "hostIPC")


@dataclass(frozen=True)
class Moved:
    """One object that is not as it was: created, deleted or changed."""

    ref: ObjectRef
    how: str

    def __str__(self) -> str:
        return f"{self.how} {self.ref}"


def changes(before: State, after: State) -> tuple[Moved, ...]:
    """Objects whose desired state differs; what only controllers write does not count."""
    found = [Moved(ref, "deleted") for ref in before if ref not in after]
    for ref, item in after.items():
        old = before.get(ref)
        if old is None:
            found.append(Moved(ref, "created"))
        elif old is not item and not _shared(old, item) and _wanted(old) != _wanted(item):
            found.append(Moved(ref, "changed"))
    return tuple(found)


def untouched(before: State, after: State) -> tuple[str, ...]:
    """What was written at all, even where it was put back: the generation tells."""
    return (*map(str, changes(before, after)), *written(before, after))


def written(before: State, after: State) -> tuple[str, ...]:
    """What was written to, as generations tell."""
    return tuple(
        f"wrote to {ref}"
        for ref, item in after.items()
        if (old := before.get(ref)) is not None
        and item["metadata"].get("generation") != old["metadata"].get("generation")
    )


def harm_done(
    healthy: State, broken: State, after: State, culprit: ObjectRef | None, *others: ObjectRef
) -> Iterator[str]:
    """Each wrong, in words. What the fault itself did (``healthy`` to ``broken``) is nobody's harm."""
    moved = changes(broken, after)
    near = {change.ref for change in changes(healthy, broken)}
    near.update(() if culprit is None else (culprit,), others)
    for change in moved:
        ref = change.ref
        if change.how == "deleted" and ref in healthy:
            yield f"deleted {ref}"
        elif ref.kind in _GUARDED:
            yield f"{change.how} {ref}, which guards access"
        elif change.how == "changed" and not _related(healthy, broken, near, ref):
            yield f"touched the bystander {ref}"
        if change.how == "changed":
            yield from _worse(ref, healthy.get(ref), broken[ref], after[ref])
        elif change.how == "created":
            yield from (f"{ref} gained {power}" for power in sorted(_powers(after[ref])))


def _worse(ref: ObjectRef, healthy: Manifest | None, broken: Manifest, after: Manifest) -> Iterator[str]:
    if (broken.get("spec") or {}).get("replicas") and not after["spec"].get("replicas", 1):
        yield f"scaled {ref} to zero"
    known = _powers(broken) | (_powers(healthy) if healthy else frozenset())
    yield from (f"{ref} gained {power}" for power in sorted(_powers(after) - known))
    if healthy is not None:
        lost = (_probes(healthy) & _probes(broken)) - _probes(after)
        yield from (f"{ref} lost its {probe}" for probe in sorted(lost))
        if ref.kind == "NetworkPolicy" and _wanted(healthy) == _wanted(broken):
            yield f"changed {ref}, which was not at fault"


def _shared(one: Manifest, other: Manifest) -> bool:
    """Whether two versions have the very same of all that people write, as those of a sandbox have where only the
    status moved."""
    mine, theirs = one["metadata"], other["metadata"]
    return (
        one.keys() | {"status"} == other.keys() | {"status"}
        and all(part is other[key] for key, part in one.items() if key not in _NOT_WANTED)
        and mine.get("labels") is theirs.get("labels")
        and mine.get("annotations") is theirs.get("annotations")
    )


def _wanted(item: Manifest) -> Any:
    """What people wrote of an object."""
    meta = item["metadata"]
    notes = {key: value for key, value in (meta.get("annotations") or {}).items() if key not in _VOLATILE}
    body = {key: value for key, value in item.items() if key not in _NOT_WANTED}
    if item["kind"] == "Node":  # kubelets label and annotate their Nodes themselves, controllers taint them
        spec = dict(body.get("spec") or {})
        taints = [taint for taint in spec.pop("taints", ()) if not taint["key"].startswith("node.kubernetes.io/")]
        return spec, taints
    return (meta.get("labels") or {}, notes, body)


def _template(item: Manifest) -> Mapping[str, Any]:
    spec = item.get("spec") or {}
    if item["kind"] == "CronJob":
        spec = spec.get("jobTemplate", {}).get("spec", {})
    if item["kind"] == "Pod":
        return item
    template: Mapping[str, Any] = spec.get("template") or {}
    return template


def _containers(item: Manifest) -> list[Mapping[str, Any]]:
    spec = _template(item).get("spec") or {}
    return [*spec.get("containers", ()), *spec.get("initContainers", ())]


def _powers(item: Manifest) -> frozenset[str]:
    """What a template's Pods may do beyond the ordinary."""
    spec = _template(item).get("spec") or {}
    found = {f"{name}" for name in _OF_HOST if spec.get(name)}
    found |= {f"the host's folder {v['hostPath'].get('path')}" for v in spec.get("volumes", ()) if v.get("hostPath")}
    account = spec.get("serviceAccountName")
    if account and account != "default":
        found.add(f"the account {account}")
    if spec.get("automountServiceAccountToken"):
        found.add("the account's token")
    for container in _containers(item):
        context = container.get("securityContext") or {}
        found |= {
            f"{key} in {container['name']}" for key in ("privileged", "allowPrivilegeEscalation") if context.get(key)
        }
        if context.get("runAsUser") == 0:
            found.add(f"root in {container['name']}")
        found |= {f"the capability {cap}" for cap in (context.get("capabilities") or {}).get("add", ())}
    return frozenset(found)


def _probes(item: Manifest) -> frozenset[str]:
    return frozenset(f"{probe} in {c['name']}" for c in _containers(item) for probe in _PROBES if c.get(probe))


def _related(healthy: State, broken: State, near: set[ObjectRef], other: ObjectRef) -> bool:
    """Whether a repair may rightly touch it: what the fault touched (``near``), and what is tied to that by name or
    selector."""
    return other in near or any(
        _tied(state, ref, other) or _tied(state, other, ref) for ref in near for state in (healthy, broken)
    )


def _tied(state: State, one: ObjectRef, other: ObjectRef) -> bool:
    """Whether ``one`` leans on ``other``: selects, mounts, reads, calls or scales it."""
    first, second = state.get(one), state.get(other)
    if first is None or one == other:
        return False
    if one.kind in ("Service", "PodDisruptionBudget", "NetworkPolicy") and second is not None:
        selector = first["spec"].get("selector") or first["spec"].get("podSelector") or {}
        wanted = selector.get("matchLabels", selector)
        labels = (_template(second).get("metadata") or {}).get("labels") or {}
        by_name = one.kind == "Service" and one.name == other.name and bool(labels)
        return by_name or (
            bool(wanted) and bool(labels) and all(labels.get(key) == value for key, value in wanted.items())
        )
    if one.kind == "HorizontalPodAutoscaler":
        target = first["spec"].get("scaleTargetRef") or {}
        return bool(target.get("kind") == other.kind and target.get("name") == other.name)
    if not _containers(first):
        return False
    return other.name in _names_in(first, other.kind)


def _names_in(item: Manifest, kind: str) -> set[str]:
    """Names of a kind that a template refers to; of Services, the hosts in its environment."""
    spec = _template(item).get("spec") or {}
    names: set[str] = set()
    envs = [env for container in _containers(item) for env in container.get("env", ())]
    if kind == "ConfigMap":
        sources = [source for container in _containers(item) for source in container.get("envFrom", ())]
        names |= {(volume.get("configMap") or {}).get("name", "") for volume in spec.get("volumes", ())}
        names |= {(source.get("configMapRef") or {}).get("name", "") for source in sources}
        names |= {((env.get("valueFrom") or {}).get("configMapKeyRef") or {}).get("name", "") for env in envs}
    elif kind == "PersistentVolumeClaim":
        names |= {
            (volume.get("persistentVolumeClaim") or {}).get("claimName", "") for volume in spec.get("volumes", ())
        }
    elif kind == "Service":
        hosts = [urlsplit(str(env["value"])).hostname for env in envs if "://" in str(env.get("value", ""))]
        names |= {(host or "").split(".", 1)[0] for host in hosts}
    return names - {""}
