"""How many Episodes a second there are in process, on Simple-Micro, without the model:
``python tests/benchmark/bench_episodes.py``.

An Episode here is: a cluster with a fault in it, restored; the playbook that repairs it, interpreted; rollout and
settling; the oracle's Judgement. The product's whole loop (probe, gate, snapshot, run, verify) is measured beside it.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".venv" / "tree"))

from ansible_collections.e2ereme.remediate.benchmark import cases
from ansible_collections.e2ereme.remediate.benchmark.methods import method
from ansible_collections.e2ereme.remediate.benchmark.oracle import judge
from ansible_collections.e2ereme.remediate.benchmark.restage import many
from ansible_collections.e2ereme.remediate.benchmark.run import perform
from ansible_collections.e2ereme.remediate.sandbox import faults
from ansible_collections.e2ereme.remediate.sandbox.interpret import run_tasks

EPISODES = 400

Staged = list[tuple[Callable[[], cases.Scene], Any]]
"""What gives a Scene with a fault, as often as one likes, and the tasks that repair it."""


def main() -> None:
    began = time.process_time()
    staged = _staged()
    each = (time.process_time() - began) / len(staged)
    print(f"{len(staged)} faults staged on Simple-Micro, {each:.3f} s of CPU each")
    _judged(staged, len(staged))  # once through, for what is read and compiled at first use
    gc.collect()
    gc.freeze()  # what is staged stays: no need to look through it for garbage again and again
    began = time.process_time()
    right = _judged(staged, EPISODES)
    pace = EPISODES / (time.process_time() - began)
    print(f"sandbox: {pace:.0f} Episodes a second of CPU, {right} of {EPISODES} judged resolved (target 200)")
    cores = len(os.sched_getaffinity(0))
    began = time.perf_counter()
    # Forked, each has what is staged: nothing is sent but the numbers.
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_judged, args=(staged, EPISODES)) for _ in range(cores)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    wall = time.perf_counter() - began
    print(f"sandbox: {EPISODES * cores / wall:.0f} Episodes a second, {cores} processes")
    began, count = time.process_time(), 0
    for fresh, _ in staged * 2:
        perform(fresh(), method("expert"))
        count += 1
    print(f"the product's whole loop: {count / (time.process_time() - began):.0f} Episodes a second of CPU")


def _staged() -> Staged:
    """Simple-Micro with each fault that a playbook repairs, and that playbook."""
    found: Staged = []
    for name in sorted(faults.FAULTS):
        try:
            scene = cases.stage(cases.Case(name, "", cases.BENCHMARK_SEEDS[1], "simple-micro"))
        except cases.StageError:
            continue
        fresh = many(scene)
        attempts = perform(fresh(), method("expert")).attempts
        if attempts and attempts[-1].playbook and scene.charge.right == "resolve":
            found.append((fresh, attempts[-1].playbook.tasks))
    return found


def _judged(staged: Staged, count: int) -> int:
    """How many of the Episodes were judged resolved."""
    right = 0
    for number in range(count):
        fresh, tasks = staged[number % len(staged)]
        scene = fresh()
        run_tasks(scene.sandbox.handle, tasks)
        right += judge(scene.site, scene.charge, "resolved").resolved
    return right


if __name__ == "__main__":
    main()
