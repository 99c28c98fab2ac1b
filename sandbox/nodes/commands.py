"""Commands that somebody runs inside a container: the few that people look around with, imitated."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..api.sessions import CannotStart, Ended
from ..controllers.world import World
from .references import MissingReference, environment, folders, mounts, text_at
from .run import ContainerRun, PodRun

Object = dict[str, Any]

_TIMEOUT = 5.0
_SHELL_SIGNS = set("|&;<>$`(){}*?")
_NOT_IMITATED = ("sh", "bash", "tail", "nginx", "redis-server", "ps", "top", "dd", "ping", "nc", "ip", "stress-ng")
"""What images have, and the sandbox says that it has not."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class _Place:
    world: World
    run: PodRun
    item: ContainerRun
    pod: Object

    @property
    def variables(self) -> dict[str, str]:
        try:
            told = environment(self.world, self.pod, self.item.spec)
        except MissingReference:  # gone since it started; what it was started with is not kept
            told = {}
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "HOSTNAME": self.run.name, **told, "HOME": "/root"}

    def text(self, path: str) -> str | None:
        """A file of the container, as far as the sandbox knows its files."""
        space, cluster = self.run.namespace, "svc.cluster.local"
        known = {
            "/etc/hostname": f"{self.run.name}\n",
            "/etc/resolv.conf": f"search {space}.{cluster} {cluster} cluster.local\n"
            "nameserver 10.96.0.10\noptions ndots:5\n",
            "/etc/hosts": f"# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n{self.run.ip}\t{self.run.name}\n",
        }
        return known.get(path) or text_at(self.world, self.pod, self.item.spec, path)


def execute(world: World, run: PodRun, item: ContainerRun, argv: list[str]) -> Ended:
    """Raises CannotStart."""
    if not argv:
        raise CannotStart("args must not be empty")
    pod = world.store.get("Pod", run.namespace, run.name) or {}
    place = _Place(world, run, item, pod)
    name = argv[0].rsplit("/", 1)[-1]
    if name not in _COMMANDS and name not in _NOT_IMITATED:
        raise CannotStart(f'unable to start container process: exec: "{argv[0]}": executable file not found in $PATH')
    return _imitated(place, name, argv[1:])


def _imitated(place: _Place, name: str, words: list[str]) -> Ended:
    if name in ("sh", "bash"):
        return _shell(place, name, words)
    command = _COMMANDS.get(name)
    return command(place, words) if command else _unknown(name)


def _unknown(name: str) -> Ended:
    return Ended(err=f"the sandbox does not imitate {name} in a container\n", code=126)


def _shell(place: _Place, shell: str, words: list[str]) -> Ended:
    if words[:1] != ["-c"] or len(words) < 2:
        return Ended() if not words else _unknown(shell)
    try:
        inner = shlex.split(words[1])
    except ValueError:
        return Ended(err=f"{shell}: 1: Syntax error: Unterminated quoted string\n", code=2)
    if set(words[1]) & _SHELL_SIGNS:
        return _unknown(f"{shell} -c with more than one plain command")
    if not inner:
        return Ended()
    name = inner[0].rsplit("/", 1)[-1]
    if name not in _COMMANDS and name not in _NOT_IMITATED:
        return Ended(err=f"{shell}: 1: {inner[0]}: not found\n", code=127)
    return _imitated(place, name, inner[1:])


def _env(place: _Place, words: list[str]) -> Ended:
    if not words:
        return Ended("".join(f"{name}={value}\n" for name, value in place.variables.items()))
    values = [place.variables.get(word) for word in words]
    return Ended("".join(f"{value}\n" for value in values if value is not None), code=int(None in values))


def _cat(place: _Place, words: list[str]) -> Ended:
    out, err = "", ""
    for word in words:
        text = place.text(word)
        out += text or ""
        err += "" if text is not None else f"cat: {word}: No such file or directory\n"
    return Ended(out, err, int(bool(err)))


def _ls(place: _Place, words: list[str]) -> Ended:
    wanted = [word for word in words if not word.startswith("-")] or ["/"]
    files = mounts(place.world, place.pod, place.item.spec)
    there = folders(place.pod, place.item.spec) | {path.rsplit("/", 1)[0] for path in files}
    out, err = "", ""
    for folder in (word.rstrip("/") for word in wanted):
        below = [path[len(folder) + 1 :] for path in files | there if path.startswith(f"{folder}/")]
        names = sorted({path.split("/")[0] for path in below})
        if folder in files:
            names = [folder]
        elif not names and folder not in there and folder:
            err += f"ls: cannot access '{folder}': No such file or directory\n"
        out += "".join(f"{name}\n" for name in names)
    return Ended(out, err, 2 if err else 0)


def _fetch(place: _Place, words: list[str], program: str) -> Ended:
    url = next((word for word in words if "://" in word), "")
    if not url:
        return Ended(err=f"{program}: no URL specified!\n", code=2)
    answer = place.world.kubelet.network.call(place.run.namespace, url, _TIMEOUT, client=place.run)
    host = url.split("://", 1)[1].split("/")[0]
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


def _python(place: _Place, words: list[str]) -> Ended:
    """The stand-in program's own check of itself."""
    if words[-1:] != ["check"] or place.item.settings is None:
        return _unknown("python3")
    settings = place.item.settings
    answer = place.world.kubelet.network.ask_pod(place.run, settings.port, settings.health_path)
    return Ended("ok\n" if answer.status == 200 else f"{answer.why}\n", "", int(answer.status != 200), answer.seconds)


def _date(place: _Place, _: list[str]) -> Ended:
    now = place.world.clock.now
    day = f"{_DAYS[now.weekday()]} {_MONTHS[now.month - 1]} {now.day:>2}"
    return Ended(f"{day} {now:%H:%M:%S} UTC {now.year}\n")


def _sleep(_: _Place, words: list[str]) -> Ended:
    amount = words[0] if words else ""
    if not amount.replace(".", "", 1).isdecimal():
        return Ended(err=f"sleep: invalid time interval '{amount}'\n", code=1)
    return Ended(seconds=float(amount))


_COMMANDS: dict[str, Callable[[_Place, list[str]], Ended]] = {
    "true": lambda place, words: Ended(),
    "false": lambda place, words: Ended(code=1),
    "echo": lambda place, words: Ended(" ".join(words) + "\n"),
    "env": _env,
    "printenv": _env,
    "cat": _cat,
    "ls": _ls,
    "hostname": lambda place, words: Ended(f"{place.run.name}\n"),
    "whoami": lambda place, words: Ended("root\n"),
    "pwd": lambda place, words: Ended("/\n"),
    "date": _date,
    "sleep": _sleep,
    "curl": lambda place, words: _fetch(place, words, "curl"),
    "wget": lambda place, words: _fetch(place, words, "wget"),
    "python3": _python,
}
