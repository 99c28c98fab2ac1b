"""tar in a container: what kubectl cp and k8s_cp pack and unpack with."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

from ..api.sessions import Ended
from .files import Files

_BLOCK = 512
_ONLY_WORDS = ("-C", "--directory")


def packed(files: Files, at: Callable[[str], str], words: list[str]) -> Ended:
    """An archive of files and folders, on the standard output."""
    folder, names = _asked(words)
    sink, err = io.BytesIO(), ""
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in names:
            path = at(f"{folder}/{name}") if folder and not name.startswith("/") else at(name)
            text = files.text(path)
            if text is None and not files.is_folder(path):
                err += f"tar: {name}: Cannot stat: No such file or directory\n"
                continue
            if name.startswith("/"):
                err += "tar: Removing leading `/' from member names\n"
            shown = name.strip("/") or "."
            if text is None:
                archive.addfile(_entry(shown, tarfile.DIRTYPE, 0))
            for inside in [path] if text is not None else files.below(path):
                data = (files.text(inside) or "").encode("utf-8", "surrogateescape")
                archive.addfile(_entry(f"{shown}{inside[len(path) :]}", tarfile.REGTYPE, len(data)), io.BytesIO(data))
    missing = "Cannot stat" in err
    err += "tar: Exiting with failure status due to previous errors\n" if missing else ""
    return Ended(sink.getvalue().decode("utf-8", "surrogateescape"), err, 2 if missing else 0)


def unpacked(files: Files, at: Callable[[str], str], words: list[str], given: str) -> Ended:
    folder, _ = _asked(words)
    base = at(folder or ".")
    if not files.is_folder(base):
        why = f"tar: {folder}: Cannot open: No such file or directory\n"
        return Ended(err=f"{why}tar: Error is not recoverable: exiting now\n", code=2)
    err = ""
    try:
        with tarfile.open(fileobj=io.BytesIO(given.encode("utf-8", "surrogateescape"))) as archive:
            for member in archive:
                path = at(f"{base}/{member.name}")
                if member.isdir():
                    files.make_folder(path)
                    continue
                found = archive.extractfile(member)
                if found is None:
                    continue
                files.make_folder(path.rpartition("/")[0])
                why = files.write(path, found.read().decode("utf-8", "surrogateescape"))
                err += f"tar: {member.name}: Cannot open: {why}\n" if why else ""
    except (tarfile.TarError, EOFError):
        return Ended(err="tar: This does not look like a tar archive\n", code=2)
    err += "tar: Exiting with failure status due to previous errors\n" if err else ""
    return Ended(err=err, code=2 if err else 0)


def is_whole(data: bytes) -> bool:
    """Whether an archive has come to its end, which tar does not read beyond."""
    at = 0
    while at + _BLOCK <= len(data):
        head = data[at : at + _BLOCK]
        if not any(head):
            return True
        size = int(head[124:136].strip(b" \0") or b"0", 8)
        at += _BLOCK * (1 + -(-size // _BLOCK))
    return False


def _asked(words: list[str]) -> tuple[str, list[str]]:
    """The folder that is meant, and the names."""
    folder, names = "", []
    rest = iter(words)
    for number, word in enumerate(rest):
        if word in _ONLY_WORDS:
            folder = next(rest, "")
        elif word.startswith("--"):
            continue
        elif word.startswith("-") or number == 0:
            if word.endswith("f"):
                next(rest, "")  # the archive: standard input or output
        else:
            names.append(word)
    return folder, names


def _entry(name: str, kind: bytes, size: int) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.size = kind, size
    made.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    made.uname = made.gname = "root"
    return made
