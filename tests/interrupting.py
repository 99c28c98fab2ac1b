"""Interrupts a remediation at a moment, and says what it left behind that it should not have.

A Moment is a station, seconds after that station began, and how it is interrupted. The play runs with folders
of its own for everything temporary, which are looked through afterwards, and carries them in the environment
of all its processes, by which these are found.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from staging import Place, ScriptedModel, patch

STATIONS = {
    "probe": "  probe    looking at",
    "write": "  write    attempt 1: the model reads",
    "gate": "  write    attempt 1: wrong image tag",
    "snapshot": "  gate     attempt 1: passed",
    "run": "  run      attempt 1: running",
    "task": "  run      attempt 1: Patch",
    "verify": "  verify   attempt 1: watching",
    "undo": "  undo     attempt 1: restoring",
}
"""Each station, and the line of output with which it begins; ``task`` is a task of the run under way."""

SIGNALS = ("SIGINT", "SIGTERM", "SIGKILL")
OTHERS = ("SIGHUP", "Ctrl-C", "Ctrl-C twice", "reader gone", "worker SIGKILL", "worker SIGKILL")
"""Ctrl-C goes to the group of ansible-playbook, as a terminal does it; the worker is Ansible's own fork."""

SECONDS_TO_CLEAR = 30.0
"""In which everything must be gone, however it was interrupted: the undo is part of that."""


@dataclass(frozen=True)
class Moment:
    station: str
    seconds: float
    way: str

    def __str__(self) -> str:
        return f"{self.way} {self.seconds:.2f} s into {self.station}"


@dataclass
class Aftermath:
    """What was found: the outcome in episode.json, the seconds until all was clear, and what is wrong."""

    moment: Moment
    outcome: str = ""
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def moments(rng: random.Random, rounds: int = 1) -> list[Moment]:
    """A round is each signal in each station and each other way in some station, at random offsets: 30 moments."""
    found = []
    for _ in range(rounds):
        pairs = [(station, signal) for station in STATIONS for signal in SIGNALS]
        pairs += [(rng.choice(list(STATIONS)), other) for other in OTHERS]
        for station, way in pairs:
            # Ansible cannot go on where its fork dies with a message half sent, as it may do right after a line.
            earliest = 0.05 if way == "worker SIGKILL" else 0.0
            longest = 0.15 if station in ("gate", "snapshot") else 0.6
            found.append(Moment(station, rng.uniform(earliest, longest), way))
    return found


def interrupt(
    root: Path, folder: Path, place: Place, model: ScriptedModel, moment: Moment, *, own_model: str = ""
) -> Aftermath:
    """Breaks the service, starts the play, interrupts it, and looks at what is left.

    ``own_model``: whom to ask in place of the scripted model. That one's answer does not help, so that it is
    undone even where the interruption comes too late; another model may well resolve it then.
    """
    place.break_image()
    model.answers = [patch(place, place.worse)]
    after = Aftermath(moment)
    environment = _environment(folder)
    process = _start(root, folder, place, own_model or model.url, environment)
    reached = _follow(process, STATIONS[moment.station])
    if not reached:
        after.problems.append("the station was not reached")
    time.sleep(moment.seconds)
    started = time.monotonic()
    _strike(process, moment.way)
    _wait_for_end(process, after)
    _wait_until_clear(folder, place, after)
    after.seconds = time.monotonic() - started
    _end_worker(folder)
    _judge(folder, place, moment, after, environment)
    return after


def _environment(folder: Path) -> dict[str, str]:
    for name in ("tmp", "ansible", "state", "run"):
        (folder / name).mkdir(parents=True)
    return {
        **os.environ,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOME": str(folder / "ansible"),
        "TMPDIR": str(folder / "tmp"),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_RUNTIME_DIR": str(folder / "run"),  # of the model worker, which may stay
    }


