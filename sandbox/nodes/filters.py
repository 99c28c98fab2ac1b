"""Programs that read texts, from files or from what others write: cat, head, tail, wc, grep, sort and the like."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from itertools import groupby

from ..api.sessions import Ended
from .files import Files

Filter = Callable[[Files, Callable[[str], str], list[str], str], Ended]
"""(files, from a word to its path, words, standard input) -> what it came to."""

_ENDLESS = 86400.0  # seconds of what somebody must end by himself


def _read(name: str, act: Callable[[str, str, list[str]], str], counted: str = "") -> Filter:
    """A program that does ``act(text, file's name, options)`` to each file, or to what it is given. ``counted``: the
    options after which a value comes."""

    def run(files: Files, at: Callable[[str], str], words: list[str], given: str) -> Ended:
        options, paths = _options(words, counted)
        out, err = "", ""
        for path in paths or ["-"]:
            text = given if path == "-" else files.text(at(path))
            if text is None:
                why = "Is a directory" if files.is_folder(at(path)) else "No such file or directory"
                err += f"{name}: {path}: {why}\n"
            else:
                out += act(text, "" if path == "-" else path, options)
        return Ended(out, err, int(bool(err)))

    return run


def _options(words: list[str], counted: str) -> tuple[list[str], list[str]]:
    options: list[str] = []
    paths: list[str] = []
    rest = iter(words)
    for word in rest:
        if word.startswith("-") and word != "-":
            options.append(word + next(rest, "") if len(word) == 2 and word[1] in counted else word)
        else:
            paths.append(word)
    return options, paths


def _number(options: list[str]) -> int:
    """How many lines somebody wants: -3, -n3."""
    found = [int(digits[1]) for option in options if (digits := re.fullmatch(r"-n?(\d+)", option))]
    return found[-1] if found else 10


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _head(text: str, _: str, options: list[str]) -> str:
    return "".join(_lines(text)[: _number(options)])


def _tail_of(text: str, _: str, options: list[str]) -> str:
    count = _number(options)
    return "".join(_lines(text)[-count:]) if count else ""


def _tail(files: Files, at: Callable[[str], str], words: list[str], given: str) -> Ended:
    ended = _read("tail", _tail_of, "n")(files, at, [word for word in words if word not in ("-f", "-F")], given)
    follows = not ended.code and bool({"-f", "-F"} & set(words))
    return Ended(ended.out, ended.err, ended.code, _ENDLESS if follows else 0.0)


def _count(text: str, path: str, options: list[str]) -> str:
    size = len(text.encode("utf-8", "surrogateescape"))
    numbers = {"-l": text.count("\n"), "-w": len(text.split()), "-c": size}
    shown = [str(number) for sign, number in numbers.items() if not options or sign in options]
    return f"{' '.join(shown)}{f' {path}' if path else ''}\n"


def _sorted(text: str, _: str, options: list[str]) -> str:
    lines = sorted(text.splitlines(), reverse="-r" in options)
    return "".join(f"{line}\n" for line in (dict.fromkeys(lines) if "-u" in options else lines))


def _unique(text: str, _: str, options: list[str]) -> str:
    runs = [(line, len(list(run))) for line, run in groupby(text.splitlines())]
    return "".join(f"{count:>7} {line}\n" if "-c" in options else f"{line}\n" for line, count in runs)


def _sum(kind: str) -> Callable[[str, str, list[str]], str]:
    def summed(text: str, path: str, _: list[str]) -> str:
        digest = hashlib.new(kind, text.encode("utf-8", "surrogateescape"), usedforsecurity=False)
        return f"{digest.hexdigest()}  {path or '-'}\n"

    return summed


def _base64(text: str, _: str, options: list[str]) -> str:
    data = text.encode("utf-8", "surrogateescape")
    if not {"-d", "--decode"} & set(options):
        coded = base64.b64encode(data).decode()
        return "".join(f"{coded[at : at + 76]}\n" for at in range(0, len(coded), 76))
    try:
        return base64.b64decode(data).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return ""


def _grep(files: Files, at: Callable[[str], str], words: list[str], given: str) -> Ended:
    options, rest = _options(words, "")
    signs = {sign for option in options for sign in option.lstrip("-")}
    if not rest:
        return Ended(err="Usage: grep [OPTION]... PATTERNS [FILE]...\n", code=2)
    pattern, *paths = rest
    try:
        wanted = re.compile(re.escape(pattern) if "F" in signs else pattern, re.IGNORECASE if "i" in signs else 0)
    except re.error as error:
        return Ended(err=f"grep: {error}\n", code=2)
    found: list[str] = []
    err = ""
    for path in paths or ["-"]:
        text = given if path == "-" else files.text(at(path))
        if text is None:
            err += f"grep: {path}: No such file or directory\n"
            continue
        start = f"{path}:" if len(paths) > 1 else ""
        lines = [line for line in text.splitlines() if bool(wanted.search(line)) != ("v" in signs)]
        found += [f"{start}{len(lines)}"] if "c" in signs else [f"{start}{line}" for line in lines]
    out = "" if "q" in signs else "".join(f"{line}\n" for line in found)
    return Ended(out, err, 2 if err else int(not found))


def _tee(files: Files, at: Callable[[str], str], words: list[str], given: str) -> Ended:
    err = ""
    for word in words:
        if word == "-a":
            continue
        before = (files.text(at(word)) or "") if "-a" in words else ""
        why = files.write(at(word), before + given)
        err += f"tee: {word}: {why}\n" if why else ""
    return Ended(given, err, int(bool(err)))


FILTERS: dict[str, Filter] = {
    "cat": _read("cat", lambda text, path, options: text),
    "head": _read("head", _head, "n"),
    "tail": _tail,
    "wc": _read("wc", _count),
    "sort": _read("sort", _sorted),
    "uniq": _read("uniq", _unique),
    "md5sum": _read("md5sum", _sum("md5")),
    "sha256sum": _read("sha256sum", _sum("sha256")),
    "base64": _read("base64", _base64),
    "grep": _grep,
    "tee": _tee,
}
