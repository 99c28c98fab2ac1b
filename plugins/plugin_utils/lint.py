# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ansible-lint, kept warm in a process of its own. Optional: where it is not installed, the answer says so."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import selectors
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .workfolder import work_folder

PASSED = "passed"
NOT_INSTALLED = "not installed"

_PROGRAM = Path(__file__).with_name("lint_process.py")
_PATIENCE = 5.0
_SECONDS = 60.0  # the first answer includes loading, about three seconds on a quiet machine


@dataclass(frozen=True)
class Remark:
    """One match of a lint rule; ``line`` is in the linted text."""

    rule: str
    what: str
    line: int


@dataclass(frozen=True)
class Linted:
    """``state``: passed (also with remarks: it ran), not installed, or why it could not run."""

    state: str
    remarks: tuple[Remark, ...] = ()


class _Linter:
    """The process, started on first use. One question at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._folder: Path | None = None

    def start(self) -> subprocess.Popen[bytes]:
        # A fork of this process shares the pipes and would mix up the answers.
        if self._process is None or self._process.poll() is not None or self._owner != os.getpid():
            self._owner = os.getpid()
            # It starts ansible-config, which lies beside the Python that has Ansible.
            path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
            folder = work_folder("e2ereme-lint-")
            self._folder = folder.path
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", str(_PROGRAM), str(folder.path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env={**os.environ, "PATH": path, "NO_COLOR": "1"},
                    pass_fds=(folder.lock,),
                )
            finally:
                folder.hand_over()
        return self._process

    def ask(self, text: str) -> Linted:
        with self._lock:
            try:
                process = self.start()
                return Linted(PASSED, tuple(Remark(*match) for match in _answer(process, text)))
            except (OSError, ValueError) as error:
                self.stop()
                return Linted(f"could not run ({error or type(error).__name__})")

    def stop(self) -> None:
        if self._process is not None and self._owner == os.getpid():
            self._process.terminate()  # it may still be loading, and would not see that its input has ended
            try:
                self._process.communicate(timeout=_PATIENCE)
            except (subprocess.TimeoutExpired, OSError, ValueError):
                self._process.kill()
                self._process.wait()
            if self._folder is not None:  # it removes it itself, unless a signal came before it could
                shutil.rmtree(self._folder, ignore_errors=True)
        self._process = None


_linter = _Linter()


def lint_installed() -> bool:
    """Whether ansible-lint can be imported."""
    return importlib.util.find_spec("ansiblelint") is not None


def warm_lint() -> None:
    """Starts loading ansible-lint and returns at once: to be called while the model writes."""
    if lint_installed():
        with contextlib.suppress(OSError):  # no space for its folder: the first answer says so
            _linter.start()


def stop_lint() -> None:
    """Ends the process; it also ends by itself when this one ends."""
    _linter.stop()


def lint(text: str) -> Linted:
    """What ansible-lint has against a playbook."""
    return _linter.ask(text) if lint_installed() else Linted(NOT_INSTALLED)


def _answer(process: subprocess.Popen[bytes], text: str) -> list[Any]:
    if process.stdin is None or process.stdout is None:
        raise OSError("no pipe")
    process.stdin.write(json.dumps({"text": text}).encode() + b"\n")
    process.stdin.flush()
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(_SECONDS):
                raise TimeoutError(f"no answer in {_SECONDS:.0f} s")
            part = os.read(process.stdout.fileno(), 65536)
            if not part:
                raise OSError("the lint process ended")
            line += part
    found: list[Any] = json.loads(line)
    return found
