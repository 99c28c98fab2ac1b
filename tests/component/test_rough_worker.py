"""The worker in trouble: every case ends in an answer or in a clear error, in bounded time."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.model import adapters, base, client
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import ModelError, WorkerDied

MESSAGES = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "yes or no?"}]
QUICK, SLOW = "quick", "slow"
"""Grammars, to the stub below: it takes longer over the second than any test waits for."""
YES = "I say yes"


STUB = """\
#!{python}
import sys, time, types
from {package} import worker

class Engine:
    def __init__(self, base, adapter):
        time.sleep({loading})
    def warm(self):
        pass
    def generate(self, messages, lark, rng=None):
        if "slow" in lark:
            time.sleep(600)
        text = "I say yes" if all("content" in message for message in messages) else 1 / 0
        return types.SimpleNamespace(text=text, tokens_in=1, tokens_out=1, bits=1.0, decisions=1, passes=1, seconds=0.1)

stub = types.ModuleType("{package}.engine")
stub.Engine = Engine
sys.modules["{package}.engine"] = stub
sys.exit(worker.main(sys.argv[3:]))
"""
"""A Python whose engine is no model: the worker around it is the real one, and starts in a moment."""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[client.WorkerModel]:
    """A worker with folders of its own, not yet started."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    found = stubbed(tmp_path)
    yield found
    found.stop()


def stubbed(folder: Path, loading: float = 0.0, idle: float = 60.0) -> client.WorkerModel:
    python = folder / "python"
    python.write_text(STUB.format(python=sys.executable, package=base.__package__, loading=loading))
    python.chmod(0o755)
    return client.WorkerModel(adapters.Weights(sound_base(folder / "base"), None), str(python), idle)


def sound_base(folder: Path) -> Path:
    """A folder that passes for the converted base: small files, with their hashes."""
    folder.mkdir(exist_ok=True)
    for name in base.REQUIRED:
        (folder / name).write_text(name)
    (folder / base.MANIFEST).unlink(missing_ok=True)
    base._write_manifest(folder)
    return folder


def test_killed_while_it_loads_it_is_started_again(worker: client.WorkerModel, tmp_path: Path) -> None:
    stubbed(tmp_path, loading=1.0)
    worker.start()
    first = the(worker)
    threading.Thread(target=lambda: (wait_for(worker._alive), os.kill(first, signal.SIGKILL))).start()
    assert worker.complete(MESSAGES, QUICK).text == YES


def test_killed_in_the_middle_of_an_answer_it_is_asked_once_more(worker: client.WorkerModel) -> None:
    worker.complete(MESSAGES, QUICK)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(worker.complete, MESSAGES, SLOW)
        for _ in range(2):
            first = the(worker)
            wait_for(lambda: busy(worker))
            os.kill(first, signal.SIGKILL)
            wait_for(lambda first=first: answer.done() or (worker._alive() and the(worker) != first))  # type: ignore[misc]
        with pytest.raises(WorkerDied) as raised:
            answer.result(60)
    log = worker.socket.with_suffix(".log")
    assert str(raised.value).startswith("The model worker ended while it was answering (")
    assert str(raised.value).endswith(f"Its log is {log}.")


def test_a_stale_socket_is_replaced(worker: client.WorkerModel) -> None:
    worker.complete(MESSAGES, QUICK)
    os.kill(the(worker), signal.SIGKILL)
    wait_for(lambda: not worker._alive())
    assert worker.socket.exists()
    assert worker.complete(MESSAGES, QUICK).text == YES


def test_of_two_plays_that_start_it_at_once_both_are_answered_by_one(worker: client.WorkerModel) -> None:
    plays = [worker, stubbed(worker.socket.parents[1])]
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(play.complete, MESSAGES, QUICK) for play in plays]
        assert all(answer.result(90).text == YES for answer in answers)
    wait_for(lambda: running(str(worker.socket)) == [the(worker)], 10)


