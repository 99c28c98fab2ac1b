"""A command in the foreground: which signals it hears."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

CALLER = textwrap.dedent("""
    import signal, sys
    signal.signal(signal.SIGHUP, getattr(signal, sys.argv[1]))
    from ansible_collections.e2ereme.remediate.cli._foreground import Interrupted, foreground
    try:
        status = foreground(["sh", "-c", "kill -HUP $PPID; sleep 0.2; exit 5"], {})
    except Interrupted:
        status = 130
    sys.exit(status)
""")


@pytest.mark.parametrize(("hangups", "status"), [("SIG_DFL", 130), ("SIG_IGN", 5)])
def test_a_hangup_interrupts_it_but_not_under_nohup(hangups: str, status: int) -> None:
    assert subprocess.run([sys.executable, "-c", CALLER, hangups], timeout=30, check=False).returncode == status
