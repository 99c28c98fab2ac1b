"""A short session of kubectl, recorded anew on the cluster of KUBECONFIG: the sandbox still answers as it does."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.benchmark.conformance.replay import replay
from ansible_collections.e2ereme.remediate.benchmark.conformance.report import agreement
from ansible_collections.e2ereme.remediate.benchmark.conformance.session import record

STEPS = 60


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on PATH")
def test_a_session_recorded_now_agrees() -> None:
    exchanges = record(Path(os.environ["KUBECONFIG"]), lambda _: None, steps=STEPS)
    results = list(replay(exchanges))
    misses = [f"{r.exchange.method} {r.exchange.target}: {r.misses[0]}" for r in results if r.misses]
    assert len(results) >= STEPS
    assert agreement(results) >= 0.93, "\n".join(misses)
