# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The other side of lint.py: a process that loads ansible-lint once and answers one playbook a line.

It runs as a plain file, without the collection around it, because ansible-lint sets up Ansible's
collection loader, the environment and the log of the whole process to its own taste. It is given
a folder to work in, and ends, and removes that, when its standard input is closed.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import logging
import os
import select
import shutil
import signal
import sys
import tempfile
import threading
from typing import Any, NoReturn

PROFILE = "production"
# ignore-errors and no-handler are questions of taste about tasks that run once; long lines are our
# own emitter's; the syntax check starts a process and costs half a second.
SKIPPED = ("ignore-errors", "no-handler", "yaml[line-length]", "syntax-check")


_EXAMPLE = """\
---
- name: Example
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Patch
      kubernetes.core.k8s:
        name: example
"""


def serve(folder: str) -> None:
    """Reads {"text": …} from standard input, writes a list of [rule, message, line] for each."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing else may write among the answers
    os.chdir(folder)  # no project's .ansible-lint applies
    rules = _load()
    _matches(rules, folder, _EXAMPLE)  # loads what only a first playbook loads
    for line in sys.stdin:
        print(json.dumps(_matches(rules, folder, json.loads(line)["text"])), file=answers, flush=True)


def _load() -> Any:
    from ansiblelint.app import get_app
    from ansiblelint.constants import DEFAULT_RULESDIR
    from ansiblelint.rules import RulesCollection

    logging.disable(logging.WARNING)
    with contextlib.suppress(Exception):  # its insides have changed: then it starts the commands
        _answer_for_commands()
    app = get_app(offline=True)
    # Otherwise it has ansible-doc list them to check become_method, which no playbook of ours has.
    app.runtime.plugins.become = {}
    return RulesCollection(app=app, rulesdirs=[DEFAULT_RULESDIR], options=app.options, profile_name=PROFILE)


def _answer_for_commands() -> None:
    """Tells ansible-lint what it would start ansible-config and ansible for, which take longer than all the rest."""
    from ansible import constants
    from ansible.release import __version__
    from packaging.version import Version

    runtime: Any = importlib.import_module("ansible_compat.runtime")
    settings = constants.config
    values = {name: settings.get_config_value(name) for name in settings.get_configuration_definitions()}
    runtime.AnsibleConfig = functools.partial(runtime.AnsibleConfig, data=values)
    runtime.Runtime._version = Version(__version__)


def _matches(rules: Any, folder: str, text: str) -> list[tuple[str, str, int]]:
    from ansiblelint.file_utils import Lintable
    from ansiblelint.runner import Runner

    path = os.path.join(folder, "playbook.yml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    lintable = Lintable(path, kind="playbook")
    found = Runner(lintable, rules=rules, skip_list=list(SKIPPED), _skip_ansible_syntax_check=True).run()
    return sorted(
        {(match.tag or match.rule.id, match.message, match.lineno) for match in found}, key=lambda item: item[2]
    )


def _leave_with_parent(place: str) -> None:
    """On a signal, and when the parent is gone: the folder goes, and nothing waits for an orderly end of Python.

    The end of the input alone does not tell: a fork of the parent keeps it open.
    """
    parent, own = os.getppid(), os.getpid()

    def leave(*_: object) -> NoReturn:
        if os.getpid() == own:
            shutil.rmtree(place, ignore_errors=True)
        os._exit(0)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides

    def watch() -> None:
        with contextlib.suppress(OSError):  # gone already, or a kernel without pidfd: the input's end must do
            select.select([os.pidfd_open(parent)], [], [])
        if os.getppid() != parent:
            leave()

    if hasattr(os, "pidfd_open"):
        threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    place = sys.argv[1]
    _leave_with_parent(place)
    # Ansible and ansible-lint make temporary files of their own, which a signal would leave behind.
    tempfile.tempdir = os.environ["TMPDIR"] = os.environ["ANSIBLE_LOCAL_TEMP"] = place
    try:
        serve(place)
    finally:
        os.chdir("/")
        shutil.rmtree(place, ignore_errors=True)
