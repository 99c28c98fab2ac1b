"""Case by case: how each Episode went, where its time went, and the objects before and after. For real clusters."""

from __future__ import annotations

from collections.abc import Sequence

from .run import Result

_SPANS = ("probe", "write", "gate", "snapshot", "run", "verify", "settle", "undo")
_LINES = 6


def text(results: Sequence[Result]) -> str:
    """Markdown: one row a case of each method that acted, then what was broken and what was changed."""
    acted = [result for result in results if result.seconds]
    heads = ("case", "method", "outcome", "right", "harm", "attempts", "seconds", *_SPANS)
    lines = ["", _line(heads), _line(["---"] * 3 + ["---"] * 2 + ["---:"] * (len(heads) - 5))]
    for result in acted:
        spans = [f"{result.seconds.get(name, 0.0):.1f}" for name in _SPANS]
        cells = (_case(result), result.method, result.outcome, "yes" if result.resolved else "no")
        harm = "; ".join(result.harm) or "none"
        lines.append(_line([*cells, harm, str(result.attempts), f"{result.wall_seconds:.1f}", *spans]))
    for result in acted:
        lines += ["", f"{_case(result)}, {result.method}: {_right(result)}", *_objects(result)]
    return "\n".join(lines) + "\n"


def _objects(result: Result) -> list[str]:
    lines = [f"- broken: {what}" for what in result.broken[:_LINES]]
    lines += [f"- changed: {what}" for what in result.changed[:_LINES]] or ["- changed: nothing"]
    return lines


def _right(result: Result) -> str:
    return result.outcome + (f" ({'; '.join(result.why[:3])})" if result.why else "")


def _case(result: Result) -> str:
    return f"{result.fault}/{result.variant}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
