# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``e2ereme conformance``: does the sandbox answer clients as a cluster does?"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

DEFAULT_OUT = Path("out/conformance.jsonl.gz")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "conformance", help="compare the sandbox's answers with a cluster's", description=__doc__
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    recorded = actions.add_parser("record", help="let clients loose on a cluster, and write down what passes")
    recorded.add_argument(
        "--kubeconfig", type=Path, default=Path(os.environ.get("KUBECONFIG", "~/.kube/config")), help="(%(default)s)"
    )
    recorded.add_argument("--out", type=Path, default=DEFAULT_OUT, help="the recording (%(default)s)")
    recorded.set_defaults(run=record)
    checked = actions.add_parser("check", help="ask the sandbox the same, and tell what agrees")
    checked.add_argument("--misses", default="", metavar="AREA", help="spell out the misses of this area, or of all")
    ranked = actions.add_parser("rank", help="list what clients ask for, the most frequent first")
    for action, act in ((checked, check), (ranked, rank)):
        action.add_argument("--recording", type=Path, default=None, help="(default: the one that comes along)")
        action.set_defaults(run=act)


def record(args: argparse.Namespace) -> None:
    from ..benchmark.conformance.exchange import save
    from ..benchmark.conformance.session import record as record_session
    from ..benchmark.conformance.slimming import slim

    recorded = record_session(args.kubeconfig.expanduser(), lambda line: print(line, file=sys.stderr))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    save((slim(exchange) for exchange in recorded), args.out)
    print(f"{len(recorded)} requests in {args.out}")


def check(args: argparse.Namespace) -> None:
    from ..benchmark.conformance.report import report

    print(report(_loaded(args), args.misses))


def rank(args: argparse.Namespace) -> None:
    from ..benchmark.conformance.report import ranking

    print(ranking(_loaded(args)))


def _loaded(args: argparse.Namespace) -> Any:
    from ..benchmark.conformance.exchange import RECORDING, load

    return load(args.recording or RECORDING)
