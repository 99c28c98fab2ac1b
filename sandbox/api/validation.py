"""What the API server refuses with 422: required fields, ranges, enumerations, names, what may not change.

The rules that are not in the schema are data, in rules.yaml.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from . import own_yaml
from .custom_validation import check_schema
from .podsecurity import label_causes
from .quantity import value_of
from .resources import Resource
from .schema import Node, compiled
from .status import invalid
from .workloads import check_schedule, check_service, check_workload

Object = dict[str, Any]
Causes = list[dict[str, str]]

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_NAME_PART = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_NAME_WORDS = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_UNTYPED = ("apiVersion", "kind", "metadata")
_UNCHECKED = ("Event", "Lease")
_ANY_NAME = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def validate(resource: Resource, node: Node, obj: Object, old: Object | None = None) -> None:
    """Raises 422 with every cause. ``obj`` is decoded, with its defaults."""
    causes: Causes = []
    if old is None:
        _check_name(resource, obj, causes)
    if resource.kind not in _UNCHECKED and not resource.definition:
        for part, value in obj.items():
            if part not in ("metadata", "status", "kind", "apiVersion"):
                _check_field(node, part, value, part, causes)
        _check_missing(node, obj, "", causes, skip=("metadata", "status"))
    _check_labels(obj, causes)
    if resource.builtin == "Namespace":
        causes += label_causes(obj["metadata"].get("labels") or {})
    if resource.builtin:
        check_workload(resource.builtin, obj.get("spec") or {}, causes)
    if resource.builtin == "Service":
        check_service(obj["spec"], causes)
    if resource.builtin == "CronJob":
        check_schedule(obj["spec"], causes)
    if old is not None:
        _check_unchanged(resource, old, obj, causes)
    if causes:
        # The selector is held against the labels before anybody looks at the Pod.
        causes.sort(key=lambda cause: cause["field"].startswith("spec.template.spec"))
        raise invalid(resource.kind, resource.group, obj["metadata"].get("name", ""), causes)


def validate_custom(resource: Resource, obj: Object) -> None:
    """Raises 422 when a custom object does not fit its type's schema."""
    causes: Causes = []
    schema = {key: value for key, value in resource.definition.schema.items() if key != "required"}
    wanted = resource.definition.schema.get("required") or ()
    missing = [name for name in wanted if name not in obj]
    causes += [_cause("FieldValueRequired", "Required value", name) for name in missing]
    check_schema(schema, {key: value for key, value in obj.items() if key not in _UNTYPED}, "", causes)
    if causes:
        # Enumerations come last, as the server's validation does them in another pass.
        causes.sort(key=lambda cause: cause["reason"] == "FieldValueNotSupported")
        raise invalid(resource.kind, resource.group, (obj.get("metadata") or {}).get("name", ""), causes)


def check_replicas(name: str, replicas: int) -> None:
    """For the scale subresource."""
    if replicas < 0:
        cause = _cause(
            "FieldValueInvalid", f"Invalid value: {replicas}: must be greater than or equal to 0", "spec.replicas"
        )
        raise invalid("Scale", "autoscaling", name, [cause])


def check_containers(containers: list[Object], path: str) -> Causes:
    """What is wrong with containers at a path of a Pod."""
    causes: Causes = []
    node = compiled("", "v1", "Pod").below("spec").below(path.rpartition(".")[2])
    for index, item in enumerate(containers):
        _check_struct(node.item or node, item, f"{path}[{index}]", causes)
    _check_duplicates(node, containers, path, causes)
    return causes


@cache
def _rules() -> dict[str, Any]:
    rules: dict[str, Any] = own_yaml.read(Path(__file__).parent / "rules.yaml")
    return rules


def _check_name(resource: Resource, obj: Object, causes: Causes) -> None:
    meta = obj["metadata"]
    name = meta.get("name", "")
    if not name:
        if not meta.get("generateName"):
            causes.append(
                _cause("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")
            )
        return
    if resource.kind in _ANY_NAME or resource.kind in _UNCHECKED:
        return
    strict = resource.builtin in ("Service", "Namespace")
    if not re.fullmatch(_LABEL if strict else _SUBDOMAIN, name) or len(name) > (63 if strict else 253):
        words = _LABEL_WORDS if strict else _SUBDOMAIN_WORDS
        causes.append(_cause("FieldValueInvalid", f'Invalid value: "{name}": {words}', "metadata.name"))


def _check_field(parent: Node, field: str, value: Any, path: str, causes: Causes) -> None:
    node = parent.below(field)
    if node.shape == "struct":
        _check_struct(node, value, path, causes)
    elif node.shape == "list":
        item = node.item
        if item is not None and item.shape == "struct":
            for index, part in enumerate(value):
                _check_struct(item, part, f"{path}[{index}]", causes)
            _check_duplicates(node, value, path, causes)
    elif node.enum and value not in node.enum:
        allowed = ", ".join(f'"{word}"' for word in sorted(node.enum))
        message = f"Unsupported value: {_shown(value)}: supported values: {allowed}"
        causes.append(_cause("FieldValueNotSupported", message, path))
    if type(value) is int:
        _check_number(f"{parent.name}.{field}", value, path, causes)


def _check_struct(node: Node, value: Object, path: str, causes: Causes) -> None:
    _check_missing(node, value, f"{path}.", causes)
    for field, part in value.items():
        _check_field(node, field, part, f"{path}.{field}", causes)
    if node.name == "ResourceRequirements":
        _check_resources(value, path, causes)


