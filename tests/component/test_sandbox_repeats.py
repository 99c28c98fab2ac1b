"""The same seed gives the same cluster: to the last byte, in any process, under any locale, time zone and hash seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "living.py"
HERE = {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "UTC"}
ELSEWHERE = {"PYTHONHASHSEED": "4242", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kolkata", "PYTHONOPTIMIZE": "1"}


def began(environment, directory, *arguments):
    command = [sys.executable, str(SCRIPT), *arguments]
    inherited = {key: value for key, value in os.environ.items() if key not in HERE}
    return subprocess.Popen(
        command,
        cwd=directory,
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(("system", "minutes"), [("simple-micro", 1000), ("3", 200)])
def test_a_life_with_many_faults_repeats_byte_for_byte(tmp_path, system, minutes):
    processes = [
        began(HERE, SCRIPT.parent, system, "7", str(minutes)),
        began(ELSEWHERE, tmp_path, system, "7", str(minutes)),
    ]
    (first, said), (second, _) = (process.communicate(timeout=200) for process in processes)
    assert [process.returncode for process in processes] == [0, 0], said
    found = json.loads(first)
    assert found["elapsed"] >= 60 * minutes
    assert int(said.split()[0]) >= minutes / 40, said  # so many faults were there to differ by
    assert first == second


def test_another_seed_gives_another_life(tmp_path):
    processes = [began(HERE, tmp_path, "3", seed, "30") for seed in ("7", "8")]
    (first, _), (second, _) = (process.communicate(timeout=100) for process in processes)
    assert json.loads(first)["objects"] != json.loads(second)["objects"]
