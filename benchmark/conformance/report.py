"""How much agrees, by area and client, and every miss."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from .exchange import Exchange
from .replay import Result, replay


def report(exchanges: Sequence[Exchange], only: str = "") -> str:
    """Two tables and the misses, as Markdown. ``only``: an area, or ``all``, whose misses are spelled out."""
    results = list(replay(exchanges))
    lines = [_table("area", results, lambda result: result.exchange.area)]
    lines.append(_table("client", results, lambda result: result.exchange.client))
    for result in results:
        if result.misses and only in ("all", result.exchange.area):
            each = result.exchange
            lines.append(f"{each.method} {each.target} ({each.step})")
            lines += [f"    {miss}" for miss in result.misses[:12]]
    return "\n".join(lines)


def agreement(results: Iterable[Result]) -> float:
    """The share of requests whose answers agree in every field."""
    verdicts = [not result.misses for result in results]
    return sum(verdicts) / len(verdicts) if verdicts else 0.0


def _table(title: str, results: list[Result], key: object) -> str:
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        groups[key(result)].append(result)  # type: ignore[operator]
    width = max(len(name) for name in groups)
    lines = [f"{title:{width}}  requests  agree          fields"]
    for name, group in [*sorted(groups.items()), ("all", results)]:
        agree = sum(not result.misses for result in group)
        fields, missed = sum(result.fields for result in group), sum(len(result.misses) for result in group)
        lines.append(
            f"{name:{width}}  {len(group):8}  {agree:5} {agree / len(group):6.1%}  {max(0.0, 1 - missed / fields):6.1%}"
        )
    return "\n".join(lines) + "\n"


def commonest(results: Iterable[Result]) -> Counter[str]:
    """Misses counted by field, to see what to build next."""
    return Counter(miss.partition(":")[0] for result in results for miss in result.misses)
