"""Programs that look at files and folders, make them and take them away."""

from __future__ import annotations

from collections.abc import Callable

from ..api.sessions import Ended
from .archive import packed, unpacked
from .place import Place

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MODES = {"-e": "there", "-f": "file", "-d": "folder", "-r": "there", "-w": "there", "-s": "file", "-x": "there"}


def _ls(place: Place, words: list[str]) -> Ended:
    signs = {sign for word in words if word.startswith("-") for sign in word[1:]}
    wanted = [word for word in words if not word.startswith("-")] or ["."]
    out, err = "", ""
    for word in wanted:
        path = place.at(word)
        if place.files.text(path) is not None or "d" in signs:
            names, where = [word], path.rpartition("/")[0]
        elif place.files.is_folder(path):
            names, where = place.files.names(path), path
            names = [name for name in names if not name.startswith(".") or signs & {"a", "A"}]
            out += f"{word}:\n" if len(wanted) > 1 else ""
        else:
            err += f"ls: cannot access '{word}': No such file or directory\n"
            continue
        out += "".join(_long(place, where, name) if "l" in signs else f"{name}\n" for name in names)
    return Ended(out, err, 2 if err else 0)


def _long(place: Place, folder: str, name: str) -> str:
    text = place.files.text(place.at(f"{folder}/{name.rpartition('/')[2]}"))
    mode, size = (
        ("-rw-r--r-- 1", len(text.encode("utf-8", "surrogateescape"))) if text is not None else ("drwxr-xr-x 2", 4096)
    )
    now = place.world.clock.now
    return f"{mode} root root {size:>6} {MONTHS[now.month - 1]} {now.day:>2} {now:%H:%M} {name}\n"


def _find(place: Place, words: list[str]) -> Ended:
    roots = []
    while words and not words[0].startswith("-"):
        roots.append(words.pop(0))
    kind = words[words.index("-type") + 1] if "-type" in words[:-1] else "f"
    out, err = "", ""
    for root in roots or ["."]:
        path = place.at(root)
        if place.files.text(path) is not None:
            out += f"{root}\n"
        elif not place.files.is_folder(path):
            err += f"find: '{root}': No such file or directory\n"
        elif kind == "f":
            shown = root.rstrip("/")
            out += "".join(f"{shown}{found[len(path.rstrip('/')) :]}\n" for found in place.files.below(path))
    return Ended(out, err, int(bool(err)))


def _test(place: Place, words: list[str]) -> Ended:
    words = words[:-1] if words[-1:] == ["]"] else words
    wrong = words[:1] == ["!"]
    words = words[1:] if wrong else words
    if len(words) == 2 and words[0] in _MODES:
        path = place.at(words[1])
        is_file = place.files.text(path) is not None
        true = {"file": is_file, "folder": not is_file and place.files.is_folder(path)}.get(
            _MODES[words[0]], place.files.there(path)
        )
    elif len(words) == 2 and words[0] in ("-n", "-z"):
        true = bool(words[1]) == (words[0] == "-n")
    elif len(words) == 3:
        one, sign, other = words
        order = int(one) - int(other) if one.lstrip("-").isdecimal() and other.lstrip("-").isdecimal() else 0
        compared = {
            "-eq": order == 0,
            "-ne": order != 0,
            "-gt": order > 0,
            "-lt": order < 0,
            "-ge": order >= 0,
            "-le": order <= 0,
        }
        true = {"=": one == other, "==": one == other, "!=": one != other}.get(sign, compared.get(sign, False))
    else:
        true = bool(words and words[0])
    return Ended(code=int(true == wrong))


def _tar(place: Place, words: list[str]) -> Ended:
    return (
        packed(place.files, place.at, words) if _packs(words) else unpacked(place.files, place.at, words, place.given)
    )


def _packs(words: list[str]) -> bool:
    return "c" in next((word.lstrip("-") for word in words if not word.startswith("--")), "")


def _mkdir(place: Place, words: list[str]) -> Ended:
    for word in words:
        if not word.startswith("-"):
            place.files.make_folder(place.at(word))
    return Ended()


def _touch(place: Place, words: list[str]) -> Ended:
    err = ""
    for word in words:
        if not word.startswith("-") and place.files.text(place.at(word)) is None:
            why = place.files.write(place.at(word), "")
            err += f"touch: cannot touch '{word}': {why}\n" if why else ""
    return Ended(err=err, code=int(bool(err)))


def _rm(place: Place, words: list[str]) -> Ended:
    signs = "".join(word for word in words if word.startswith("-"))
    err = ""
    for word in words:
        if word.startswith("-"):
            continue
        path = place.at(word)
        if place.files.text(path) is None and place.files.is_folder(path) and "r" not in signs.lower():
            err += f"rm: cannot remove '{word}': Is a directory\n"
            continue
        why = place.files.remove(path)
        if why and not (why.startswith("No such") and "f" in signs):
            err += f"rm: cannot remove '{word}': {why}\n"
    return Ended(err=err, code=int(bool(err)))


FILING: dict[str, Callable[[Place, list[str]], Ended]] = {
    "ls": _ls,
    "find": _find,
    "test": _test,
    "[": _test,
    "tar": _tar,
    "mkdir": _mkdir,
    "touch": _touch,
    "rm": _rm,
}
