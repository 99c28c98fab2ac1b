"""The lint process leaves no folder behind, on whichever way it or its caller goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("ansiblelint")

CALLER = textwrap.dedent("""
    import os, signal, sys, time
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup would have it ignored
    from ansible_collections.e2ereme.remediate.plugins.plugin_utils import lint
    lint.warm_lint()
    if not os.fork():
        time.sleep(600)  # a fork that keeps the pipes open, as Ansible's workers do
    print(lint._linter._process.pid, flush=True)
    time.sleep(600)
""")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP], ids=lambda one: one.name)
def test_it_goes_with_a_caller_that_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    caller, _ = start(tmp_path)
    try:
        wait_until(lambda: loading(tmp_path))

        os.kill(caller.pid, number)
        caller.wait()

        wait_until(lambda: list(tmp_path.iterdir()) == [])
    finally:
        os.killpg(caller.pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_it_takes_its_folder_along_when_it_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    caller, linter = start(tmp_path)
    try:
        wait_until(lambda: loading(tmp_path))

        os.kill(linter, number)

        wait_until(lambda: list(tmp_path.iterdir()) == [])
    finally:
        os.killpg(caller.pid, signal.SIGKILL)
        caller.wait()


def test_what_it_left_when_it_was_killed_is_removed_by_the_next(tmp_path: Path) -> None:
    caller, linter = start(tmp_path)
    os.kill(linter, signal.SIGKILL)
    left = set(tmp_path.iterdir())
    os.killpg(caller.pid, signal.SIGKILL)
    caller.wait()

    another, _ = start(tmp_path)
    try:
        assert len(left) == 1
        assert not left & set(tmp_path.iterdir())
    finally:
        os.killpg(another.pid, signal.SIGKILL)
        another.wait()


def start(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """A process that has a linter warmed in ``folder``, with the linter's process id."""
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
        start_new_session=True,
    )
    assert caller.stdout is not None
    return caller, int(caller.stdout.readline())


def loading(folder: Path) -> bool:
    """Whether Ansible has begun to make files of its own."""
    return bool(list(folder.glob("e2ereme-lint-*/ansible-*")))


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for what another process does; fails when it does not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
