# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs a command in the foreground, such that Ctrl-C ends it in good order before it ends us."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """The command was asked to end, and has ended."""


def foreground(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Runs ``command`` with our output as its own and returns its exit status.

    The first signal is passed on, once: a play needs time, and the cluster, for its undo, so what the caller
    serves must stay up until this returns. Raises Interrupted then. The terminal's own Ctrl-C does not reach the
    command, which has a process group of its own; it would be hit twice. Under nohup a hang-up stays unheard.
    """
    process: subprocess.Popen[bytes] | None = None
    received: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:
            print("\nInterrupted: what was begun is being undone …", flush=True)
            if process is not None:
                process.send_signal(signal.SIGINT)

    deaf = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set()
    heard = [number for number in SIGNALS if number not in deaf]
    before = {number: signal.signal(number, pass_on) for number in heard}
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=dict(environment), process_group=0)
        if received:  # it came before there was anybody to pass it on to
            process.send_signal(signal.SIGINT)
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise Interrupted
    return status
