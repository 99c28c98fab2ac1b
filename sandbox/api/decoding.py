"""From what a client sent to what the server stores: types checked, unknown fields and nulls dropped,
quantities in canonical form, defaults filled in; keys in the order in which Go writes them."""

from __future__ import annotations

from typing import Any

from .defaulting import BY_TYPE
from .quantity import canonical
from .schema import Node

_GO_ORDER = {
    "Container": "name image command args workingDir ports envFrom env resources resizePolicy restartPolicy "
    "restartPolicyRules volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle",
    "ResourceRequirements": "limits requests claims",
    "Probe": "exec httpGet tcpSocket grpc initialDelaySeconds timeoutSeconds periodSeconds successThreshold",
}
_ORDERED = {owner: {name: place for place, name in enumerate(names.split())} for owner, names in _GO_ORDER.items()}
"""Fields as Go's types list them, where people and programs read a thing in the order that it was sent."""


class WrongType(Exception):
    """A value does not fit its type; the text is Go's."""


def decode(node: Node, value: Any, unknown: list[str], *, defaults: bool = True) -> Any:
    """A fresh, normalised copy of ``value``. Paths of unknown fields are added to ``unknown``. Raises WrongType."""
    return _decode(node, value, "", "", "", unknown, defaults)


def _decode(node: Node, value: Any, path: str, go_path: str, owner: str, unknown: list[str], defaults: bool) -> Any:
    shape = node.shape
    if shape == "string":
        if type(value) is not str:
            raise _wrong(value, owner, go_path, node)
        return value
    if shape == "struct":
        if type(value) is not dict:
            raise _wrong(value, owner, go_path, node)
        return _decode_struct(node, value, path, go_path, unknown, defaults)
    if shape == "list":
        if type(value) is not list:
            raise _wrong(value, owner, go_path, node)
        item = node.item
        assert item is not None
        return [
            _decode(item, part, f"{path}[{index}]", go_path, owner, unknown, defaults)
            for index, part in enumerate(value)
            if part is not None
        ]
    if shape == "map":
        if type(value) is not dict:
            raise _wrong(value, owner, go_path, node)
        item = node.item
        assert item is not None
        # In Go a null value of a map[string]string is the empty string.
        return {
            key: "" if part is None else _decode(item, part, f"{path}.{key}", go_path, owner, unknown, defaults)
            for key, part in sorted(value.items())  # as Go writes maps
        }
    if shape == "integer":
        if type(value) is int:
            return value
        if type(value) is float and value.is_integer():
            return int(value)
        raise _wrong(value, owner, go_path, node)
    if shape == "boolean":
        if type(value) is not bool:
            raise _wrong(value, owner, go_path, node)
        return value
    if shape == "quantity":
        return _quantity(value)
    if shape == "int-or-string":
        if type(value) is str or type(value) is int:
            return value
        raise _wrong(value, owner, go_path, node)
    if shape == "time":
        if type(value) is not str:
            raise _wrong(value, owner, go_path, node)
        return value
    if shape == "number":
        if type(value) not in (int, float):
            raise _wrong(value, owner, go_path, node)
        return value
    # What a manager owns is made anew whenever it changes: it can be shared.
    return value if node.name == "FieldsV1" else _copy(value)


def _decode_struct(
    node: Node, value: dict[str, Any], path: str, go_path: str, unknown: list[str], defaults: bool
) -> dict[str, Any]:
    fields, result, owner = node.fields, {}, node.name
    order = _ORDERED.get(owner)
    for key in value if order is None else sorted(value, key=lambda name: order.get(name, len(order))):
        part = value[key]
        if part is None:
            continue
        child = fields.get(key)
        if child is None and node.open:
            result[key] = _copy(part)
            continue
        if child is None:
            unknown.append(f"{path}.{key}" if path else key)
            continue
        below = f"{path}.{key}" if path else key
        go_below = f"{go_path}.{key}" if go_path else key
        decoded = _decode(child, part, below, go_below, owner, unknown, defaults)
        if (decoded == [] or (decoded == {} and child.shape == "map")) and key not in node.required:
            continue  # Go leaves empty lists and maps out
        result[key] = decoded
    if defaults:
        for key, default in node.filled:
            if key not in result:
                if type(default) is dict:
                    result[key] = _decode_struct(fields[key], default, "", "", unknown, True)
                else:
                    result[key] = default[:] if type(default) is list else default
        late = BY_TYPE.get(owner)
        if late:
            late(result)
    return result


def _quantity(value: Any) -> str:
    if type(value) in (int, float):
        value = repr(value)
    if type(value) is not str:
        raise WrongType("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    try:
        return canonical(value)
    except ValueError as error:
        raise WrongType(str(error)) from None


def _wrong(value: Any, owner: str, go_path: str, node: Node) -> WrongType:
    names = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    got = names.get(type(value), type(value).__name__)
    where = f"Go struct field {owner}.{go_path}" if owner else "Go value"
    return WrongType(f"json: cannot unmarshal {got} into {where} of type {node.go}")


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_copy(part) for part in value]
    return value
