# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Temporary folders of processes that may be killed: the next one to start removes what nobody uses any more.

Whoever uses a folder holds a lock on a file in it. The lock ends with the last process that has it
open, however that ends, and holds across PID namespaces that share a file system; a process id in
the name would not.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_LOCK = ".in-use"
_MOMENT = 60.0  # seconds; a folder without its lock may be in the making


@dataclass(frozen=True)
class WorkFolder:
    """``lock`` is a file descriptor, to be passed to the process that works there, then closed by ``hand_over``."""

    path: Path
    lock: int

    def hand_over(self) -> None:
        """Leaves the lock to the process that it was passed to."""
        os.close(self.lock)


def work_folder(prefix: str, parent: str | os.PathLike[str] | None = None) -> WorkFolder:
    """A new folder for its owner alone, beside which those abandoned by others of the same prefix are removed."""
    place = Path(parent or tempfile.gettempdir())
    remove_abandoned(place, prefix)
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with contextlib.suppress(OSError):  # a file system without locks: then nobody takes it for abandoned either
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return WorkFolder(path, lock)


def remove_abandoned(place: Path, prefix: str) -> None:
    """Removes this user's folders of that prefix whose processes are gone; what cannot be removed stays."""
    try:
        found = [entry for entry in os.scandir(place) if entry.name.startswith(prefix)]
    except OSError:
        return  # making the new folder tells
    for entry in found:
        with contextlib.suppress(OSError):
            state = entry.stat(follow_symlinks=False)
            if state.st_uid == os.getuid() and entry.is_dir(follow_symlinks=False):
                _remove(Path(entry.path), state.st_mtime)


def _remove(path: Path, changed: float) -> None:
    """OSError where it is in use, or where that cannot be told."""
    try:
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        if changed < time.time() - _MOMENT:
            path.rmdir()  # only an empty one: whatever else lies there was not made here
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path)
    finally:
        os.close(lock)
