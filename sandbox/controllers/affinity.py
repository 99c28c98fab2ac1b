"""Whether a node's labels are such as a Pod, or a volume, asks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]


def any_term_holds(terms: Iterable[Object], labels: dict[str, str]) -> bool:
    """Of a NodeSelector: one term is enough, of which every rule must hold."""
    return any(all(_holds(rule, labels) for rule in term.get("matchExpressions") or ()) for term in terms)


def _holds(rule: Object, labels: dict[str, str]) -> bool:
    value: str | None = labels.get(rule["key"])
    values: list[str] = rule.get("values") or []
    match rule["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return value is not None and value.isdecimal() and (int(value) > int(values[0])) == (rule["operator"] == "Gt")
