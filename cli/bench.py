# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``e2ereme bench``: faults and methods on random simulated systems, or on a real cluster, and the table of it."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from ..plugins.module_utils.errors import InputError
from ._systems import NAMES, system_of

DEFAULT_OUT = Path("out/bench.jsonl")
CLUSTER_OUT = Path("out/bench-cluster.jsonl")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "bench",
        help="compare methods on faults of random systems",
        description="Runs each method on each case and prints the table. What --out holds already is not run again.",
    )
    parser.add_argument(
        "--faults",
        default="seven",
        help="comma-separated, or: seven (default), paper (MicroRemed's), unseen (by training), courses, all",
    )
    parser.add_argument(
        "--seeds", type=int, default=None, metavar="N", help="random systems for each fault (20; 1 on a real cluster)"
    )
    parser.add_argument(
        "--on-cluster",
        action="store_true",
        help="on the cluster of KUBECONFIG instead of the sandbox, in a namespace of its own for each case",
    )
    parser.add_argument("--system", default="", help=f"{NAMES} (default: random ones; on a real cluster the shop)")
    parser.add_argument("--first-seed", type=int, default=None, metavar="SEED", help="the first system's seed")
    parser.add_argument("--methods", default="", help="comma-separated (default: adapter and what it must beat)")
    parser.add_argument("--no-false-reports", action="store_true", help="leave out the reports on sound systems")
    parser.add_argument(
        "--out",
        type=Path,
        default=None,
        help=f"JSON lines, one a result ({DEFAULT_OUT}; on a real cluster {CLUSTER_OUT}, and beside it the Episodes)",
    )
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the table as JSON too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    if args.on_cluster:
        _on_cluster(args)
        return
    from ..benchmark import cases, methods, run, table

    chosen = [*_faults(args), *([] if args.no_false_reports else [cases.FALSE_REPORT])]
    skipped: list[str] = []
    _known(args)  # before any model loads: a wrong name should be told at once
    planned = cases.cases(chosen, _seeds(args, 20), args.system)
    compared = [methods.method(name) for name in _list(args.methods) or methods.COMPARED]
    out = args.out or DEFAULT_OUT
    results = run.run(planned, compared, out, _tell, lambda error: _skip(error, skipped))
    _require(results, skipped)
    about = {**table.about(results), **_not_staged(skipped)}
    print(table.text(results, about), end="")
    _write_json(args, results, about)


def _on_cluster(args: argparse.Namespace) -> None:
    from ..benchmark import casebycase, cases, oncluster, run, table

    seeds, chosen = _seeds(args, 1), _faults(args)
    cases.cases(chosen, ())  # a wrong name is told before anything is deployed
    _known(args)
    planned = oncluster.cases(chosen, seeds, args.system)
    compared = [oncluster.method(name) for name in _list(args.methods) or oncluster.COMPARED]
    out = (args.out or CLUSTER_OUT).absolute()
    folder = out.with_suffix("")
    os.environ["XDG_STATE_HOME"] = str(folder / "state")  # no line of these runs in the user's own audit log
    site = oncluster.OnCluster(folder, hashlib.sha256(str(out).encode()).hexdigest()[:12])
    site.clear()
    skipped: list[str] = []
    results = run.run(planned, compared, out, _tell, lambda error: _skip(error, skipped), site.measure)
    _require(results, skipped)
    about = {**table.about(results, site.version()), **_not_staged(skipped)}
    print(table.text(results, about) + casebycase.text(results), end="")
    _write_json(args, results, about)


def _known(args: argparse.Namespace) -> None:
    """Raises InputError for a system that is not there."""
    if args.system:
        system_of(args.system)


def _faults(args: argparse.Namespace) -> list[str]:
    from ..benchmark import cases

    return [name for part in _list(args.faults) for name in (cases.group(part) if part in cases.GROUPS else (part,))]


def _seeds(args: argparse.Namespace, count: int) -> range:
    from ..benchmark import cases

    first = cases.BENCHMARK_SEEDS.start if args.first_seed is None else args.first_seed
    return range(first, first + (count if args.seeds is None else args.seeds))


def _skip(error: Exception, skipped: list[str]) -> None:
    skipped.append(str(error))
    print(f"not staged: {error}", file=sys.stderr, flush=True)


def _require(results: Any, skipped: list[str]) -> None:
    if not results:
        raise InputError(f"No case could be staged: {'; '.join(skipped)}.", "Choose other faults or seeds.")


def _not_staged(skipped: list[str]) -> dict[str, str]:
    return {"not staged": "; ".join(skipped)} if skipped else {}


def _write_json(args: argparse.Namespace, results: Any, about: Any) -> None:
    from ..benchmark import table

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
