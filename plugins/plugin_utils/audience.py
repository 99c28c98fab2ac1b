# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether anybody reads what another process prints.

A line that a task sends to the screen makes ansible-playbook wait for ever when its output is a pipe whose reader
has gone (``| head``): the thread that prints ends with the error, and with it what would collect the results.
"""

from __future__ import annotations

import errno
import os
import stat


def watched(process: int) -> bool:
    """False where its output is a pipe that nobody reads any more; True also where that cannot be found out."""
    output = f"/proc/{process}/fd/1"
    try:
        if stat.S_ISFIFO(os.stat(output).st_mode):
            os.close(os.open(output, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        return error.errno != errno.ENXIO
    return True
