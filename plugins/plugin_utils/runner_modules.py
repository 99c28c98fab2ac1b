# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs modules in forks of a process that has imported what they import, which takes longer than what they do.

Ansible starts what it takes for the interpreter: a small script that hands its arguments, environment
and standard streams over a socket in the run's own folder, and ends as the fork does. Where nobody
listens there, it becomes the real interpreter.
"""

from __future__ import annotations

import array
import atexit
import configparser
import contextlib
import json
import os
import runpy
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

SOCKET, INTERPRETER = "modules.sock", "python"
_SHEBANG = 120  # characters; the kernel takes no more than 127 in all
_SCRIPT = """\
#!{python} -IS
import array, json, os, socket, sys
if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
try:
    place = os.open({home!r}, os.O_RDONLY | os.O_DIRECTORY)
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(f"/proc/self/fd/{{place}}/{socket}")
except OSError:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
asked = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
peer.sendmsg([len(asked).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
peer.sendall(asked)
ended = peer.recv(1)
sys.exit(ended[0] if ended else 250)
"""
_IMPORTED = (
    "ansible.module_utils.basic",
    "ansible_collections.kubernetes.core.plugins.module_utils.k8s.core",
    "ansible_collections.kubernetes.core.plugins.module_utils.k8s.runner",
    "ansible_collections.kubernetes.core.plugins.module_utils.k8s.service",
    "kubernetes.client",
    "kubernetes.config",
    "kubernetes.dynamic",
)


def write_interpreter(home: Path) -> Path | None:
    """Writes the script; None where it could not be executed, or its path not be named to Ansible."""
    path = home / INTERPRETER
    if len(sys.executable) > _SHEBANG or any(char.isspace() for char in f"{path}{sys.executable}"):
        return None
    path.write_text(_SCRIPT.format(python=sys.executable, home=str(home), socket=SOCKET))
    path.chmod(0o700)
    return path if os.access(path, os.X_OK) else None  # not where the file system is mounted noexec


def serve_modules(home: Path) -> NoReturn:
    """Answers the script until it is killed. Before that, it does what the modules of kubernetes.core begin with."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(home / "ansible.cfg")
    sys.path[:0] = settings.get("defaults", "collections_path", fallback="").split(os.pathsep)
    for name in _IMPORTED:
        with contextlib.suppress(Exception):  # each fork then imports it by itself
            __import__(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    os.chdir(home)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(SOCKET)
        server.listen()
        while True:
            peer, _ = server.accept()
            if not os.fork():
                server.close()
                _run(peer)
            peer.close()


def _run(peer: socket.socket) -> NoReturn:
    rc = 1
    try:
        (arguments, folder, environment), streams = _received(peer)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv[:] = arguments
        tempfile.tempdir = None
        threading.Thread(target=_end_with, args=(peer,), daemon=True).start()
        rc = _ended(lambda: runpy.run_path(arguments[0], run_name="__main__"))
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()  # modules remove their temporary files so
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        with contextlib.suppress(OSError):
            peer.send(bytes([rc & 255]))
        os._exit(rc)


def _received(peer: socket.socket) -> tuple[Any, list[int]]:
    streams = array.array("i")
    head, ancillary, _, _ = peer.recvmsg(8, socket.CMSG_SPACE(3 * streams.itemsize))
    for _, _, data in ancillary:
        streams.frombytes(data)
    size, asked = int.from_bytes(head, "big"), b""
    while len(asked) < size:
        part = peer.recv(65536)
        if not part:
            raise OSError("whoever asked is gone")
        asked += part
    return json.loads(asked), list(streams)


def _ended(run: Callable[[], object]) -> int:
    try:
        run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _end_with(peer: socket.socket) -> None:
    """Ends this process when the script is killed, as a task's timeout does."""
    if not peer.recv(1):
        os._exit(137)
