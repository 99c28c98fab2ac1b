"""Interrupts remediations at random moments of every station: ``make interrupts``.

Each is a real ansible-playbook on the simulated shop, interrupted once. Afterwards no process of it may be left
but the idle model worker, no temporary file, no lock, and the cluster must be as it was, or one command away.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from interrupting import interrupt, moments  # noqa: E402
from staging import scripted_model, simulated  # noqa: E402


def main() -> int:
    """Prints a line for each moment and a summary; the exit status says whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1, help="of 30 moments (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="of their choice (default: 1)")
    parser.add_argument("--only", default="", help="only moments whose description contains this")
    parser.add_argument("--model", default="", help="who is asked in place of a scripted model, as remediate_model")
    asked = parser.parse_args()
    seconds: list[float] = []
    failed = 0
    for number, moment in enumerate(moments(random.Random(asked.seed), asked.rounds), 1):
        if asked.only not in str(moment):
            continue
        with tempfile.TemporaryDirectory(prefix="e2ereme-moment-") as name, scripted_model() as model:
            folder = Path(name)
            with simulated(folder) as place:
                found = interrupt(ROOT, folder, place, model, moment, own_model=asked.model)
        seconds.append(found.seconds)
        failed += bool(found.problems)
        print(f"{number:>3}  {moment!s:<42}{found.outcome:<11}{found.seconds:>6.1f} s  ", end="")
        print("; ".join(found.problems) or "clear", flush=True)
    clear = len(seconds) - failed
    print(f"\n{clear} of {len(seconds)} left nothing behind; ", end="")
    print(f"clear after {statistics.median(seconds):.1f} s in the median, {max(seconds):.1f} s at most")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
