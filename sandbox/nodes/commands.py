"""Commands that somebody runs inside a container: the few that people look around with, imitated.

Those that read what others write are in filters.py, those about files in filing.py, the shell is in shell.py. Texts
keep bytes that are no UTF-8 as surrogates (``surrogateescape``).
"""

from __future__ import annotations

from collections.abc import Callable

from ..api.sessions import CannotStart, Ended
from .filing import FILING, MONTHS
from .filters import FILTERS
from .place import Place
from .shell import Shell

SHELLS = ("sh", "bash", "ash", "dash")
_TIMEOUT = 5.0
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NOT_IMITATED = ("nginx", "redis-server", "dd", "ping", "nc", "ip", "stress-ng", "nslookup", "dig", "vi", "less")
"""What images have, and the sandbox says that it has not."""


def execute(place: Place, argv: list[str], given: str = "") -> Ended:
    """What a command comes to; ``given``: all of its standard input. Raises CannotStart."""
    if not argv:
        raise CannotStart("args must not be empty")
    name = startable(place, argv[0])
    return _imitated(Place(**{**vars(place), "given": given}), name, argv[1:])


def startable(place: Place, path: str) -> str:
    """The name of the program at a path, or found by its name alone. Raises CannotStart."""
    name = path.rsplit("/", 1)[-1]
    if name not in _COMMANDS and name not in FILTERS and name not in (*_NOT_IMITATED, *SHELLS):
        raise CannotStart(f'unable to start container process: exec: "{path}": executable file not found in $PATH')
    return name


def shell_in(place: Place, name: str) -> Shell:
    return Shell(
        name,
        place.files,
        lambda words, given, shell: _started(place, words, given, shell),
        place.variables,
        place.folder,
    )


def _started(place: Place, words: list[str], given: str, shell: Shell) -> Ended:
    """One program that a shell starts."""
    there = Place(**{**vars(place), "given": given, "folder": shell.folder, "set_": shell.variables})
    try:
        name = startable(there, words[0])
    except CannotStart:
        return Ended(err=f"{shell.name}: 1: {words[0]}: not found\n", code=127)
    return _imitated(there, name, words[1:])


def _imitated(place: Place, name: str, words: list[str]) -> Ended:
    if name in SHELLS:
        return _shell(place, name, words)
    if name in FILTERS:
        return FILTERS[name](place.files, place.at, words, place.given)
    command = _COMMANDS.get(name)
    return command(place, words) if command else _unknown(name)


def _unknown(name: str) -> Ended:
    return Ended(err=f"the sandbox does not imitate {name} in a container\n", code=126)


def _shell(place: Place, name: str, words: list[str]) -> Ended:
    while words and words[0] in ("-i", "-l", "-e", "-x", "-ec", "-lc", "-ic"):
        words = ["-c", *words[1:]] if words[0].endswith("c") else words[1:]
    script = words[1] if words[:1] == ["-c"] and len(words) > 1 else None
    if script is None and words:
        script = place.files.text(place.at(words[0]))
        if script is None:
            return Ended(err=f"{name}: 0: cannot open {words[0]}: No such file\n", code=2)
    shell = shell_in(place, name)
    return shell.run(place.given) if script is None else shell.run(script, place.given)


def _env(place: Place, words: list[str]) -> Ended:
    if not words:
        return Ended("".join(f"{name}={value}\n" for name, value in place.variables.items()))
    values = [place.variables.get(word) for word in words]
    return Ended("".join(f"{value}\n" for value in values if value is not None), code=int(None in values))


def _fetch(place: Place, words: list[str], program: str) -> Ended:
    url = next((word for word in words if "://" in word), "")
    bare = next((word for word in words[::-1] if not word.startswith("-")), "")
    url = url or (f"http://{bare}" if bare else "")
    if not url:
        return Ended(err=f"{program}: no URL specified!\n", code=2)
    network = place.world.kubelet.network
    host = url.split("://", 1)[1].split("/")[0]
    if host.split(":")[0] in ("localhost", "127.0.0.1", place.run.ip):
        port = int(host.partition(":")[2] or 80)
        answer = network.ask_pod(place.run, port, "/" + url.split("://", 1)[1].partition("/")[2])
    else:
        answer = network.call(place.run.namespace, url, _TIMEOUT, client=place.run)
    if answer.status:
        failed = answer.status >= 400 and (program == "wget" or "-f" in words)
        return Ended("" if failed else answer.body, "", 22 if failed else 0, answer.seconds)
    if answer.why == "name resolution":
        why = f"(6) Could not resolve host: {host.split(':')[0]}"
        return Ended(err=f"{program}: {why}\n", code=6, seconds=answer.seconds)
    if answer.why == "connection refused":
        why = f"(7) Failed to connect to {host.replace(':', ' port ')}: Connection refused"
        return Ended(err=f"{program}: {why}\n", code=7, seconds=answer.seconds)
    return Ended(err=f"{program}: (28) Operation timed out\n", code=28, seconds=answer.seconds)


def _python(place: Place, words: list[str]) -> Ended:
    """The stand-in program's own check of itself."""
    if words[-1:] != ["check"] or place.item.settings is None:
        return _unknown("python3")
    settings = place.item.settings
    answer = place.world.kubelet.network.ask_pod(place.run, settings.port, settings.health_path)
    return Ended("ok\n" if answer.status == 200 else f"{answer.why}\n", "", int(answer.status != 200), answer.seconds)


def _date(place: Place, _: list[str]) -> Ended:
    now = place.world.clock.now
    day = f"{_DAYS[now.weekday()]} {MONTHS[now.month - 1]} {now.day:>2}"
    return Ended(f"{day} {now:%H:%M:%S} UTC {now.year}\n")


def _sleep(_: Place, words: list[str]) -> Ended:
    amount = words[0] if words else ""
    if not amount.replace(".", "", 1).isdecimal():
        return Ended(err=f"sleep: invalid time interval '{amount}'\n", code=1)
    return Ended(seconds=float(amount))


def _echo(_: Place, words: list[str]) -> Ended:
    end = "" if words[:1] == ["-n"] else "\n"
    return Ended(" ".join(words if end else words[1:]) + end)


def _ps(place: Place, _: list[str]) -> Ended:
    argv = [*(place.item.spec.get("command") or ()), *(place.item.spec.get("args") or ())]
    return Ended(f"  PID TTY          TIME CMD\n    1 ?        00:00:00 {' '.join(argv) or place.item.command}\n")


_COMMANDS: dict[str, Callable[[Place, list[str]], Ended]] = {
    **FILING,
    "true": lambda place, words: Ended(),
    "false": lambda place, words: Ended(code=1),
    "echo": _echo,
    "env": _env,
    "printenv": _env,
    "hostname": lambda place, words: Ended(f"{place.run.ip if words == ['-i'] else place.run.name}\n"),
    "whoami": lambda place, words: Ended("root\n"),
    "id": lambda place, words: Ended("uid=0(root) gid=0(root) groups=0(root)\n"),
    "pwd": lambda place, words: Ended(f"{place.folder}\n"),
    "uname": lambda place, words: Ended(f"Linux {place.run.name} 6.1.0 x86_64 GNU/Linux\n" if words else "Linux\n"),
    "ps": _ps,
    "date": _date,
    "sleep": _sleep,
    "curl": lambda place, words: _fetch(place, words, "curl"),
    "wget": lambda place, words: _fetch(place, words, "wget"),
    "python3": _python,
}
