"""Whether anybody reads what another process prints."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.audience import watched

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="read from /proc, which Linux has")


def test_a_pipe_is_watched_until_its_reader_closes_it() -> None:
    with subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        before = watched(process.pid)
        process.stdout.close()
        after = watched(process.pid)
        process.kill()

    assert (before, after) == (True, False)


def test_what_is_no_pipe_counts_as_watched() -> None:
    with subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL) as process:
        found = watched(process.pid)
        process.kill()

    assert found


def test_a_process_that_is_gone_counts_as_watched() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert watched(process.pid)
