# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs a gated Playbook in a process of its own, which was warmed while the model was writing.

Starting Ansible and packing the modules costs more than running them, so ``ProcessRunner`` keeps
one warm process (runner_process.py) for an Episode and has it fork for each run. Nothing of the
outer play's environment reaches a run but what ``clean_environment`` lets through.
"""

from __future__ import annotations

import importlib.util
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol, cast

from ..module_utils.errors import RunError
from .cluster_environment import cluster_environment
from .container_environment import container_environment
from .playbook import Playbook
from .runner_files import clean_environment, write_configuration
from .runresult import RunResult, TaskResult
from .workfolder import work_folder

MODULES = (
    "kubernetes.core.k8s",
    "kubernetes.core.k8s_info",
    "kubernetes.core.k8s_scale",
    "kubernetes.core.k8s_rollback",
    "kubernetes.core.k8s_json_patch",
)
"""The modules that a run may use, unless a Runner is told otherwise."""


@dataclass(frozen=True)
class Through:
    """ansible-runner in the place of a plain ``ansible-playbook``.

    ``image``: the execution environment whose container it runs in, by ``engine`` (podman or
    docker); none means a process like any other.
    """

    image: str = ""
    engine: str = "podman"

    def require(self) -> None:
        """RunError where ansible-runner or the engine is not there."""
        if importlib.util.find_spec("ansible_runner") is None:
            raise RunError(
                "The Python package ansible-runner is not installed.",
                "Install it beside Ansible, or set runner: process.",
            )
        if self.image and shutil.which(self.engine) is None:
            raise RunError(
                f"{self.engine}, which should run the execution environment {self.image}, is not installed.",
                "Install it, name another container_engine, or leave execution_environment out.",
            )


GRACE = 3.0
"""Seconds that a stopped process has to clean up before it is killed."""


class Runner(Protocol):
    """What runs a Playbook. ``warm`` may be called at any time; ``run`` warms what is still cold."""

    def warm(self) -> None: ...

    def run(
        self,
        playbook: Playbook,
        *,
        timeout: float = 300.0,
        check: bool = False,
        diff: bool = True,
        verbosity: int = 0,
        on_task: Callable[[str], None] | None = None,
    ) -> RunResult: ...

    def close(self) -> None: ...


class ProcessRunner:
    """A Runner on a plain ``ansible-playbook`` in a warm process of its own process group.

    Call it from the main thread: the process ends with the thread that started it.
    ``connection`` holds connection options of kubernetes.core; ``no_log`` hides arguments and
    results as the task keyword does; ``parent`` is where the working directory is made; ``through``
    runs each playbook by ansible-runner instead, which takes a second longer and may isolate it.
    """

    def __init__(
        self,
        connection: Mapping[str, Any] | None = None,
        *,
        no_log: bool = False,
        modules: Sequence[str] = MODULES,
        parent: str | os.PathLike[str] | None = None,
        through: Through | None = None,
    ) -> None:
        self._through = through
        self._connection = dict(connection or {})
        self._no_log = no_log
        self._modules = tuple(modules)
        self._parent = parent
        self._home: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def warm(self) -> None:
        """Starts the process and returns at once; raises RunError when it cannot be started."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        if self._through is not None:
            self._through.require()
        try:
            folder = work_folder("e2ereme-run-", self._parent)
            home = self._home = folder.path
            try:
                write_configuration(home, self._no_log)
                self._process = subprocess.Popen(
                    [sys.executable, "-P", str(Path(__file__).with_name("runner_process.py")), *self._modules],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd=home,
                    env=clean_environment(os.environ, home),
                    pass_fds=(folder.lock,),
                    start_new_session=True,
                )
            finally:
                folder.hand_over()
        except OSError as error:
            self.close()
            raise RunError(
                f"The process that runs playbooks could not be started: {error}.",
                f"Check the free space and the permissions of {self._parent or tempfile.gettempdir()}.",
            ) from error
        self._unread = b""

    def run(
        self,
        playbook: Playbook,
        *,
        timeout: float = 300.0,
        check: bool = False,
        diff: bool = True,
        verbosity: int = 0,
        on_task: Callable[[str], None] | None = None,
    ) -> RunResult:
        """Runs the canonical text. Whatever ends this call early also ends what it started."""
        self.warm()
        home = cast("Path", self._home)
        started = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix="job-", dir=home))
        (folder / "playbook.yml").write_text(playbook.text, encoding="utf-8")
        environment = self._environment(folder, timeout)
        arguments = ["--check"] * check + ["--diff"] * diff + (["-" + "v" * verbosity] if verbosity else [])
        job = {
            "folder": str(folder),
            "ident": f"{home.name}-{folder.name}",
            "environment": environment,
            "arguments": arguments,
            "no_log": self._no_log,
            "through": None if self._through is None else asdict(self._through),
        }
        tasks: list[TaskResult] = []
        rc: int | None = None
        stopped = ""
        try:
            self._send({"job": job})
            for event in self._events(started + timeout):
                if event["event"] == "start" and on_task is not None:
                    on_task(event["name"])
                elif event["event"] == "result":
                    tasks.append(_task(event))
                elif event["event"] == "refused":
                    stopped = f"the module {event['module']} is not allowed"
                elif event["event"] == "end":
                    rc = event["rc"]
                    break
            else:
                stopped = stopped or f"timeout after {timeout:g} s"
        finally:
            if rc is None:
                self._stop()
        seconds = time.monotonic() - started
        if rc == 0 or tasks or stopped:
            return RunResult(-1 if rc is None else rc, tuple(tasks), seconds, stopped)
        raise RunError(
            f"The playbook did not start: {_tail(folder / 'output.log')}", "It is playbook.yml of the attempt."
        )

    def leave(self) -> None:
        """Asks the process to end and returns at once; ``close`` waits until it has."""
        if self._process is not None:
            _ask_to_end(self._process)

    def close(self) -> None:
        """Ends the process, what it started, and the working directory."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
        home, self._home = self._home, None
        if home is not None:
            shutil.rmtree(home, ignore_errors=True)

    def __enter__(self) -> ProcessRunner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _environment(self, folder: Path, lasting: float) -> dict[str, str]:
        """How this one run reaches the cluster: what a run before it was given may have ended."""
        isolated = self._through is not None and bool(self._through.image)
        return (container_environment if isolated else cluster_environment)(
            self._connection, os.environ, folder, lasting
        )

    def _send(self, message: Mapping[str, Any]) -> None:
        stdin = cast("IO[bytes]", self._process and self._process.stdin)
        try:
            stdin.write(json.dumps(message).encode() + b"\n")
            stdin.flush()
        except OSError as error:
            raise self._died() from error

    def _events(self, deadline: float) -> Any:
        """The events of a job until ``deadline``, by the monotonic clock; ends when it has passed."""
        stdout = cast("IO[bytes]", self._process and self._process.stdout)
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while True:
                line, newline, rest = self._unread.partition(b"\n")
                if newline:
                    self._unread = rest
                    yield json.loads(line)
                    continue
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    return
                data = os.read(stdout.fileno(), 65536)
                if not data:
                    raise self._died()
                self._unread += data

    def _stop(self) -> None:
        """Ends the running job; the warm process stays, for the undo."""
        if self._process is None:
            return
        try:
            self._send({"stop": True})
            for event in self._events(time.monotonic() + GRACE):
                if event["event"] == "end":
                    return
        except RunError:
            pass  # it died, and took the job with it
        self.close()

    def _died(self) -> RunError:
        log = _tail(self._home / "runner.log") if self._home else ""
        self.close()
        return RunError(
            f"The process that runs playbooks ended: {log or 'it left no message'}.", "Run it again with -vvv."
        )


def _task(event: Mapping[str, Any]) -> TaskResult:
    return TaskResult(
        event["name"], event["module"], event["status"], event["message"], event["seconds"], event["diff"]
    )


def _tail(path: Path, size: int = 600) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
    return " ".join(text[-size:].split())


def _ask_to_end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()  # beside the end of its input, which it would not see while it warms
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except OSError:
            pass  # it had died with something unread


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks it to leave with all that it started; then its group is killed."""
    _ask_to_end(process)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
