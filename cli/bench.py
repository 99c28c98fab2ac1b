# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``e2ereme bench``: faults and methods on random simulated systems, and the table of what came of it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

DEFAULT_OUT = Path("out/bench.jsonl")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "bench",
        help="compare methods on faults of random systems",
        description="Runs each method on each case and prints the table. What --out holds already is not run again.",
    )
    parser.add_argument(
        "--faults", default="seven", help="comma-separated, or: seven (default), unseen (by training), all"
    )
    parser.add_argument(
        "--seeds", type=int, default=20, metavar="N", help="random systems for each fault (%(default)s)"
    )
    parser.add_argument("--first-seed", type=int, default=None, metavar="SEED", help="the first system's seed")
    parser.add_argument("--methods", default="", help="comma-separated (default: adapter and what it must beat)")
    parser.add_argument("--no-false-reports", action="store_true", help="leave out the reports on sound systems")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="JSON lines, one a result (%(default)s)")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the table as JSON too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from ..benchmark import cases, methods, run, table

    first = cases.BENCHMARK_SEEDS.start if args.first_seed is None else args.first_seed
    seeds = range(first, first + args.seeds)
    names = cases.group(args.faults) if args.faults in cases.GROUPS else _list(args.faults)
    chosen = [*names, *([] if args.no_false_reports else [cases.FALSE_REPORT])]
    skipped: list[str] = []
    planned = cases.cases(chosen, seeds)  # before any model loads: a wrong name should be told at once
    compared = [methods.method(name) for name in _list(args.methods) or methods.COMPARED]
    results = run.run(planned, compared, args.out, _tell, lambda error: skipped.append(str(error)))
    about = {**table.about(results), **({"not staged": "; ".join(skipped)} if skipped else {})}
    print(table.text(results, about), end="")
    if args.json is not None:
        args.json.write_text(json.dumps(table.data(results, about), indent=2) + "\n", "utf-8")


def _tell(result: Any) -> None:
    """One line a result, apart from the table, for whoever waits."""
    verdict = "resolved" if result.resolved else "not resolved"
    harm = f", harm: {result.harm[0]}" if result.harm else ""
    case = f"{result.fault}/{result.variant}/{result.seed}"
    print(f"{case} {result.method}: {verdict} ({result.outcome}){harm}", file=sys.stderr, flush=True)


def _list(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
