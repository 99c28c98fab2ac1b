"""Whatever presses on whatever system: nothing breaks, no answer takes for ever, and a seed repeats."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.nodes.strain import Strain
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import System, choose, generate

LONGEST = 2000.0  # seconds: many calls in a row, each with all the waits that there are


def any_strain(rng: random.Random, uids: list[str]) -> Strain:
    return rng.choice(
        (
            Strain(cores=rng.choice((1, 10, 40))),
            Strain(memory=rng.choice((2**20, 2**28, 2**34)), spared=rng.random() < 0.5),
            Strain(delay=rng.choice((0.01, 0.6, 5.0)), jitter=rng.choice((0.0, 0.5))),
            Strain(loss=rng.choice((0.01, 0.5, 1.0))),
            Strain(cut=True, peers=frozenset(rng.sample(uids, k=min(2, len(uids))))),
            Strain(bandwidth=rng.choice((10.0, 1e6))),
            Strain(disk_delay=rng.choice((0.1, 5.0)), disk_share=rng.random(), volume="/"),
            Strain(disk_error=True, volume="/"),
        )
    )


def lived(system: System, seed: int) -> str:
    """A digest of everything that could be seen of a rough quarter of an hour."""
    rng, sandbox = random.Random(seed), Sandbox(system, seed)
    sandbox.advance(120)
    strains, seen = sandbox.behaviour.world.strains, []
    for turn in range(12):
        pods = sandbox.store.list("Pod")
        victim = rng.choice(pods)
        names = [item["name"] for item in victim["spec"]["containers"]]
        uids = [pod["metadata"]["uid"] for pod in pods]
        strains.put(f"s{turn}", victim["metadata"]["uid"], rng.choice(["", *names]), any_strain(rng, uids))
        strains.remove(f"s{rng.randrange(turn + 1)}")
        sandbox.advance(rng.choice((1.0, 20.0, 90.0)))
        for spec in system.services:
            if spec.service:
                seen.append(
                    sandbox.behaviour.proxy("services", system.namespace, spec.service, str(spec.service_port), "/")
                )
                assert 0 < seen[-1][1] < LONGEST
        name, container = victim["metadata"]["name"], names[0]
        seen.append(sandbox.behaviour.logs(victim["metadata"]["namespace"], name, container))
        usage = sandbox.behaviour.usage(system.namespace)
        assert all(cores >= 0 and size > 0 for cores, size in usage.values())
        seen.append(sorted((*key, *amount) for key, amount in usage.items()))
    objects: list[Any] = [item for kind in ("Pod", "Event", "Node") for item in sandbox.store.list(kind)]
    return hashlib.sha256(json.dumps([seen, objects], sort_keys=True).encode()).hexdigest()


@pytest.mark.parametrize("seed", range(4))
def test_a_rough_quarter_of_an_hour_ends_and_repeats(seed: int) -> None:
    system = choose("simple-micro") if seed == 3 else generate(seed)
    assert lived(system, seed) == lived(system, seed)
