"""The runner's process: what reaches a run, what may run, and that nothing outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import COMMAND, command, playbook, processes, wait_until

from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import RunError
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.run import ProcessRunner, Through


@pytest.fixture(scope="module", params=[None, Through()], ids=["process", "ansible-runner"])
def through(request: pytest.FixtureRequest) -> Through | None:
    """Both runners keep the same promises."""
    found: Through | None = request.param
    return found


@pytest.fixture(scope="module")
def shared(through: Through | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessRunner]:
    """One warm runner that may run commands: what is tested is the process, not the modules."""
    modules, parent = (
        [COMMAND, "ansible.builtin.debug", "ansible.builtin.tempfile", "ansible.builtin.replace"],
        tmp_path_factory.mktemp("run"),
    )
    with ProcessRunner(modules=modules, parent=parent, through=through) as runner:
        runner.warm()
        yield runner


def test_tells_what_each_task_did(shared: ProcessRunner) -> None:
    result = shared.run(playbook("{name: Say, ansible.builtin.debug: {msg: hello}}", command("true")))

    assert result.ok
    assert [(task.name, task.module, task.status, task.message) for task in result.tasks] == [
        ("Say", "ansible.builtin.debug", "ok", "hello"),
        ("Run", COMMAND, "changed", ""),
    ]


def test_a_failed_task_fails_the_run_with_its_message(shared: ProcessRunner) -> None:
    result = shared.run(playbook(command("false")))

    assert not result.ok
    assert result.rc == 2
    assert result.tasks[0].status == "failed"
    assert "non-zero return code" in result.tasks[0].message


def test_check_mode_reaches_the_run(shared: ProcessRunner, tmp_path: Path) -> None:
    shared.run(playbook(command("touch", str(tmp_path / "made"))), check=True)

    assert not (tmp_path / "made").exists()


def test_what_a_module_says_it_changes_is_told_as_a_difference(shared: ProcessRunner, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("alt\n")
    change = playbook(f"ansible.builtin.replace: {{path: {tmp_path / 'file'}, regexp: alt, replace: grün}}")

    told = shared.run(change, check=True, diff=True)
    quiet = shared.run(change, check=True, diff=False)

    assert "-alt\n+grün\n" in told.tasks[0].diff
    assert quiet.tasks[0].diff == ""
    assert (tmp_path / "file").read_text() == "alt\n"


def test_any_text_passes_and_output_without_end_is_cut(shared: ProcessRunner) -> None:
    words = "Grüße, 世界 🚢 \\u202e{{"
    result = shared.run(
        playbook(
            f'{{name: "{words}", ansible.builtin.debug: {{msg: !unsafe "{words}"}}}}',
            command("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; printf '\\377\\376'; exit 3"),
        )
    )

    assert result.tasks[0].message == "Grüße, 世界 🚢 \u202e{{"
    assert result.tasks[1].status == "failed"
    assert len(str(result)) < 3000


def test_a_module_that_is_not_allowed_does_not_run(shared: ProcessRunner, tmp_path: Path) -> None:
    result = shared.run(playbook(f"ansible.builtin.file: {{path: {tmp_path / 'made'}, state: touch}}"))

    assert result.stopped == "the module ansible.builtin.file is not allowed"
    assert not result.ok
    assert not (tmp_path / "made").exists()


def test_variables_of_the_outer_play_do_not_reach_a_run(
    through: Through | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANSIBLE_CALLBACK_PLUGINS", "AWX_HOST", "AWS_SECRET_ACCESS_KEY", "VAULT_TOKEN"):
        monkeypatch.setenv(name, "leaks")

    with ProcessRunner(modules=[COMMAND], parent=tmp_path, through=through) as runner:
        runner.run(playbook(command("sh", "-c", f"env > {tmp_path / 'env'}")))

    assert "leaks" not in (tmp_path / "env").read_text()


def test_the_connection_reaches_a_run_as_variables(through: Through | None, tmp_path: Path) -> None:
    with ProcessRunner(
        {"host": "https://k", "api_key": "t"}, modules=[COMMAND], parent=tmp_path, through=through
    ) as runner:
        runner.run(playbook(command("sh", "-c", f"env > {tmp_path / 'env'}")))

    found = (tmp_path / "env").read_text().splitlines()
    assert {"K8S_AUTH_HOST=https://k", "K8S_AUTH_API_KEY=t"} <= set(found)


def test_what_is_not_a_playbook_is_an_error_that_says_so(shared: ProcessRunner) -> None:
    with pytest.raises(RunError, match=r"did not start: .*playbook\.yml"):
        shared.run(Playbook((), "- nonsense\n", ()))


def test_no_log_hides_results(through: Through | None, tmp_path: Path) -> None:
    with ProcessRunner(modules=["ansible.builtin.debug"], no_log=True, parent=tmp_path, through=through) as runner:
        result = runner.run(playbook("{name: Say, ansible.builtin.debug: {msg: hunter2}}"))

    assert result.ok
    assert "hunter2" not in str(result)


def test_a_timeout_ends_the_run_and_leaves_no_orphan(shared: ProcessRunner) -> None:
    result = shared.run(playbook(command("sleep", "987.25")), timeout=4)

    assert result.stopped == "timeout after 4 s"
    assert not result.ok
    assert processes("987.25") == []


def test_it_runs_again_after_a_timeout(shared: ProcessRunner) -> None:
    shared.run(playbook(command("sleep", "987.5")), timeout=1.5)

    assert shared.run(playbook(command("true"))).ok


def test_an_interrupt_ends_the_run_and_leaves_no_orphan(through: Through | None, tmp_path: Path) -> None:
    def interrupt(name: str) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.7)

    def raises(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, raises)
    try:
        with (
            ProcessRunner(modules=[COMMAND], parent=tmp_path, through=through) as runner,
            pytest.raises(KeyboardInterrupt),
        ):
            runner.run(playbook(command("sleep", "987.75")), on_task=interrupt)
        assert processes("987.75") == []
        assert list(tmp_path.iterdir()) == []
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_killed_caller(through: Through | None, tmp_path: Path, number: signal.Signals) -> None:
    marker = f"98{number.value}.125"
    script = textwrap.dedent(f"""
        from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
        from ansible_collections.e2ereme.remediate.plugins.plugin_utils.run import ProcessRunner, Through
        text = {playbook(command("sleep", marker)).text!r}
        runner = ProcessRunner(modules=[{COMMAND!r}], parent={str(tmp_path)!r}, through={through!r})
        runner.run(Playbook((), text, ()))
    """)
    caller = subprocess.Popen([sys.executable, "-c", script])
    wait_until(lambda: processes(marker) != [])

    caller.send_signal(number)
    caller.wait()

    wait_until(lambda: processes(marker) == [])
    wait_until(lambda: list(tmp_path.iterdir()) == [])


def test_a_process_that_died_is_an_error_and_the_next_run_starts_anew(through: Through | None, tmp_path: Path) -> None:
    with ProcessRunner(modules=[COMMAND], parent=tmp_path, through=through) as runner:
        runner.warm()
        assert runner._process is not None
        os.kill(runner._process.pid, signal.SIGKILL)
        runner._process.wait()
        assert runner.run(playbook(command("true"))).ok


def test_nothing_outlives_a_killed_process(through: Through | None, tmp_path: Path) -> None:
    def kill(name: str) -> None:
        wait_until(lambda: processes("985.5") != [])
        assert runner._process is not None
        os.kill(runner._process.pid, signal.SIGKILL)

    with (
        ProcessRunner(modules=[COMMAND], parent=tmp_path, through=through) as runner,
        pytest.raises(RunError, match="The process that runs playbooks ended"),
    ):
        runner.run(playbook(command("sleep", "985.5")), on_task=kill)

    wait_until(lambda: processes("985.5") == [])
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_is_not_there_is_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no-such-engine, which should run .* image:1, is not installed"):
        ProcessRunner(parent=tmp_path, through=Through("image:1", "no-such-engine")).warm()
    assert list(tmp_path.iterdir()) == []
