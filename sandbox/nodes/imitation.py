"""What a container does when it is started: the runtime's refusal, an exit, or a program that serves.

It imitates the stand-in program with that program's own functions, and runc and the kernel in their words.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..api.quantity import value_of
from ..systems import program
from .corefile import EXIT_BAD_FILE, BadCorefile, Server, read, starting_lines

Object = dict[str, Any]

_BASE_MB = 14  # a Python process before it does anything; this and the next two measured on a real node
_RUNC_MB = 1  # below that not even runc's own init fits
_BASE_CPU = 0.2  # CPU seconds until the interpreter has read the program
_REFUSAL = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: "
)
_ON_PATH = (
    "python3",
    "sh",
    "bash",
    "sleep",
    "true",
    "false",
    "cat",
    "echo",
    "env",
    "tail",
    "ls",
    "nginx",
    "curl",
    "redis-server",
)
_IMAGE_FOLDERS = ("/", "/tmp", "/var/log", "/var/lib", "/srv", "/opt", "/home", "/root", "/run", "/var/tmp")
_FOLDERS = ("/bin/", "/usr/bin/", "/usr/local/bin/")


@dataclass(frozen=True)
class Life:
    """How a started container goes on.

    ``refusal``: it never started (runc's words). ``exit_code`` not None: it ends after ``seconds``, with
    ``reason`` (Error, Completed or OOMKilled). Otherwise it runs; ``settings`` when it serves, and it
    listens after ``seconds``.
    """

    refusal: str = ""
    exit_code: int | None = None
    reason: str = ""
    seconds: float = 0.0
    log: tuple[tuple[str, str], ...] = ()  # (level, text); an empty level is a bare line
    command: str = ""
    settings: program.Settings | None = None
    dns: Server | None = None


def live(
    argv: Sequence[str],
    environment: Mapping[str, str],
    files: frozenset[str],
    limits: Mapping[str, str],
    image: str = "",
    folders: frozenset[str] = frozenset(),
    reads: bool = False,
) -> Life:
    """``files``: absolute paths at which the stand-in program is mounted. ``limits``: cpu and memory. ``folders``:
    where volumes are mounted that can be written to. ``reads``: its standard input stays open."""
    memory = float(value_of(str(limits["memory"]))) / 2**20 if "memory" in limits else float("inf")
    share = cpu_share(limits)
    if memory < _RUNC_MB:
        return Life(refusal=_REFUSAL + "container init was OOM-killed (memory limit too low?)")
    if not argv:
        return _foreign("sleep", [])
    empty = image.rsplit("/", 1)[-1].partition(":")[0] == "pause"  # it has but a program that waits
    if empty or not _executable(argv[0], files):
        what = f'exec: "{argv[0]}": '
        what += f"stat {argv[0]}: no such file or directory" if "/" in argv[0] else "executable file not found in $PATH"
        return Life(refusal=f"{_REFUSAL}{what}: unknown")
    name, words = argv[0].rsplit("/", 1)[-1], list(argv[1:])
    if name in ("sh", "bash"):
        if reads and not words:
            return Life(command=name)
        unwrapped = _unwrap(words, name, files)
        if isinstance(unwrapped, Life):
            return unwrapped
        name, words = unwrapped
    if memory < _BASE_MB:
        return Life(exit_code=137, reason="OOMKilled", seconds=0.1 + 0.02 / share)
    if name != "python3":
        return _foreign(name, words)
    return _python(words, environment, files, memory, share, folders)


def runs_coredns(argv: Sequence[str], image: str) -> bool:
    """Whether a container of this image with this command line is a CoreDNS."""
    if argv and not argv[0].startswith("-"):
        return argv[0].rsplit("/", 1)[-1] == "coredns"
    return image.rsplit("/", 1)[-1].partition(":")[0] == "coredns"


def coredns(argv: Sequence[str], text_of: Callable[[str], str | None]) -> Life:
    """How a CoreDNS goes on; ``text_of`` gives the text of a file by its path, None where there is none."""
    words = list(argv)
    path = words[words.index("-conf") + 1] if "-conf" in words[:-1] else "Corefile"
    text = text_of(path)
    if text is None:
        why = f"loading Caddyfile via flag: open {path}: no such file or directory"
        return Life(exit_code=EXIT_BAD_FILE, reason="Error", seconds=0.3, log=(("", why),))
    try:
        server = read(text, path)
    except BadCorefile as error:
        return Life(exit_code=EXIT_BAD_FILE, reason="Error", seconds=0.3, log=(("", str(error)),))
    lines = tuple(("", line) for line in starting_lines(server))
    return Life(seconds=0.3, log=lines, command="coredns", dns=server)


def cpu_share(limits: Mapping[str, str]) -> float:
    """The share of one core that the container may use; the kubelet asks for no quota below 10 millicores."""
    return _share(str(limits["cpu"])) if "cpu" in limits else 1.0


@lru_cache(maxsize=1024)
def _share(limit: str) -> float:
    return min(1.0, max(0.01, float(value_of(limit))))


def working_set(settings: program.Settings | None) -> float:
    """Bytes in steady state."""
    return float((_BASE_MB + (settings.working_set_mb if settings else 0)) * 2**20)


def _python(
    words: list[str],
    environment: Mapping[str, str],
    files: frozenset[str],
    memory: float,
    share: float,
    folders: frozenset[str],
) -> Life:
    start = 0.1 + _BASE_CPU / share
    if not words:
        return Life(exit_code=0, reason="Completed", seconds=start)
    script = words[0]
    if script.startswith("-"):
        text = f"Unknown option: {script[:2]}"
        return Life(
            exit_code=2,
            reason="Error",
            seconds=start,
            log=(("", text), ("", "usage: python3 [option] ... [-c cmd | -m mod | file | -] [arg] ...")),
        )
    if script not in files:
        shown = script if script.startswith("/") else f"//{script}"
        text = f"python3: can't open file '{shown}': [Errno 2] No such file or directory"
        return Life(exit_code=2, reason="Error", seconds=start, log=(("", text),))
    try:
        told = program.parse_arguments(words[1:])
        settings = program.read_settings(environment, told.port, serving=told.command in ("serve", "check"))
    except program.BadUsage as error:
        return Life(exit_code=program.EXIT_USAGE, reason="Error", seconds=start, log=(("FATAL", str(error)),))
    except program.BadSetting as error:
        return Life(exit_code=program.EXIT_SETTING, reason="Error", seconds=start, log=(("FATAL", str(error)),))
    seconds = start + settings.start_cpu / share
    if memory * 2**20 < working_set(settings):
        return Life(exit_code=137, reason="OOMKilled", seconds=start + 0.1, log=(("INFO", "starting"),))
    if told.command == "once":
        done = f"done, {settings.working_set_mb} MB used"
        return Life(exit_code=0, reason="Completed", seconds=seconds, log=(("INFO", "starting"), ("INFO", done)))
    log = (("INFO", "starting"),)
    if told.command == "serve":
        for name, value, path in settings.files():
            why = _unwritable(path, files, folders)
            if why:
                told_why = ("FATAL", program.cannot_open(name, value, why))
                return Life(exit_code=program.EXIT_SETTING, reason="Error", seconds=seconds, log=(*log, told_why))
    return Life(seconds=seconds, log=log, command=told.command, settings=settings)


def _unwritable(path: str, files: frozenset[str], folders: frozenset[str]) -> str:
    """Why a file cannot be opened for writing, as the C library says it; empty when it can."""
    folder = path.rsplit("/", 1)[0] or "/"
    if folder in folders or folder in _IMAGE_FOLDERS:
        return ""
    if any(file.rsplit("/", 1)[0] == folder for file in files):
        return "Read-only file system"
    return "No such file or directory"


def _unwrap(words: list[str], shell: str, files: frozenset[str]) -> Life | tuple[str, list[str]]:
    """What `sh -c "exec …"` comes to."""
    if len(words) < 2 or words[0] != "-c":
        if words and words[0].startswith("-") and words[0] != "-c":
            return Life(exit_code=2, reason="Error", seconds=0.1, log=(("", f"{shell}: 0: Illegal option {words[0]}"),))
        if words and words[0] not in files:
            return Life(
                exit_code=2,
                reason="Error",
                seconds=0.1,
                log=(("", f"{shell}: 0: cannot open {words[0]}: No such file"),),
            )
        return Life(exit_code=0, reason="Completed", seconds=0.1)
    try:
        script = shlex.split(words[1])
    except ValueError:
        return Life(
            exit_code=2,
            reason="Error",
            seconds=0.1,
            log=(("", f"{shell}: 1: Syntax error: Unterminated quoted string"),),
        )
    replaced = script[:1] == ["exec"]
    script = script[1:] if replaced else script
    if not script:
        return Life(exit_code=0, reason="Completed", seconds=0.1)
    if script[0] == "exit":
        code = int(script[1]) if len(script) > 1 and script[1].isdecimal() else 0
        return Life(exit_code=code, reason="Error" if code else "Completed", seconds=0.1)
    if not _executable(script[0], files):
        text = f"{shell}: 1: {'exec: ' if replaced else ''}{script[0]}: not found"
        return Life(exit_code=127, reason="Error", seconds=0.1, log=(("", text),))
    return script[0].rsplit("/", 1)[-1], script[1:]


def _foreign(name: str, words: list[str]) -> Life:
    """A program that is not the stand-in: only its end matters."""
    if name in ("sleep", "tail", "nginx", "redis-server") and (
        name != "sleep" or not words or words[0] in ("infinity", "inf")
    ):
        return Life(command=name)
    if name == "sleep":
        seconds = float(words[0]) if words[0].replace(".", "", 1).isdecimal() else 0.0
        return Life(exit_code=0, reason="Completed", seconds=seconds)
    if name == "echo":
        return Life(exit_code=0, reason="Completed", seconds=0.1, log=(("", " ".join(words)),))
    return Life(exit_code=int(name == "false"), reason="Error" if name == "false" else "Completed", seconds=0.1)


def _executable(word: str, files: frozenset[str]) -> bool:
    if "/" not in word:
        return word in _ON_PATH
    folder, name = word.rsplit("/", 1)
    return f"{folder}/" in _FOLDERS and name in _ON_PATH and word not in files
