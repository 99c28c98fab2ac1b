# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs one job through ansible-runner, in the process that runner_process.py forked for it.

That process and its parent see to it that nothing is left behind, which ansible-runner does not: a
timeout or a signal leaves its ansible-playbook running.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .runner_events import difference, message

_STATUS = {
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_skipped": "skipped",
    "runner_on_unreachable": "unreachable",
}


def play_through_ansible_runner(job: Mapping[str, Any], events: int) -> int:
    """The exit code of ansible-playbook. ``job["through"]``: the image, empty without isolation, and its engine."""
    import ansible_runner

    folder = Path(job["folder"])
    through = job["through"]
    modules = frozenset(os.environ["E2EREME_MODULES"].split(","))

    def tell(**event: Any) -> None:
        os.write(events, json.dumps(event, default=str).encode() + b"\n")

    (folder / "project").mkdir(mode=0o700)
    (folder / "env").mkdir(mode=0o700)  # it takes settings from nowhere else; nothing secret lies there
    (folder / "env" / "settings").write_text(json.dumps({"pexpect_timeout": 1}))  # seconds until it sees a signal
    (folder / "playbook.yml").rename(folder / "project" / "playbook.yml")
    done = ansible_runner.run(
        private_data_dir=str(folder),
        playbook="playbook.yml",
        inventory=[],
        cmdline=" ".join(["-i localhost,", *map(shlex.quote, job["arguments"])]),
        ident=job["ident"],
        envvars=_environment(job, bool(through["image"])),
        event_handler=_translated(tell, modules),
        suppress_env_files=True,
        quiet=True,
        **_isolation(through),
    )
    if done.rc != 0:
        with done.stdout as said:  # why it did not start; nobody looks where it did
            print(said.read(), file=sys.stderr)
    return int(done.rc if done.rc is not None else 250)


def _environment(job: Mapping[str, Any], isolated: bool) -> dict[str, str]:
    """What ansible-playbook gets beside the clean environment of this process; in a container, instead of it."""
    wanted = {
        **job["environment"],
        "ANSIBLE_CALLBACKS_ENABLED": "e2ereme.remediate.guard",
        "E2EREME_MODULES": os.environ["E2EREME_MODULES"],
    }
    if not isolated:
        beside = str(Path(sys.executable).parent)
        return {**wanted, "PATH": os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])}
    return {  # the configuration file stays outside
        **wanted,
        "ANSIBLE_NO_LOG": str(job["no_log"]),
        "ANSIBLE_NO_TARGET_SYSLOG": "True",
        "ANSIBLE_INVENTORY_ENABLED": "host_list",
        "ANSIBLE_LOCALHOST_WARNING": "False",
    }


def _isolation(through: Mapping[str, str]) -> dict[str, Any]:
    if not through["image"]:
        return {}
    return {
        "process_isolation": True,
        "process_isolation_executable": through["engine"],
        "container_image": through["image"],
    }


def _translated(tell: Callable[..., None], modules: frozenset[str]) -> Callable[[Mapping[str, Any]], bool]:
    """From ansible-runner's events to those that run.py reads; False: it need not keep them on disk."""

    def handle(event: Mapping[str, Any]) -> bool:
        data = event.get("event_data") or {}
        module = str(data.get("resolved_action") or data.get("task_action") or "")
        if event["event"] == "playbook_on_task_start":
            if module not in modules:
                tell(event="refused", module=module)
            else:
                tell(event="start", name=data.get("name") or data.get("task"), module=module)
        elif event["event"] in _STATUS:
            result = data.get("res") or {}
            status = (
                "changed" if event["event"] == "runner_on_ok" and result.get("changed") else _STATUS[event["event"]]
            )
            tell(
                event="result",
                name=data.get("task"),
                module=module,
                status=status,
                message=message(result, status),
                seconds=round(float(data.get("duration") or 0.0), 3),
                diff=difference(result.get("diff")),
            )
        return False

    return handle
