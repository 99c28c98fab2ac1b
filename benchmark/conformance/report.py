"""How much agrees, by area and client, and every miss."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

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


def ranking(exchanges: Iterable[Exchange]) -> str:
    """What clients ask for, the most frequent first: verb, resource, content type, and who asks."""
    counted: Counter[tuple[str, str, str]] = Counter()
    askers: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for each in exchanges:
        kind = each.headers.get("content-type", "") if each.method in ("POST", "PUT", "PATCH") else ""
        key = ("WATCH" if each.watches else each.method, _pattern(each.path), kind.partition(";")[0])
        counted[key] += 1
        askers[key].add(each.client)
    lines = ["| requests | verb | path | content type | clients |", "|---:|---|---|---|---|"]
    for key, count in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        verb, path, kind = key
        short = kind.removeprefix("application/")
        lines.append(f"| {count} | {verb} | {path} | {short} | {', '.join(sorted(askers[key]))} |")
    return "\n".join(lines)


def _pattern(path: str) -> str:
    """A path without names: those of namespaces, objects and proxied ports."""
    path = re.sub(r"/namespaces/[^/]+/", "/namespaces/*/", path)
    path = re.sub(r"(/(?:api/v1|apis/[^/]+/[^/]+)(?:/namespaces/\*)?/[a-z]+)/[^/]+", r"\1/*", path)
    return re.sub(r"/proxy/.*", "/proxy/*", path)


def _table(title: str, results: list[Result], key: Callable[[Result], str]) -> str:
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        groups[key(result)].append(result)
    width = max(len(name) for name in groups)
    lines = [f"{title:{width}}  requests  agree          fields"]
    for name, group in [*sorted(groups.items()), ("all", results)]:
        agree = sum(not result.misses for result in group)
        fields, missed = sum(result.fields for result in group), sum(len(result.misses) for result in group)
        lines.append(
            f"{name:{width}}  {len(group):8}  {agree:5} {agree / len(group):6.1%}  {max(0.0, 1 - missed / fields):6.1%}"
        )
    return "\n".join(lines) + "\n"
