"""Programs in a container that somebody talks with: they read as it comes, and print as they go.

Most programs of commands.py are done at once. Those that read their standard input wait for its end; cat, tar and a
shell do not.
"""

from __future__ import annotations

from ..api.sessions import Ended
from . import archive
from .commands import SHELLS, execute, shell_in, startable
from .filters import FILTERS
from .place import Place

_PROMPT = "# "
_END_OF_INPUT, _INTERRUPT = "\x04", "\x03"


class Process:
    """One program. ``said``: (out or err, text) that nobody has taken yet. ``code``: None while it runs.
    ``seconds`` (virtual) pass until what it said is there."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.code: int | None = None
        self.seconds = 0.0

    def feed(self, text: str) -> None:
        """More of its standard input (``surrogateescape``)."""

    def close(self) -> None:
        """The end of its standard input."""

    def _end(self, ended: Ended) -> None:
        self._say(ended)
        self.code = ended.code

    def _say(self, ended: Ended) -> None:
        self.said += [(name, text) for name, text in (("out", ended.out), ("err", ended.err)) if text]
        self.seconds += ended.seconds


def begin(place: Place, argv: list[str], reads: bool, tty: bool) -> Process:
    """``reads``: somebody has its standard input. Raises CannotStart."""
    name = startable(place, argv[0]) if argv else ""
    if name in SHELLS and reads and "-c" not in argv:
        return _Interactive(place, name, tty)
    if name == "cat" and reads and not argv[1:]:
        return _Echo()
    if name == "tar" and reads:
        return _Unpacking(place, argv)
    if name in FILTERS and reads and not _names_files(argv):
        return _Waiting(place, argv)
    return _Done(execute(place, argv))


def _names_files(argv: list[str]) -> bool:
    """Whether a filter reads files; grep's first word is what it looks for, tee writes to those that it names."""
    named = [word for word in argv[1:] if not word.startswith("-")]
    return len(named) > {"grep": 1, "tee": len(named)}.get(argv[0].rpartition("/")[2], 0)


class _Done(Process):
    def __init__(self, ended: Ended) -> None:
        super().__init__()
        self._end(ended)


class _Waiting(Process):
    """Does its work when there is nothing more to read."""

    def __init__(self, place: Place, argv: list[str]) -> None:
        super().__init__()
        self._place, self._argv, self._read = place, argv, ""

    def feed(self, text: str) -> None:
        self._read += text

    def close(self) -> None:
        if self.code is None:
            self._end(execute(self._place, self._argv, self._read))


class _Unpacking(_Waiting):
    """tar, which is done with the end of the archive."""

    def feed(self, text: str) -> None:
        super().feed(text)
        if archive.is_whole(self._read.encode("utf-8", "surrogateescape")):
            self.close()


class _Echo(Process):
    def feed(self, text: str) -> None:
        self.said.append(("out", text))

    def close(self) -> None:
        self.code = 0


class _Interactive(Process):
    """A shell that does line by line what it is told. On a terminal it shows a prompt and what is typed."""

    def __init__(self, place: Place, name: str, tty: bool) -> None:
        super().__init__()
        self._shell, self._tty, self._line = shell_in(place, name), tty, ""
        self._prompt()

    def feed(self, text: str) -> None:
        for sign in text.replace("\r\n", "\n"):
            if self.code is not None:
                return
            self._take("\n" if sign == "\r" else sign)

    def close(self) -> None:
        if self.code is None and self._line:
            self._run()
        if self.code is None:
            self.code = self._shell.code

    def _take(self, sign: str) -> None:
        if self._tty and sign == _END_OF_INPUT:
            if not self._line:
                self.close()
        elif self._tty and sign == _INTERRUPT:
            self.said.append(("out", "^C\n"))
            self._line = ""
            self._prompt()
        elif self._tty and sign in ("\x7f", "\b"):
            if self._line:
                self._line = self._line[:-1]
                self.said.append(("out", "\b \b"))
        else:
            if self._tty:
                self.said.append(("out", sign))
            if sign == "\n":
                self._run()
            else:
                self._line += sign

    def _run(self) -> None:
        self._say(self._shell.run(self._line))
        self._line = ""
        if self._shell.left:
            self.code = self._shell.code
        else:
            self._prompt()

    def _prompt(self) -> None:
        if self._tty:
            self.said.append(("out", _PROMPT))
