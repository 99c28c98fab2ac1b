"""A long life of a simulated cluster, for tests of whether it repeats: ``python tests/living.py SYSTEM SEED MINUTES``
writes the dump at its end to the output."""

from __future__ import annotations

import contextlib
import random
import sys

from ansible_collections.e2ereme.remediate.sandbox.dump import dump
from ansible_collections.e2ereme.remediate.sandbox.faults import FAULTS, CannotInject, heal, inject
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import prepare
from ansible_collections.e2ereme.remediate.sandbox.systems.choose import choose
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import ApiError


def live(name: str, seed: int, minutes: int) -> tuple[Sandbox, tuple[str, ...]]:
    """A system broken at random moments in random ways, and sometimes repaired; with the faults that it saw."""
    system, rng = choose(name), random.Random(seed)
    sandbox = Sandbox(system, seed)
    prepare(sandbox, system)
    transport, seen = sandbox.transport(), []
    end = sandbox.clock.elapsed + 60 * minutes
    while sandbox.clock.elapsed < end - 3600:
        fault = rng.choice(sorted(FAULTS))
        try:
            injected = inject(fault, transport, system, rng)
        except (CannotInject, ApiError, KeyError):  # what it would break is broken, or gone
            sandbox.advance(60)
            continue
        seen.append(fault)
        sandbox.advance(rng.uniform(10, 1800))
        if rng.random() < 0.7:
            with contextlib.suppress(ApiError):  # what is right again does not fit what else is wrong
                heal(transport, injected, system)
    sandbox.advance(max(0.0, end - sandbox.clock.elapsed))
    return sandbox, tuple(seen)


if __name__ == "__main__":
    sandbox, seen = live(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.buffer.write(dump(sandbox))
    print(len(seen), *seen, file=sys.stderr)
