# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""report.html: an Episode on one page, for whoever is on call, made from what its folder holds.

One file that loads nothing and runs nothing: its policy (Content-Security-Policy) allows the one style sheet in it.
The template escapes all that it prints; links and sizes are made of numbers alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..module_utils.errors import InputError
from .artefacts import SCHEMA, Folder
from .html_room import Room
from .html_text import visible
from .html_view import view

FILE = "report.html"
_EPISODE = "episode.json"
_TEMPLATES = Path(__file__).parent / "templates"
MOST_CHARACTERS = 400_000
"""What does not fit is left out, and the page says where it is."""
_MAX_BYTES = 64 << 20
_MOST_OF_A_FILE = 200_000


def write_report(path: str | Path) -> Path:
    """Writes report.html beside episode.json and returns its path; InputError where that cannot be."""
    folder = folder_of(path)
    return Folder(folder).file(FILE, render(read_episode(folder), folder))


def prepare() -> None:
    """Does ahead what does not depend on an Episode: a tenth of a second of compiling the template."""
    _template()


def folder_of(path: str | Path) -> Path:
    """The folder of an Episode, from it or from anything in it."""
    given = Path(path).expanduser().absolute()
    for folder in (given, given.parent, given.parent.parent):
        if (folder / _EPISODE).is_file():
            return folder
    raise InputError(f"{given} has no {_EPISODE}.", "Give the folder that a remediation left (out, remediate_out).")


def read_episode(folder: Path) -> dict[str, Any]:
    """episode.json as data; InputError where it is not what this version reads."""
    source = folder / _EPISODE
    try:
        if source.stat().st_size > _MAX_BYTES:
            raise InputError(f"{source} is larger than 64 MB.", "Is it the right file?")
        document = json.loads(source.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{source} cannot be read ({error.strerror}).", "Check its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source} is not JSON: {error}.", "Was it cut short, or edited?") from error
    form = document.get("schema") if isinstance(document, dict) else None
    if form != SCHEMA:
        raise InputError(
            f"{source} is of form {form!r}; this version reads form {SCHEMA}.",
            "Use the version of e2ereme that wrote it.",
        )
    return dict(document)


def render(document: Mapping[str, Any], folder: Path) -> str:
    """The page for an episode.json, with what lies beside it in ``folder``; InputError where it lacks something."""
    style, template = _template()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    room = Room()
    try:
        document = visible(document)
        while True:
            seen = view(document, folder, lambda name: _beside(folder, name), room)
            page = str(template.render(seen, style=style, style_digest=digest))
            if len(page) <= MOST_CHARACTERS or room == room.halved():
                return page
            room = room.halved()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{folder / _EPISODE} lacks something: {type(error).__name__} {error}.", "Was it edited?"
        ) from error


def _beside(folder: Path, name: str) -> str:
    """The text of a file of the Episode; empty where there is none, cut where it is huge."""
    try:
        with open(folder / name, encoding="utf-8", errors="replace") as file:
            return str(visible(file.read(_MOST_OF_A_FILE)))
    except OSError:
        return ""


@lru_cache(maxsize=1)
def _template() -> tuple[str, Any]:
    """The style sheet and the compiled template."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (_TEMPLATES / "report.css").read_text("utf-8")
    return re.sub(r"\s*\n\s*", "\n", style), environment.get_template("report.html.j2")