def _check_missing(node: Node, value: Object, prefix: str, causes: Causes, skip: tuple[str, ...] = ()) -> None:
    for field in (*node.required, *_rules()["required"].get(node.name, ())):
        if field in skip or (field == "ports" and _needs_no_ports(value)):
            continue
        if field not in value or value[field] in ("", []):
            if node.fields.get(field) is not None and node.fields[field].shape == "integer" and field not in value:
                # Go has no missing number: what is not there is 0, and a range complains about that.
                _check_number(f"{node.name}.{field}", 0, f"{prefix}{field}", causes)
            else:
                causes.append(_cause("FieldValueRequired", "Required value", f"{prefix}{field}"))


def _needs_no_ports(spec: Object) -> bool:
    return spec.get("clusterIP") == "None" or spec.get("type") == "ExternalName"


def _check_duplicates(node: Node, items: list[Any], path: str, causes: Causes) -> None:
    """Containers, volumes and the like must differ by name; other keyed lists only draw a warning."""
    if node.keys != ("name",) or path.endswith((".env", ".imagePullSecrets")):
        return
    seen: set[str] = set()
    for index, item in enumerate(items):
        name = item.get("name")
        if name in seen:
            causes.append(_cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{path}[{index}].name"))
        seen.add(name)


def _check_number(field: str, value: int, path: str, causes: Causes) -> None:
    bounds = _rules()["range"].get(field)
    if bounds and not bounds[0] <= value <= bounds[1]:
        message = f"Invalid value: {value}: must be between {bounds[0] or 1} and {bounds[1]}, inclusive"
        causes.append(_cause("FieldValueInvalid", message, path))
    least = _rules()["least"].get(field)
    if least is not None and value < least:
        causes.append(
            _cause("FieldValueInvalid", f"Invalid value: {value}: must be greater than or equal to {least}", path)
        )


def _check_resources(value: Object, path: str, causes: Causes) -> None:
    limits = value.get("limits", {})
    for name, amount in limits.items():
        _check_amount(amount, f"{path}.limits[{name}]", causes)
    for name, amount in value.get("requests", {}).items():
        _check_amount(amount, f"{path}.requests[{name}]", causes)
        if name in limits and value_of(amount) > value_of(limits[name]):
            message = f'Invalid value: "{amount}": must be less than or equal to {name} limit of {limits[name]}'
            causes.append(_cause("FieldValueInvalid", message, f"{path}.requests"))


def _check_amount(amount: str, path: str, causes: Causes) -> None:
    if value_of(amount) < 0:
        message = f'Invalid value: "{amount}": must be greater than or equal to 0'
        causes.append(_cause("FieldValueInvalid", message, path))


def _check_labels(obj: Object, causes: Causes) -> None:
    for group in ("labels", "annotations"):
        for key in obj["metadata"].get(group, {}):
            if not _NAME_PART.fullmatch(key.rpartition("/")[2]):
                message = f"Invalid value: {_shown(key)}: {_NAME_WORDS}"
                causes.append(_cause("FieldValueInvalid", message, f"metadata.{group}"))
    for value in obj["metadata"].get("labels", {}).values():
        if len(value) > 63 or not _LABEL_VALUE.fullmatch(value):
            message = (
                f"Invalid value: {_shown(value)}: a valid label must be an empty string or consist of alphanumeric "
                "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
                "'MyValue',  or 'my_value',  or '12345', regex used "
                "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            )
            causes.append(_cause("FieldValueInvalid", message, "metadata.labels"))
            return


def _check_unchanged(resource: Resource, old: Object, new: Object, causes: Causes) -> None:
    for path in _rules()["immutable"].get(resource.builtin, ()):
        before, after = _at(old, path), _at(new, path)
        if before != after:
            causes.append(_cause("FieldValueInvalid", f"Invalid value: {_shown(after)}: field is immutable", path))
    frozen = _rules()["frozen"].get(resource.builtin)
    if frozen and _except(old.get("spec", {}), frozen["mutable"]) != _except(new.get("spec", {}), frozen["mutable"]):
        causes.append(_cause("FieldValueForbidden", frozen["message"], "spec"))
    if resource.builtin == "Pod" and _fixed_part(old["spec"]) != _fixed_part(new["spec"]):
        causes.append(_cause("FieldValueForbidden", f"Forbidden: {_POD_WORDS}", "spec"))
    if resource.kind in ("ConfigMap", "Secret") and old.get("immutable"):
        for field in ("data", "binaryData"):
            if old.get(field) != new.get(field):
                message = "Forbidden: field is immutable when `immutable` is set"
                causes.append(_cause("FieldValueForbidden", message, field))
    if resource.builtin == "Service" and old["spec"].get("clusterIP"):
        before, after = old["spec"]["clusterIP"], new["spec"].get("clusterIP")
        if before != after and new["spec"].get("type") != "ExternalName":
            value = [after] if after else []
            causes.append(
                _cause(
                    "FieldValueInvalid",
                    f"Invalid value: {_shown(value)}: may not change once set",
                    "spec.clusterIPs[0]",
                )
            )


_POD_WORDS = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def _fixed_part(spec: Object) -> Object:
    """What of a Pod's spec no update may change."""
    fixed = _except(spec, ["activeDeadlineSeconds", "tolerations", "nodeName", "terminationGracePeriodSeconds"])
    for group in ("containers", "initContainers"):
        if group in fixed:
            fixed[group] = [_except(container, ["image"]) for container in fixed[group]]
    return fixed


def _except(value: Object, names: list[str]) -> Object:
    return {key: part for key, part in value.items() if key not in names}


def _at(obj: Any, path: str) -> Any:
    for step in path.split("."):
        obj = obj.get(step) if isinstance(obj, dict) else None
    return obj


def _shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _cause(reason: str, message: str, field: str) -> dict[str, str]:
    return {"reason": reason, "message": message, "field": field}
