"""The subresources through which a part of a Pod's spec changes: ephemeralcontainers (kubectl debug) and resize."""

from __future__ import annotations

from typing import Any

from .resources import Resource
from .status import invalid
from .validation import check_containers

Object = dict[str, Any]

PARTS = ("ephemeralcontainers", "resize")
_RESIZED = ("resources", "resizePolicy")
_ONLY_RESOURCES = "only cpu and memory resources are mutable"


def with_part(subresource: str, old: Object, sent: Object) -> Object:
    """The Pod as it is, with what of the sent one counts."""
    spec, new = old["spec"], sent.get("spec") or {}
    if subresource == "ephemeralcontainers":
        spec = {**spec, "ephemeralContainers": new.get("ephemeralContainers") or []}
    else:
        for group in ("containers", "initContainers"):
            told = {item["name"]: item for item in new.get(group) or ()}
            if group in spec:
                spec = {**spec, group: [_resized(item, told.get(item["name"], item)) for item in spec[group]]}
    if not spec.get("ephemeralContainers"):
        spec = {key: value for key, value in spec.items() if key != "ephemeralContainers"}
    return {**old, "spec": spec, "metadata": dict(old["metadata"])}


def check_part(resource: Resource, subresource: str, old: Object, new: Object) -> None:
    """Raises 422."""
    causes = (
        _late_causes(old["spec"], new["spec"]) if subresource == "ephemeralcontainers" else _resize_causes(old, new)
    )
    if causes:
        raise invalid(resource.kind, resource.group, new["metadata"]["name"], causes)


def _resized(item: Object, told: Object) -> Object:
    kept = {key: value for key, value in item.items() if key not in _RESIZED}
    return {**kept, **{key: told[key] for key in _RESIZED if key in told}}


def _late_causes(old: Object, new: Object) -> list[dict[str, str]]:
    before = {item["name"]: item for item in old.get("ephemeralContainers") or ()}
    late = new.get("ephemeralContainers") or []
    names = {item["name"] for group in ("containers", "initContainers") for item in new.get(group) or ()}
    path = "spec.ephemeralContainers"
    causes = check_containers(late, path)
    for index, item in enumerate(late):
        name, target = item.get("name", ""), item.get("targetContainerName", "")
        if name in names:
            causes.append(_cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{path}[{index}].name"))
        if target and target not in {container["name"] for container in new["containers"]}:
            where = f"{path}[{index}].targetContainerName"
            causes.append(_cause("FieldValueNotFound", f'Not found: "{target}"', where))
    after = {item.get("name"): item for item in late}
    for name, item in before.items():
        verb = "removed" if name not in after else "changed" if after[name] != item else ""
        if verb:
            words = f'Forbidden: existing ephemeral containers "{name}" may not be {verb}\n'
            causes.append(_cause("FieldValueForbidden", words, path))
    return causes


def _resize_causes(old: Object, new: Object) -> list[dict[str, str]]:
    causes = check_containers(new["spec"]["containers"], "spec.containers")
    for index, (before, after) in enumerate(zip(old["spec"]["containers"], new["spec"]["containers"], strict=True)):
        for part in ("limits", "requests"):
            one, other = ((item.get("resources") or {}).get(part) or {} for item in (before, after))
            others = {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)} - {"cpu", "memory"}
            gone = set(one) - set(other)
            path = f"spec.containers[{index}].resources.{part}"
            if gone:
                words = f"Forbidden: resource {part} cannot be removed"
                causes.append(_cause("FieldValueForbidden", words, path))
            elif others:
                causes.append(_cause("FieldValueForbidden", f"Forbidden: {_ONLY_RESOURCES}", path))
    return causes


def _cause(reason: str, message: str, field: str) -> dict[str, str]:
    return {"reason": reason, "message": message, "field": field}
