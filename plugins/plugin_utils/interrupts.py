# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turns signals into one Cancelled at a moment when the loop can still undo.

Ansible ends a worker by SIGINT and SIGTERM in quick succession, and kills it outright when the
task does not watch out. Here the first signal cancels what is being done, and later ones are
ignored: after it only the undo runs, whose every step has a time limit.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from .wishes import Cancelled

PR_SET_PDEATHSIG = 1
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Use ``listening`` around an Episode and ``open`` around each thing that may be broken off."""

    def __init__(self) -> None:
        parent = multiprocessing.parent_process()  # as noted at the fork: it may have died since
        self._parent = os.getppid() if parent is None or parent.pid is None else parent.pid
        self._reason = ""
        self._raised = False
        self._open = False

    @property
    def orphaned(self) -> bool:
        """Whether the process that started this one has died."""
        return os.getppid() != self._parent

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handles the signals, and the death of the process that started this one, until the end of the block."""
        before = {number: signal.signal(number, self._receive) for number in SIGNALS}
        _signal_when_parent_dies(signal.SIGTERM)
        if self.orphaned:  # before that took effect
            self._receive(signal.SIGTERM, None)
        try:
            yield
        finally:
            _signal_when_parent_dies(0)
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Raises Cancelled in the block on a signal, or at once for one that came before it."""
        self._open = True
        try:
            self._raise_once()
            yield
        finally:
            self._open = False

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._reason = self._reason or f"interrupted by {signal.Signals(number).name}"
        if self._open:
            self._raise_once()

    def _raise_once(self) -> None:
        if self._reason and not self._raised:
            self._raised = True
            raise Cancelled(self._reason)


def _signal_when_parent_dies(number: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
