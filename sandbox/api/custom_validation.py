"""Whether an object fits the OpenAPI v3 schema of its CustomResourceDefinition; the words are the API server's."""

from __future__ import annotations

import json
import re
from typing import Any

Object = dict[str, Any]
Causes = list[dict[str, str]]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_NAMES = {dict: "object", list: "array", str: "string", int: "integer", float: "number", bool: "boolean"}


def check_schema(schema: Object, value: Any, path: str, causes: Causes) -> None:
    """Adds a cause for each way in which ``value`` does not fit."""
    if value is None:
        if not schema.get("nullable") and path:
            _type_cause(schema, value, path, causes)
        return
    if schema.get("x-kubernetes-int-or-string"):
        return
    wanted = schema.get("type")
    if wanted and not _is(wanted, value):
        _type_cause(schema, value, path, causes)
        return
    if schema.get("enum") and value not in schema["enum"]:
        allowed = ", ".join(json.dumps(word) for word in schema["enum"])
        message = f"Unsupported value: {json.dumps(value)}: supported values: {allowed}"
        causes.append({"reason": "FieldValueNotSupported", "message": message, "field": path})
    if isinstance(value, dict):
        _check_object(schema, value, path, causes)
    elif isinstance(value, list):
        _check_list(schema, value, path, causes)
    elif isinstance(value, str):
        _check_text(schema, value, path, causes)
    elif type(value) in (int, float):
        _check_number(schema, value, path, causes)


def _check_object(schema: Object, value: Object, path: str, causes: Causes) -> None:
    for name in schema.get("required") or ():
        if name not in value:
            field = f"{path}.{name}" if path else name
            causes.append({"reason": "FieldValueRequired", "message": "Required value", "field": field})
    properties = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    for name in sorted(value):
        below = f"{path}.{name}" if path else name
        if name in properties:
            check_schema(properties[name], value[name], below, causes)
        elif isinstance(more, dict):
            check_schema(more, value[name], below, causes)


def _check_list(schema: Object, value: list[Any], path: str, causes: Causes) -> None:
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        message = f"Too many: {len(value)}: must have at most {schema['maxItems']} items"
        causes.append({"reason": "FieldValueTooMany", "message": message, "field": path})
    if "minItems" in schema and len(value) < schema["minItems"]:
        _invalid(len(value), f"should have at least {schema['minItems']} items", path, causes)
    for index, item in enumerate(value):
        check_schema(schema.get("items") or {}, item, f"{path}[{index}]", causes)


def _check_text(schema: Object, value: str, path: str, causes: Causes) -> None:
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        message = f"Too long: may not be more than {schema['maxLength']} bytes"
        causes.append({"reason": "FieldValueTooLong", "message": message, "field": path})
    if "minLength" in schema and len(value) < schema["minLength"]:
        _invalid(value, f"should be at least {schema['minLength']} chars long", path, causes)
    if schema.get("pattern") and not re.search(schema["pattern"], value):
        _invalid(value, f"should match '{schema['pattern']}'", path, causes)


def _check_number(schema: Object, value: float, path: str, causes: Causes) -> None:
    for bound, exclusive, fails, words in (
        ("maximum", "exclusiveMaximum", value > schema.get("maximum", value), "less than"),
        ("minimum", "exclusiveMinimum", value < schema.get("minimum", value), "greater than"),
    ):
        strict = schema.get(exclusive) and value == schema.get(bound)
        if fails or strict:
            equal = "" if schema.get(exclusive) else " or equal to"
            _invalid(value, f"should be {words}{equal} {schema[bound]}", path, causes)
    if schema.get("multipleOf") and value % schema["multipleOf"]:
        _invalid(value, f"should be a multiple of {schema['multipleOf']}", path, causes)


def _is(wanted: str, value: Any) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    if wanted == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(wanted, (object,)))


def _type_cause(schema: Object, value: Any, path: str, causes: Causes) -> None:
    got = "null" if value is None else _NAMES.get(type(value), "object")
    words = f'{path} in body must be of type {schema.get("type", "object")}: "{got}"'
    message = f'Invalid value: "{got}": {words}'
    causes.append({"reason": "FieldValueTypeInvalid", "message": message, "field": path})


def _invalid(value: Any, words: str, path: str, causes: Causes) -> None:
    message = f"Invalid value: {json.dumps(value)}: {path} in body {words}"
    causes.append({"reason": "FieldValueInvalid", "message": message, "field": path})
