# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Drafts that are kept for a while, on disk, since each evaluation of a lookup may be another process."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Draft:
    """``outcome`` is planned, healthy, escalated or exhausted; ``playbook`` is empty unless planned."""

    outcome: str
    message: str
    playbook: str = ""


@dataclass(frozen=True)
class Drafts:
    """Drafts in a folder that only its owner may enter, by key (hexadecimal). ``clock`` gives seconds.

    A cache that cannot be read or written is none.
    """

    folder: Path
    clock: Callable[[], float] = time.time

    def get(self, key: str) -> Draft | None:
        """The Draft of that key, where it is still to be kept."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            kept = _own(self.folder / f"{key}.json")
            if kept.pop("until") > self.clock():
                return Draft(**kept)
        return None

    def put(self, key: str, draft: Draft, seconds: float) -> None:
        """Keeps it for that long, whole or not at all, and drops what is too old."""
        with contextlib.suppress(OSError):
            self._made()
            self._drop()
            handle, path = tempfile.mkstemp(dir=self.folder)
            with open(handle, "w", encoding="utf-8") as file:
                json.dump({**asdict(draft), "until": self.clock() + seconds}, file)
            os.replace(path, self.folder / f"{key}.json")

    @contextlib.contextmanager
    def asking(self, key: str) -> Iterator[None]:
        """One at a time, so that hosts that ask the same at once get one answer; it costs one."""
        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError):
                self._made()
                # A lock file cannot be removed without a race: there are sixteen, not one for each key.
                descriptor = os.open(self.folder / f"lock-{key[:1]}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                held.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield

    def _made(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _drop(self) -> None:
        for file in self.folder.glob("*.json"):
            try:
                old = _own(file)["until"] <= self.clock()
            except (OSError, ValueError, TypeError, KeyError):
                old = True
            if old:
                file.unlink(missing_ok=True)


def _own(file: Path) -> dict[str, Any]:
    """What is in a file that this user wrote: what others put there would be run as the model's."""
    with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), encoding="utf-8") as opened:
        about = os.fstat(opened.fileno())
        if about.st_uid != os.geteuid() or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(f"{file} is not this user's alone")
        found = json.load(opened)
    if not isinstance(found, dict):
        raise TypeError("no Draft")
    return found
