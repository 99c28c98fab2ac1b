"""The worker: starts on first use, answers under a grammar, ends when idle or told to, comes back when it died."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.model import adapters, client
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import ModelError

MESSAGES = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "yes or no?"}]
LARK = 'start: "I say " ("yes" | "no")\n'


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[client.WorkerModel]:
    """A worker of the untuned base with a folder of its own."""
    folder = tmp_path_factory.mktemp("run")
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_RUNTIME_DIR", str(folder))
    model = client.WorkerModel(adapters.find("none"), idle=60.0)
    yield model
    model.stop()
    patch.undo()


def test_it_starts_on_first_use_and_answers_under_the_grammar(worker: client.WorkerModel) -> None:
    got = worker.complete(MESSAGES, LARK)
    assert got.text in ("I say yes", "I say no")
    assert got.bits is not None and got.bits >= 1.0


def test_only_its_user_can_open_its_socket(worker: client.WorkerModel) -> None:
    worker.complete(MESSAGES, LARK)
    assert stat.S_IMODE(worker.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(worker.socket.parent.stat().st_mode) == 0o700


def test_a_grammar_that_does_not_compile_is_told_and_survived(worker: client.WorkerModel) -> None:
    with pytest.raises(ModelError, match="grammar"):
        worker.complete(MESSAGES, "start: nowhere\n")
    assert worker.complete(MESSAGES, LARK).text


def test_a_worker_that_was_killed_is_started_again(worker: client.WorkerModel) -> None:
    worker.complete(MESSAGES, LARK)
    os.kill(pid(worker), signal.SIGKILL)
    assert worker.complete(MESSAGES, LARK).text


def test_a_worker_that_is_ended_takes_its_socket_along(worker: client.WorkerModel) -> None:
    worker.complete(MESSAGES, LARK)
    worker.stop()
    assert gone(worker.socket)


def pid(worker: client.WorkerModel) -> int:
    import json

    return int(json.loads(worker._get())["pid"])


def gone(path: Path, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not path.exists()
