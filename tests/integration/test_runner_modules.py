"""Modules as forks of a process that has imported what they need, and as usual where that cannot be."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import COMMAND, command, playbook, processes, wait_until

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.run import ProcessRunner


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[ProcessRunner]:
    """One whose process is warm."""
    with ProcessRunner(modules=[COMMAND], parent=tmp_path) as found:
        found.run(playbook(command("true")))
        wait_until(lambda: list(tmp_path.glob("e2ereme-run-*/modules.sock")) != [])
        yield found


def kept(runner: ProcessRunner) -> int:
    """The process that modules are forks of: the one child that the warm process has between runs."""
    assert runner._process is not None
    one = Path(f"/proc/{runner._process.pid}/task/{runner._process.pid}/children").read_text().split()
    return int(one[0])


def test_a_module_is_a_fork_and_the_next_one_too(runner: ProcessRunner, tmp_path: Path) -> None:
    before = kept(runner)
    tell = command("sh", "-c", f"ps -o ppid= -p $PPID >> {tmp_path / 'parents'}")

    result = runner.run(playbook(tell, tell))

    assert result.ok
    assert [int(line) for line in (tmp_path / "parents").read_text().split()] == [before, before]
    assert kept(runner) == before


def test_without_that_process_modules_run_as_usual(runner: ProcessRunner) -> None:
    os.kill(kept(runner), signal.SIGKILL)

    assert [runner.run(playbook(command(word))).ok for word in ("true", "false")] == [True, False]


def test_a_tasks_own_timeout_ends_the_module(runner: ProcessRunner) -> None:
    task = f"{{name: Run, {COMMAND}: {{argv: [sleep, '984.5']}}, timeout: 2}}"

    result = runner.run(playbook(task))

    assert result.tasks[0].status == "failed"
    wait_until(lambda: processes("984.5") == [])


def test_a_folder_whose_name_ansible_cannot_take_for_an_interpreter_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()

    with ProcessRunner(modules=[COMMAND], parent=tmp_path / "a b") as runner:
        assert runner.run(playbook(command("true"))).ok
