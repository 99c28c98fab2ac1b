# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``e2ereme fidelity``: do faults and repairs come out on the sandbox as on a real cluster?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

DEFAULT_OUT = Path("out/fidelity.jsonl")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "fidelity", help="compare failures and repairs on the sandbox with a cluster's", description=__doc__
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    ran = actions.add_parser(
        "run",
        help="play trials on one side; what --out holds of it already is not played again",
        description="Each trial deploys a system in a namespace of its own, breaks it, and treats it not at all, "
        "wrongly and rightly. On a cluster a trial takes minutes, so give it pieces: --faults, --limit, --at-once.",
    )
    ran.add_argument("side", choices=("sandbox", "cluster"), help="cluster: that of KUBECONFIG")
    ran.add_argument("--system", default="shop", help="(%(default)s)")
    ran.add_argument("--faults", default="all", help="comma-separated, each FAULT or FAULT/VARIANT (%(default)s)")
    ran.add_argument("--seed", type=int, default=0, help="which workload and which values (%(default)s)")
    ran.add_argument("--limit", type=int, default=None, metavar="N", help="play this many trials, then stop")
    ran.add_argument("--at-once", type=int, default=1, metavar="N", help="so many trials side by side (%(default)s)")
    ran.add_argument("--whole-cluster", action="store_true", help="also faults that others on the cluster would feel")
    ran.add_argument("--out", type=Path, default=DEFAULT_OUT, help="JSON lines, one a trial and side (%(default)s)")
    ran.set_defaults(run=run)
    shown = actions.add_parser("table", help="what agrees, by system and fault")
    shown.add_argument("--misses", action="store_true", help="and every miss")
    shown.set_defaults(run=table)
    kept = actions.add_parser("check", help="play on the sandbox what a cluster played, and compare")
    kept.add_argument("--misses", action="store_true", help="spell out every miss")
    kept.set_defaults(run=check)
    for action in (shown, kept):
        action.add_argument(
            "--records", type=Path, nargs="+", default=None, help="(default: the recording that comes along)"
        )


def run(args: argparse.Namespace) -> None:
    from ..benchmark.fidelity import campaign

    trials = campaign.trials(args.system, _list(args.faults), args.seed, args.whole_cluster)
    campaign.run(trials, args.side, args.out, args.limit, args.at_once, lambda said: print(said, file=sys.stderr))


def table(args: argparse.Namespace) -> None:
    from ..benchmark.fidelity import record
    from ..benchmark.fidelity import table as tables

    outcomes = record.load(*(args.records or [record.RECORDED]))
    print(tables.text(tables.compared(outcomes), args.misses), end="")


def check(args: argparse.Namespace) -> None:
    from ..benchmark.fidelity import campaign, record
    from ..benchmark.fidelity import table as tables

    outcomes = campaign.on_sandbox(record.load(*(args.records or [record.RECORDED])))
    print(tables.text(tables.compared(outcomes), args.misses), end="")


def _list(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
