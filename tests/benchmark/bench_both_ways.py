"""Random allowed playbooks through real Ansible and in process: ``python tests/benchmark/bench_both_ways.py``.

Prints what differs, and how many left equal stores. Can be done in pieces: ``--first`` is the seed to begin with.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".venv" / "tree"))

from ansible_collections.e2ereme.remediate.benchmark.both_ways import BothWays, systems

EACH = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="how many playbooks (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (%(default)s)")
    args = parser.parse_args()
    began, equal, statuses = time.perf_counter(), 0, Counter[str]()
    made = systems(args.first)
    with tempfile.TemporaryDirectory() as folder, BothWays(Path(folder)) as both:
        for number in range(args.count):
            if number % EACH == 0:
                sandbox = next(made)
            found = both.compare(sandbox, args.first + number)
            equal += not found.differences
            statuses.update(found.statuses)
            if found.differences:
                print(f"seed {found.seed} on {sandbox.system.name if sandbox.system else ''}:", flush=True)
                print("  " + "\n  ".join(found.differences) + "\n" + found.text, flush=True)
    tasks = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    seconds = (time.perf_counter() - began) / args.count
    print(f"{equal} of {args.count} playbooks left equal stores; tasks: {tasks}; {seconds:.1f} s each")
    return 0 if equal == args.count else 1


if __name__ == "__main__":
    sys.exit(main())
