"""What tests of the runners need: playbooks of a few tasks, and to see what runs on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook

COMMAND = "ansible.builtin.command"


def playbook(*tasks: str) -> Playbook:
    """A playbook of tasks, each a line of YAML."""
    head = "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n"
    return Playbook((), head + "".join(f"    - {task}\n" for task in tasks), ())


def command(*words: str) -> str:
    """One task that runs a command."""
    return f"{{name: Run, {COMMAND}: {{argv: {list(words)}}}}}"


def processes(marker: str) -> list[int]:
    """Ids of the processes whose command line has ``marker`` as a word."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if marker.encode() in words:
                found.append(int(entry.name))
    return found


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for what another process does; fails when it does not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
