"""``python -m ansible_collections.e2ereme.remediate.benchmark.conformance record|check|rank``"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ...plugins.module_utils.errors import RemediateError
from .exchange import RECORDING, load, save


def main() -> int:
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__)
    parser.add_argument("action", choices=("record", "check", "rank"))
    parser.add_argument("--recording", type=Path, default=RECORDING)
    parser.add_argument("--kubeconfig", type=Path, default=Path(os.environ.get("KUBECONFIG", "~/.kube/config")))
    parser.add_argument("--only", default="", help="check: show the misses of this area")
    args = parser.parse_args()
    if args.action == "record":
        from .session import record

        save(record(args.kubeconfig.expanduser(), lambda line: print(line, file=sys.stderr)), args.recording)
    elif args.action == "rank":
        from .ranking import ranking

        print(ranking(load(args.recording)))
    else:
        from .report import report

        print(report(load(args.recording), args.only))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RemediateError as error:
        sys.exit(str(error))
