"""Pod Security: what a namespace's labels allow Pods to be, in the words of Kubernetes' own admission."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..store import Store
from .podchecks import BASELINE, RESTRICTED
from .status import forbidden

Object = dict[str, Any]

LEVELS = ("privileged", "baseline", "restricted")
_PREFIX = "pod-security.kubernetes.io/"
_MINOR = 34


def violations(level: str, version: str, metadata: Object, spec: Object) -> list[tuple[str, str]]:
    """(what, details) of everything that a level forbids of a Pod."""
    minor = _MINOR if version == "latest" else int(version.removeprefix("v1."))
    checks = [] if level == "privileged" else [check for check in BASELINE if level == "baseline" or not check.relaxed]
    checks += RESTRICTED if level == "restricted" else ()
    return [found for check in checks if check.since <= minor and (found := check.look(metadata, spec))]


def check_pod(store: Store, namespace: str, name: str, pod: Object) -> None:
    """Raises 403 for a Pod that its namespace does not allow."""
    level, version = _wanted(store, namespace, "enforce")
    found = violations(level, version, pod["metadata"], pod["spec"])
    if found:
        raise forbidden("pods", "", name, f'violates PodSecurity "{level}:{version}": {_spelled(found)}')


def warnings_for(store: Store, kind: str, obj: Object) -> list[str]:
    """What a client is told of a Pod, or a workload's template, that is stored all the same."""
    spec = obj.get("spec") or {}
    holder = spec.get("jobTemplate", {}).get("spec", {}) if kind == "CronJob" else spec
    template = holder.get("template")
    pod = obj if kind == "Pod" else template
    if not isinstance(pod, dict) or not isinstance(pod.get("spec"), dict) or "containers" not in pod["spec"]:
        return []
    level, version = _wanted(store, obj["metadata"].get("namespace", ""), "warn")
    found = violations(level, version, pod.get("metadata") or {}, pod["spec"])
    return [f'would violate PodSecurity "{level}:{version}": {_spelled(found)}'] if found else []


def warnings_for_namespace(store: Store, old: Object, new: Object) -> list[str]:
    """Which Pods that are there already a namespace's new level would not allow."""
    before, (level, version) = _levels(old, "enforce"), _levels(new, "enforce")
    if before == (level, version):
        return []
    groups: dict[str, list[str]] = {}
    for pod in store.list("Pod", new["metadata"]["name"]):
        found = violations(level, version, pod["metadata"], pod["spec"])
        if found:
            groups.setdefault(", ".join(what for what, _ in found), []).append(pod["metadata"]["name"])
    if not groups:
        return []
    head = f'existing pods in namespace "{new["metadata"]["name"]}" violate the new PodSecurity enforce level '
    return [f'{head}"{level}:{version}"', *(f"{_some(names)}: {wrongs}" for wrongs, names in groups.items())]


def label_causes(labels: Object) -> list[dict[str, str]]:
    """Why labels of a namespace are none that Pod Security knows."""
    causes = []
    for mode in ("enforce", "audit", "warn"):
        level, version = labels.get(_PREFIX + mode), labels.get(f"{_PREFIX}{mode}-version")
        if level is not None and level not in LEVELS:
            words = f"must be one of {', '.join(LEVELS)}"
            causes.append(_cause(f"{_PREFIX}{mode}", level, words))
        if version is not None and version != "latest" and not _is_version(version):
            causes.append(_cause(f"{_PREFIX}{mode}-version", version, 'must be "latest" or "v1.x"'))
    return causes


def _cause(label: str, value: str, words: str) -> dict[str, str]:
    message = f'Invalid value: "{value}": {words}'
    return {"reason": "FieldValueInvalid", "message": message, "field": f"metadata.labels[{label}]"}


def _is_version(text: str) -> bool:
    return text.startswith("v1.") and text[3:].isdecimal()


def _wanted(store: Store, namespace: str, mode: str) -> tuple[str, str]:
    return _levels(store.get("Namespace", None, namespace) or {"metadata": {}}, mode)


def _levels(namespace: Object, mode: str) -> tuple[str, str]:
    labels = namespace["metadata"].get("labels") or {}
    return labels.get(_PREFIX + mode, "privileged"), labels.get(f"{_PREFIX}{mode}-version", "latest")


def _spelled(found: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{what} ({details})" if details else what for what, details in found)


def _some(names: list[str]) -> str:
    more = len(names) - 1
    return names[0] + (f" (and {more} other pod{'s' if more > 1 else ''})" if more else "")
