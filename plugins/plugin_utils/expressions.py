# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``when`` and ``until`` stay live in a run, so their syntax trees are checked node by node.

They may compare what earlier tasks registered with constants. No call, no concatenation, no
arithmetic, no attribute that begins with an underscore; filters and tests by list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

FILTERS = frozenset(
    {"default", "length", "count", "int", "float", "bool", "lower", "upper", "trim", "first", "last", "list"}
)
TESTS = frozenset(
    {"defined", "undefined", "none", "true", "false", "failed", "succeeded", "success", "changed", "skipped", "in"}
    | {"equalto", "eq", "ne", "gt", "ge", "lt", "le", "string", "number", "mapping", "sequence", "contains"}
)
_SELECTORS = frozenset({"selectattr", "rejectattr"})
_MAX_CHARACTERS = 500


def objections(expression: str, names: frozenset[str]) -> Iterator[str]:
    """What is wrong with an expression in which the registered ``names`` may be used."""
    if len(expression) > _MAX_CHARACTERS:
        yield f"it is longer than {_MAX_CHARACTERS} characters"
        return
    from jinja2 import Environment, TemplateError, nodes

    try:
        body = (
            Environment().parse("{{ " + expression + " }}").body
        )  # parsed, never rendered: autoescape does not matter
    except (TemplateError, RecursionError) as error:
        yield f"it cannot be parsed ({error})"
        return
    output = body[0] if len(body) == 1 else None
    if (
        not isinstance(output, nodes.Output)
        or len(output.nodes) != 1
        or isinstance(output.nodes[0], nodes.TemplateData)
    ):
        yield "it is not a single expression"
        return
    root = output.nodes[0]
    if not _is_condition(root, nodes):
        yield "it is not a condition: write a comparison or a test"
    yield from _walk(root, names, nodes)


def _is_condition(node: Any, nodes: Any) -> bool:
    if isinstance(node, (nodes.And, nodes.Or)):
        return _is_condition(node.left, nodes) and _is_condition(node.right, nodes)
    if isinstance(node, nodes.Not):
        return _is_condition(node.node, nodes)
    return isinstance(node, (nodes.Compare, nodes.Test)) or (
        isinstance(node, nodes.Const) and isinstance(node.value, bool)
    )


def _walk(node: Any, names: frozenset[str], nodes: Any) -> Iterator[str]:
    check = _checks(nodes).get(type(node))
    if check is None:
        yield f"{type(node).__name__} is not allowed in it"
        return
    yield from check(node, names)
    for child in node.iter_child_nodes():
        yield from _walk(child, names, nodes)


def _checks(nodes: Any) -> Mapping[type, Callable[[Any, frozenset[str]], Iterator[str]]]:
    def fine(_node: Any, _names: frozenset[str]) -> Iterator[str]:
        return iter(())

    def name(node: Any, known: frozenset[str]) -> Iterator[str]:
        if node.name not in known:
            yield f"{node.name} was not registered before"

    def attribute(node: Any, _names: frozenset[str]) -> Iterator[str]:
        if node.attr.startswith("_"):
            yield f"the attribute {node.attr} is not allowed"

    def item(node: Any, _names: frozenset[str]) -> Iterator[str]:
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        if isinstance(key, bool) or not isinstance(key, (str, int)) or str(key).startswith("_"):
            yield "an index must be a constant that does not begin with an underscore"

    def applied(node: Any, _names: frozenset[str]) -> Iterator[str]:
        if node.kwargs or node.dyn_args or node.dyn_kwargs:
            yield f"{node.name} takes no such arguments here"
        if node.name in _SELECTORS:
            yield from _selector(node.args, node.name, nodes)
        elif node.name not in FILTERS:
            yield f"the filter {node.name} is not allowed"

    def test(node: Any, _names: frozenset[str]) -> Iterator[str]:
        if node.name not in TESTS or node.kwargs or node.dyn_args or node.dyn_kwargs:
            yield f"the test {node.name} is not allowed"

    kinds: dict[type, Callable[[Any, frozenset[str]], Iterator[str]]] = {
        nodes.Name: name,
        nodes.Getattr: attribute,
        nodes.Getitem: item,
        nodes.Filter: applied,
        nodes.Test: test,
    }
    plain = (nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.Const, nodes.List, nodes.Tuple)
    return {**dict.fromkeys(plain, fine), **kinds}


def _selector(args: list[Any], name: str, nodes: Any) -> Iterator[str]:
    """selectattr's second argument names a test, so it is held to the list of tests."""
    values = [arg.value if isinstance(arg, nodes.Const) else None for arg in args[:2]]
    if not values or not isinstance(values[0], str) or any(part.startswith("_") for part in values[0].split(".")):
        yield f"{name} needs the constant name of an attribute"
    if len(args) > 1 and values[1] not in TESTS:
        yield f"{name} may not use that test"