def test_one_that_hangs_is_named(worker: client.WorkerModel, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.complete(MESSAGES, QUICK)
    process = the(worker)
    monkeypatch.setattr(client, "START_SECONDS", 0.5)
    monkeypatch.setattr(client, "HEALTH_SECONDS", 0.5)
    os.kill(process, signal.SIGSTOP)
    try:
        with pytest.raises(WorkerDied) as raised:
            worker.complete(MESSAGES, QUICK)
    finally:
        os.kill(process, signal.SIGCONT)
    log = worker.socket.with_suffix(".log")
    assert str(raised.value) == f"The model worker does not answer (process {process}). End it; its log is {log}."


def test_what_the_engine_fails_at_is_told(worker: client.WorkerModel) -> None:
    with pytest.raises(ModelError) as raised:
        worker.complete([{"no": "content"}], QUICK)
    assert str(raised.value) == "The model server answered 500: The model failed: ZeroDivisionError: division by zero"
    assert worker.complete(MESSAGES, QUICK).text == YES


def test_it_ends_when_idle_and_takes_its_socket_along(worker: client.WorkerModel, tmp_path: Path) -> None:
    brief = stubbed(tmp_path, idle=0.4)
    brief.complete(MESSAGES, QUICK)
    wait_for(lambda: not brief.socket.exists(), 5)


def test_a_python_without_the_packages_is_told_at_once(worker: client.WorkerModel, tmp_path: Path) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\necho 'No module named torch' >&2\nexit 1\n")
    started = time.monotonic()

    with pytest.raises(WorkerDied) as raised:
        worker.complete(MESSAGES, QUICK)

    assert time.monotonic() - started < 5
    assert str(raised.value) == (
        "The model worker ended when it was started: No module named torch "
        "Name a Python that has the packages of the model: model_python, remediate_model_python."
    )


def test_a_python_that_does_not_exist_is_told(worker: client.WorkerModel, tmp_path: Path) -> None:
    (tmp_path / "python").unlink()
    with pytest.raises(ModelError, match=r"cannot be started: .*No such file or directory"):
        worker.start()


def test_a_base_that_was_changed_is_not_used(worker: client.WorkerModel, tmp_path: Path) -> None:
    file = tmp_path / "base" / "model.safetensors"
    file.write_text(file.read_text().upper())

    with pytest.raises(ModelError) as raised:
        worker.complete(MESSAGES, QUICK)

    assert f"{file} was changed: its SHA-256 differs from the manifest's." in str(raised.value)


def test_a_folder_for_sockets_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(file))
    with pytest.raises(ModelError) as raised:
        client.WorkerModel(adapters.Weights(tmp_path, None))
    assert str(raised.value) == (
        f"The folder of the model worker, {file}/e2ereme-{os.getuid()}, cannot be made: Not a directory. "
        "Set XDG_RUNTIME_DIR to a folder of yours, or unset it."
    )


def test_a_folder_for_sockets_that_others_can_open_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"e2ereme-{os.getuid()}").mkdir(mode=0o755)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(ModelError, match="is not a private folder of this user"):
        client.WorkerModel(adapters.Weights(tmp_path, None))


def test_a_remote_server_that_is_not_there_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        model = client.RemoteModel(f"http://{address}/v1", "any")
        with pytest.raises(ModelError, match=f"The model server at {address} does not answer"):
            model.complete(MESSAGES, QUICK)


def running(marker: str) -> list[int]:
    """Processes whose command line has ``marker`` in it."""
    found = subprocess.run(["pgrep", "-f", marker], capture_output=True, text=True).stdout
    return [int(line) for line in found.split()]


def the(worker: client.WorkerModel) -> int:
    """The worker's process, from its lock."""
    lock = worker.socket.with_suffix(".lock")
    wait_for(lambda: lock.exists() and lock.read_text().strip())
    return int(lock.read_text())


def busy(worker: client.WorkerModel) -> bool:
    """Whether an answer is being worked on."""
    with_pid = json.loads(worker._get()) if worker._alive() else {}
    return bool(with_pid.get("busy"))


def wait_for(holds: object, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
