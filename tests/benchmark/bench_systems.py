"""What each system costs the sandbox: ``python tests/benchmark/bench_systems.py [NAME ...]``.

Seconds are of CPU, in a process of its own for each system; memory is that process's peak after its past was lived
through, every Service was asked and everything in its namespace was listed.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".venv" / "tree"))

from ansible_collections.e2ereme.remediate.sandbox.faults import healthy
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import choose, known_systems, prepare

_ALL = (*known_systems(), "large-1")


def main(names: list[str]) -> None:
    print(f"{'system':<17}{'services':>9}{'Pods':>6}{'changes':>9}{'load s':>8}{'past s':>8}{'visits s':>9}{'MB':>6}")
    for name in names or _ALL:
        subprocess.run([sys.executable, __file__, "--one", name], check=True)


def measure(name: str) -> None:
    """Prints one line. Raises SystemExit where the system is not healthy after its past."""
    started = time.process_time()
    system = choose(name)
    sandbox = Sandbox(system)
    loaded = time.process_time()
    prepare(sandbox, system)
    lived = time.process_time()
    wrong = healthy(sandbox.transport(), system)
    visited = time.process_time()
    for kind in sandbox.store.registry.stored:
        sandbox.store.list(kind, None)
    if wrong:
        raise SystemExit(f"{name}: {'; '.join(wrong)}")
    pods = len(sandbox.store.list("Pod", system.namespace))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    served = sum(bool(spec.service) for spec in system.services)
    print(
        f"{name:<17}{served:>9}{pods:>6}{len(system.history):>9}{loaded - started:>8.2f}{lived - loaded:>8.2f}"
        f"{visited - lived:>9.3f}{peak:>6.0f}"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        measure(sys.argv[2])
    else:
        main(sys.argv[1:])
