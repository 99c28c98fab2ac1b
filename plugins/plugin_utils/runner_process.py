# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The process that runs playbooks: warms Ansible once, then forks for each job.

Runs as a script, started by run.py. Reads one JSON object a line: ``{"job": …}`` starts one,
``{"stop": true}`` ends it; the end of the input ends everything. Writes the events of jobs, as
plugins/callback/events.py documents them, and ``{"event": "end", "rc": …}`` after each.

Nothing survives it. It adopts orphans (PR_SET_CHILD_SUBREAPER), each process forked from here
gets a signal when its parent dies (PR_SET_PDEATHSIG), and after each job all that is left below
this process is killed. Ansible's workers lead sessions of their own, so a process group is not
enough.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Set
from pathlib import Path
from typing import Any, NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
containers: list[list[str]] = []
"""Engine and name of the container of the job that runs."""
kept: set[int] = set()
"""The process that modules are forks of."""
PATIENCE = 1.5  # seconds that a job has to end its workers by itself


def main(modules: list[str]) -> None:
    """Serves until the input ends."""
    home = Path.cwd()
    events = os.dup(1)
    log = os.open(home / "runner.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["E2EREME_EVENTS_FD"] = str(events)
    os.environ["E2EREME_MODULES"] = ",".join(modules)
    keep_none(home)
    keep_modules(home, events)
    warm(modules)
    try:
        serve(events)
    finally:
        for named in containers:
            end_container(named)
        end_all()
        shutil.rmtree(home, ignore_errors=True)


def keep_none(home: Path) -> None:
    """Makes sure that nothing outlives this process, nor this process the one that started it."""
    parent, own = os.getppid(), os.getpid()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.register_at_fork(after_in_child=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM))

    def leave(*_: object) -> NoReturn:
        if os.getpid() == own:  # not a fork that has yet to set its own handler
            for named in containers:
                end_container(named)
            end_all()
            shutil.rmtree(home, ignore_errors=True)
        os._exit(143)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this one decides
    if os.getppid() != parent:
        leave()


def prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the end of the input is what ends the process."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def warm(modules: list[str]) -> None:
    """Imports what a run needs and packs the modules into the cache that all forks share."""
    import ansible.cli.playbook  # noqa: F401  (reads the configuration, makes the temporary folder)
    from ansible import constants
    from ansible.executor import playbook_executor, task_executor  # noqa: F401
    from ansible.plugins import loader

    loader.init_plugin_loader()
    for plugins in (loader.connection_loader, loader.shell_loader, loader.become_loader):
        list(plugins.all(class_only=True))
    loader.strategy_loader.get("linear", class_only=True)
    loader.callback_loader.get(constants.DEFAULT_STDOUT_CALLBACK, class_only=True)
    for name in modules:
        try:
            pack(name)
        except Exception:  # the packing's interface is Ansible's own; a run that misses it packs by itself
            traceback.print_exc()


