# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of a sandbox: its folder, its dump, its recording. What cannot be read or written is an InputError."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..plugins.module_utils.errors import InputError, RunError

if TYPE_CHECKING:
    from ..sandbox.sandbox import Sandbox

_SHOWN = 300  # characters of an answer that came out differently


def folder(path: Path) -> None:
    """Makes a folder where there is none."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be made a folder: {error.strerror}.", "Give another one.") from None


def write(path: Path, text: str) -> None:
    """Writes a file such that it is there as a whole or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", "Give another place.") from None


def write_dump(url: str, path: Path) -> int:
    """Writes the sandbox that runs at ``url`` to a file. Returns its bytes."""
    from ..sandbox.over_http import DUMP, HttpTransport

    answer = HttpTransport(url).request("GET", DUMP)
    if answer.status != 200:
        raise RunError("The sandbox could not be written down.", answer.text())
    folder(path.parent)
    write(path, answer.text())
    return len(answer.body)


def loaded(path: Path) -> Sandbox:
    """The sandbox of a dump."""
    from ..sandbox.dump import BadDump, load

    try:
        return load(path.read_bytes())
    except (OSError, BadDump) as error:
        raise InputError(f"{path} cannot be loaded: {error}.", "Give what e2ereme sandbox dump wrote.") from None


def replay(path: Path, tell: Callable[[str], None]) -> bool:
    """Asks a recording's requests again; ``tell`` hears of each answer that differs, and how many there were. True
    where none differs."""
    from ..sandbox.recording import BadRecording, beginning
    from ..sandbox.recording import replay as ask_again

    try:
        lines = iter(path.read_text("utf-8").splitlines())
        sandbox, same = beginning(lines)
    except (OSError, UnicodeDecodeError, BadRecording) as error:
        raise InputError(f"{path} cannot be replayed: {error}.", "Give what start --record wrote.") from None
    if not same:
        tell(f"recorded with another version of the sandbox: system {sandbox.called} is made anew")
    asked = list(ask_again(sandbox, lines))
    for one in asked:
        if one.same is False:
            tell(f"{one.seconds:.3f} s: {one.method} {one.path}: was {one.before[0]}, is {one.now[0]}")
            tell(f"  was {one.before[1][:_SHOWN]}\n  is  {one.now[1][:_SHOWN]}")
    alike, streams = (sum(one.same is what for one in asked) for what in (True, None))
    tell(f"{len(asked)} requests: {alike} answered alike, {len(asked) - alike - streams} not, {streams} watches")
    return alike + streams == len(asked)
