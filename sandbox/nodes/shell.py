"""A POSIX shell in a container, as far as people use one to look around.

Commands one after the other, && and ||, pipes, redirections, variables, substitution of commands, patterns of file
names. Control structures it does not imitate, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..api.sessions import Ended
from .files import Files, path_from

Program = Callable[[list[str], str, "Shell"], Ended]
"""(words, standard input, the shell that starts it) -> what it came to."""

_SIGNS = ("&&", "||", ">>", "2>&1", "1>&2", "2>>", "2>", "1>", ">&2", ";", "|", "&", ">", "<", "\n")
_LIST = (";", "&&", "||", "&", "\n")
_INTO = (">", ">>", "1>", "2>", "2>>", "<")
_STRUCTURES = ("if", "for", "while", "until", "case", "function", "{", "(", "[[")
_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z_0-9]*)=(.*)", re.DOTALL)


class _Unfinished(Exception):
    """A quotation that does not end."""


@dataclass(frozen=True)
class _Word:
    """Pieces of (text, quoted). A sign stands alone and is not quoted."""

    pieces: tuple[tuple[str, str], ...]  # (quotes: "", "'" or '"'; text)
    sign: str = ""


@dataclass
class _Made:
    out: str = ""
    err: str = ""
    code: int = 0
    seconds: float = 0.0


@dataclass
class Shell:
    """``start`` runs one program. ``left``: somebody said exit."""

    name: str
    files: Files
    start: Program
    variables: dict[str, str]
    folder: str = "/"
    code: int = 0
    left: bool = False

    def run(self, text: str, given: str = "") -> Ended:
        """A script, or a line of one. ``given``: its standard input."""
        made = _Made()
        try:
            words = list(_cut(text))
        except _Unfinished:
            self.code = 2
            return Ended(err=f"{self.name}: 1: Syntax error: Unterminated quoted string\n", code=2)
        before, line = ";", []
        for word in [*words, _Word((), ";")]:
            if word.sign not in _LIST:
                line.append(word)
                continue
            wanted = before in (";", "&", "\n") or (before == "&&") == (self.code == 0)
            if line and wanted and not self.left:
                self._pipe(line, given, made)
            before, line = word.sign if line or not words else before, []
        return Ended(made.out, made.err, self.code, made.seconds)

    def at(self, path: str) -> str:
        """A path as seen from where the shell is."""
        return path_from(self.folder, path)

    # Inside

    def _pipe(self, line: list[_Word], given: str, made: _Made) -> None:
        stages: list[list[_Word]] = [[]]
        for word in line:
            if word.sign == "|":
                stages.append([])
            else:
                stages[-1].append(word)
        for number, stage in enumerate(stages):
            ended = self._stage(stage, given)
            made.err += ended.err
            made.seconds += ended.seconds
            given = ended.out
            if number == len(stages) - 1:
                made.out += ended.out

    def _stage(self, stage: list[_Word], given: str) -> Ended:
        words: list[str] = []
        into: dict[str, tuple[str, bool]] = {}  # out or err -> (path, append)
        joined = ""
        rest = iter(stage)
        for word in rest:
            if word.sign in ("2>&1", "1>&2", ">&2"):
                joined = "err" if word.sign == "2>&1" else "out"
            elif word.sign in _INTO:
                path = self.at("".join(self._spelled(next(rest, _Word((("", ""),))))))
                if word.sign == "<":
                    found = self.files.text(path)
                    if found is None:
                        return self._ended(Ended(err=f"{self.name}: 1: cannot open {path}: No such file\n", code=2))
                    given = found
                else:
                    into["err" if word.sign.startswith("2") else "out"] = (path, word.sign.endswith(">>"))
            elif word.sign:
                return self._ended(Ended(err=f'{self.name}: 1: Syntax error: "{word.sign}" unexpected\n', code=2))
            else:
                words += self._spelled(word)
        return self._ended(self._redirected(self._command(words, given), into, joined))

    def _ended(self, ended: Ended) -> Ended:
        self.code = ended.code
        return ended

    def _redirected(self, ended: Ended, into: Mapping[str, tuple[str, bool]], joined: str) -> Ended:
        out, err = ended.out, ended.err
        if joined == "out":
            out, err = "", err + out
        for part, (path, append) in into.items():
            text = out if part == "out" else err
            if part == "out" and joined == "err":
                text, err = text + err, ""
            if path != "/dev/null":
                old = (self.files.text(path) or "") if append else ""
                why = self.files.write(path, old + text)
                if why:
                    return Ended(err=f"{self.name}: 1: cannot create {path}: {why}\n", code=2)
            out, err = ("", err) if part == "out" else (out, "")
        if joined == "err" and "out" not in into:
            out, err = out + err, ""
        return Ended(out, err, ended.code, ended.seconds)

    def _command(self, words: list[str], given: str) -> Ended:
        set_here: dict[str, str] = {}
        while words and (assigned := _ASSIGNED.fullmatch(words[0])):
            set_here[assigned[1]] = assigned[2]
            words = words[1:]
        if not words:
            self.variables |= set_here
            return Ended()
        name, *rest = words
        if name in _STRUCTURES:
            return Ended(err=f"the sandbox does not imitate {name!r} of a shell in a container\n", code=126)
        if name in ("exit", "exec"):
            if name == "exit" or not rest:
                self.left = name == "exit"
                return Ended(code=int(rest[0]) if rest and rest[0].isdecimal() else self.code)
            ended = self._command(rest, given)
            self.left = True
            return ended
        if name == "cd":
            path = self.at(rest[0] if rest else "/root")
            if not self.files.is_folder(path):
                return Ended(err=f"{self.name}: 1: cd: can't cd to {rest[0]}\n", code=2)
            self.folder = path
            return Ended()
        if name in ("export", "set", "unset", ":", "wait"):
            for word in rest if name == "export" else ():
                if assigned := _ASSIGNED.fullmatch(word):
                    self.variables[assigned[1]] = assigned[2]
            for word in rest if name == "unset" else ():
                self.variables.pop(word, None)
            return Ended()
        before, self.variables = self.variables, {**self.variables, **set_here}
        try:
            return self.start(words, given, self)
        finally:
            self.variables = before

    # Words

    def _spelled(self, word: _Word) -> list[str]:
        """What a word comes to: none, one, or, where it is not quoted, several."""
        made, whole, split = "", False, []
        for quotes, text in word.pieces:
            whole = whole or bool(quotes)
            if quotes == "'":
                made += text
                continue
            value = self._filled(text)
            if quotes or value == text:
                made += value
                continue
            *first, made = f"{made}{value}".split() or [""]
            split += first
        words = [*split, *([made] if made or whole else [])]
        if not whole and any("*" in item or "?" in item for item in words):
            words = [name for item in words for name in (self._matching(item) or [item])]
        return words

    def _matching(self, pattern: str) -> list[str]:
        folder, slash, last = pattern.rpartition("/")
        if "*" in folder or not set(last) & {"*", "?"}:
            return []
        names = self.files.names(self.at(folder or ("/" if slash else ".")))
        hidden = last.startswith(".")
        return [
            f"{folder}{slash}{name}" for name in names if fnmatchcase(name, last) and name.startswith(".") == hidden
        ]

    def _filled(self, text: str) -> str:
        made, at = "", 0
        while at < len(text):
            if text[at] == "\\" and at + 1 < len(text):
                made, at = made + text[at + 1], at + 2
            elif text.startswith("$(", at) or text[at] == "`":
                end = _closing(text, at + 2) if text[at] == "$" else text.find("`", at + 1)
                inner = text[at + (2 if text[at] == "$" else 1) : end]
                made, at = made + self.run(inner).out.rstrip("\n"), end + 1
            elif text[at] == "$" and at + 1 < len(text):
                value, at = self._variable(text, at + 1)
                made += value
            else:
                made, at = made + text[at], at + 1
        return made

    def _variable(self, text: str, at: int) -> tuple[str, int]:
        if text[at] == "?":
            return str(self.code), at + 1
        if text[at] == "$":
            return "1", at + 1
        if text[at] == "{":
            end = text.find("}", at)
            name, default, other = text[at + 1 : end].partition(":-")
            value = self.variables.get(name, "")
            return (value or self._filled(other) if default else value), end + 1
        found = _NAME.match(text, at)
        return (self.variables.get(found[0], ""), found.end()) if found else ("$", at)


def _closing(text: str, at: int) -> int:
    depth = 1
    while at < len(text) and depth:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at - 1


def _cut(text: str) -> Iterator[_Word]:
    """Raises _Unfinished."""
    at = 0
    pieces: list[tuple[str, str]] = []
    while at < len(text):
        sign = next((item for item in _SIGNS if text.startswith(item, at)), "")
        if sign and sign[0] in "12" and pieces:  # a digit at the end of a word
            sign = ""
        if sign or text[at] in " \t" or (text[at] == "#" and not pieces):
            if pieces:
                yield _Word(tuple(pieces))
                pieces = []
            if text[at] == "#":
                at = text.find("\n", at) if "\n" in text[at:] else len(text)
                continue
            if sign:
                yield _Word((), sign)
            at += len(sign) or 1
            continue
        if text[at] in "'\"":
            end = text.find(text[at], at + 1)
            while text[at] == '"' and end > 0 and text[end - 1] == "\\":
                end = text.find('"', end + 1)
            if end < 0:
                raise _Unfinished
            pieces.append((text[at], text[at + 1 : end]))
            at = end + 1
            continue
        end = _plain_end(text, at)
        pieces.append(("", text[at:end]))
        at = end
    if pieces:
        yield _Word(tuple(pieces))


def _plain_end(text: str, at: int) -> int:
    while (
        at < len(text)
        and text[at] not in " \t'\""
        and not any(text.startswith(sign, at) for sign in _SIGNS if sign[0] not in "12")
    ):
        if text.startswith("$(", at):
            at = _closing(text, at + 2) + 1
        elif text[at] == "`":
            at = text.find("`", at + 1) + 1 or len(text)
        else:
            at += 2 if text[at] == "\\" else 1
    return min(at, len(text))