def keep_modules(home: Path, events: int) -> None:
    """Starts the process that modules are forks of, and tells Ansible; without it modules start as usual."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(Exception):
        # By path: a collection must not be imported before Ansible has set up how.
        found = importlib.util.spec_from_file_location("runner_modules", Path(__file__).with_name("runner_modules.py"))
        if found is None or found.loader is None:
            return
        runner_modules = importlib.util.module_from_spec(found)
        found.loader.exec_module(runner_modules)
        interpreter = runner_modules.write_interpreter(home)
        if interpreter is None:
            return
        os.environ["ANSIBLE_PYTHON_INTERPRETER"] = str(interpreter)
        process = os.fork()
        if process:
            kept.add(process)
            return
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.close(events)  # modules have nothing to tell there
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            runner_modules.serve_modules(home)
        finally:
            os._exit(1)


def pack(name: str) -> None:
    """Builds a module's payload into the cache below Ansible's temporary folder."""
    from ansible import constants
    from ansible.executor.module_common import modify_module
    from ansible.plugins import loader
    from ansible.template import Templar

    variables = {"ansible_python_interpreter": sys.executable, "ansible_playbook_python": sys.executable}
    loader.action_loader.get(name, class_only=True)
    found = loader.module_loader.find_plugin_with_context(name)
    if found.resolved:
        modify_module(
            module_name=name,
            module_path=found.plugin_resolved_path,
            module_args={},
            templar=Templar(loader=None, variables=variables),
            task_vars=variables,
            module_compression=constants.config.get_config_value("DEFAULT_MODULE_COMPRESSION"),
            remote_is_local=True,
        )


def serve(events: int) -> None:
    """One job at a time: waits for messages and for the end of the job at once."""
    wake, waker = os.pipe()
    for end in (wake, waker):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    job = 0
    unread = b""
    while True:
        for ready in select.select([0, wake], [], [])[0]:
            data = os.read(ready, 65536)
            if ready == wake:
                continue
            if not data:
                return
            unread += data
        while b"\n" in unread:
            line, unread = unread.split(b"\n", 1)
            message = json.loads(line)
            if "job" in message:
                job = fork(message["job"], events)
                containers[:] = [named] if (named := container(message["job"])) else []
            elif job:
                stop(job)
        if job:
            ended, status = os.waitpid(job, os.WNOHANG)
            if ended:
                job = 0
                end_container(containers.pop() if containers else [])
                end_all(kept)
                rc = os.waitstatus_to_exitcode(status)
                os.write(events, json.dumps({"event": "end", "rc": rc}).encode() + b"\n")


def fork(job: dict[str, Any], events: int) -> int:
    """Starts ``ansible-playbook`` on the job's playbook; returns the process id."""
    parent = os.getpid()
    process = os.fork()
    if process:
        return process
    rc = 250
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(job["folder"])
        output = os.open("output.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.update(job["environment"])
        if job.get("through") is None:
            rc = play(["ansible-playbook", "-i", "localhost,", *job["arguments"], "playbook.yml"])
        else:
            from ansible_collections.e2ereme.remediate.plugins.plugin_utils import runner_ansible

            prctl(PR_SET_CHILD_SUBREAPER, 1)  # should the process that forked this one be killed
            try:
                rc = runner_ansible.play_through_ansible_runner(job, events)
            finally:
                end_container(container(job) if os.getppid() != parent else [])
                end_all()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(rc)


def play(arguments: list[str]) -> int:
    """As ``ansible-playbook`` does, its errors being one line of text."""
    from ansible.cli.playbook import PlaybookCLI
    from ansible.errors import AnsibleError

    try:
        cli = PlaybookCLI(arguments)
        cli.parse()
        return int(cli.run())
    except AnsibleError as error:
        print(error, file=sys.stderr)
        return 4


def stop(job: int) -> None:
    """Asks the job to end its workers, and kills it when it does not."""
    os.kill(job, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, job, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.02)
    os.kill(job, signal.SIGKILL)


def container(job: dict[str, Any]) -> list[str]:
    """The engine and the name that ansible-runner gives the job's container; empty where there is none."""
    through = job.get("through") or {}
    return [through["engine"], f"ansible_runner_{job['ident']}"] if through.get("image") else []


def end_container(named: list[str]) -> None:
    """Ends what may run on below an engine's own process, where no signal of ours gets."""
    if named:
        engine, name = named
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run([engine, "kill", name], capture_output=True, timeout=10, check=False)


def end_all(sparing: Set[int] = frozenset()) -> None:
    """Kills and reaps all that is left below this process, but for ``sparing``."""
    for _ in range(100):
        below = [process for process in descendants(os.getpid()) if process not in sparing]
        for process in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            if not below:
                return
        if not below and sparing:
            return
        time.sleep(0.01)


def descendants(ancestor: int) -> list[int]:
    """Process ids below ``ancestor``, from /proc; empty where there is none."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                    parents[int(entry)] = int(file.read().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
    found = {ancestor}
    grown = True
    while grown:
        more = {child for child, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return sorted(found - {ancestor})


if __name__ == "__main__":
    main(sys.argv[1:])
