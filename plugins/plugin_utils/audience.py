# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether anybody reads what another process prints.

A line that a task sends to the screen makes ansible-playbook wait for ever when its output is a pipe whose reader
has gone (``| head``): the thread that prints ends with the error, and with it what would collect the results.
"""

from __future__ import annotations

import os
import select
import stat


def watched(process: int) -> bool:
    """False where its output is a pipe that nobody reads any more; True also where that cannot be found out."""
    output = f"/proc/{process}/fd/1"
    try:
        if not stat.S_ISFIFO(os.stat(output).st_mode):
            return True
        pipe = os.open(output, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        asked = select.poll()
        asked.register(pipe, 0)  # errors are always told
        return not any(told & select.POLLERR for _, told in asked.poll(0))
    finally:
        os.close(pipe)