def _start(root: Path, folder: Path, place: Place, model: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    given = {
        "report": "cart does not answer",
        "remediate_namespace": place.namespace,
        "remediate_out": str(folder / "out"),
        "remediate_settle": 1,
        "remediate_attempts": 1,
        "remediate_model": model,
        "remediate_kubeconfig": place.kubeconfig,
    }
    return subprocess.Popen(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            str(root / "playbooks" / "remediate.yml"),
            "-e",
            json.dumps(given),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=environment,
        start_new_session=True,  # a process group of its own, as a shell gives it
        preexec_fn=_hears_all_signals,
    )


def _hears_all_signals() -> None:
    """Under nohup, or in the background of a script, a program's children are born deaf to these."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _follow(process: subprocess.Popen[str], line: str) -> bool:
    """Reads the output until ``line`` comes."""
    assert process.stdout is not None
    return any(said.startswith(line) for said in process.stdout)


def _strike(process: subprocess.Popen[str], way: str) -> None:
    with contextlib.suppress(ProcessLookupError):
        if way == "Ctrl-C":
            os.killpg(process.pid, signal.SIGINT)
        elif way == "Ctrl-C twice":
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.2)
            os.killpg(process.pid, signal.SIGINT)
        elif way == "reader gone":
            pass  # see _wait_for_end: it stops reading
        elif way == "worker SIGKILL":
            for child in _children(process.pid):
                os.kill(child, signal.SIGKILL)
        else:
            process.send_signal(signal.Signals[way])


def _wait_for_end(process: subprocess.Popen[str], after: Aftermath) -> None:
    assert process.stdout is not None
    try:
        if after.moment.way == "reader gone":
            process.stdout.close()
            process.wait(60)
            return
        last_words, _ = process.communicate(timeout=60)  # until all who could write have gone
        if "Traceback (most recent call last)" in last_words:
            after.problems.append("a traceback: " + last_words[-2000:])
    except subprocess.TimeoutExpired:
        after.problems.append("ansible-playbook did not end")
        process.kill()
        process.wait()


def _end_worker(folder: Path) -> None:
    for lock in (folder / "run").rglob("*.lock"):
        with contextlib.suppress(ValueError, ProcessLookupError):
            os.kill(int(lock.read_text()), signal.SIGTERM)


def _wait_until_clear(folder: Path, place: Place, after: Aftermath) -> None:
    deadline = time.monotonic() + SECONDS_TO_CLEAR
    while time.monotonic() < deadline:
        if not any(_left(folder, place)):
            return
        time.sleep(0.1)
    after.problems += _left(folder, place)


def _left(folder: Path, place: Place) -> Iterator[str]:
    """Processes, files and locks that should not be there any more."""
    yield from (f"process {command}" for command in processes(str(folder)))
    yield from (f"file {path}" for path in (folder / "tmp").iterdir())
    if (folder / "ansible" / "tmp").is_dir():
        yield from (f"file {path}" for path in (folder / "ansible" / "tmp").iterdir())
    yield from (f"file {path}" for path in (folder / "out").rglob(".*"))
    yield from (f"lock {who}" for who in holders(place))


def _judge(folder: Path, place: Place, moment: Moment, after: Aftermath, environment: dict[str, str]) -> None:
    """Whole, or undoable by one command; and episode.json says how it ended."""
    episode = _read(folder / "out" / "episode.json")
    after.outcome = str(episode.get("outcome", "no episode.json"))
    killed = moment.way == "worker SIGKILL"
    expected = {"running"} if killed else {"cancelled", "exhausted", "resolved"}
    if after.outcome not in expected:
        after.problems.append(f"episode.json says {after.outcome}: {episode.get('message')}")
    if place.image() == place.bad or after.outcome == "resolved":
        return
    if not killed:
        after.problems.append(f"the image is {place.image()}, which was {place.bad}")
        return
    undone = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), str(folder / "out" / "attempt-1" / "undo.yml")],
        env={**environment, "K8S_AUTH_KUBECONFIG": place.kubeconfig},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if undone.returncode or place.image() != place.bad:
        after.problems.append(f"its undo does not restore it: {undone.stdout[-500:]}")


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def holders(place: Place) -> list[str]:
    """Who holds a Lease that has not expired."""
    now = place.cluster.now()
    found = []
    for lease in place.cluster.list("Lease", place.namespace):
        spec = lease["spec"]
        if not spec.get("holderIdentity"):
            continue
        renewed = datetime.fromisoformat(spec["renewTime"].replace("Z", "+00:00"))
        if renewed + timedelta(seconds=spec["leaseDurationSeconds"]) > now:
            found.append(str(spec["holderIdentity"]))
    return found


def processes(marker: str) -> list[str]:
    """Command lines of processes that carry ``marker`` in their arguments or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            about = command + (entry / "environ").read_bytes()
            if marker.encode() in about and b".model.worker" not in command:
                found.append(f"{entry.name} {command.replace(bytes(1), b' ').decode('utf-8', 'replace')[:200]}")
    return found


def _children(parent: int) -> Sequence[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return []


def wait_for(holds: Callable[[], object], seconds: float = 30.0) -> None:
    """Waits for what other processes do."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
