"""A sandbox as a file, to be gone on with later or elsewhere: what is in it to be read, and all of it to be loaded.

JSON: the time, every object as the API server keeps it (one a line), what is planned, and ``machinery``: all of the
sandbox, these things too, as freezing.py writes it. The same state gives the same bytes. Clients that watch must list
anew after loading, as after a restart of a real API server: the history of changes is not kept.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

from .freezing import Unfreezable, freeze, thaw
from .sandbox import Sandbox

FORMAT = "e2ereme sandbox dump 1"


class BadDump(ValueError):
    """What was to be loaded is no dump, or one of another version of this package."""


def dump(sandbox: Sandbox) -> bytes:
    """Raises freezing.Unfreezable."""
    kinds = sandbox.store.registry.stored
    objects = [_line(obj) for kind in sorted(kinds) for obj in sandbox.store.list(kind)]
    planned = [_line([seconds, what]) for seconds, what in sandbox.clock.planned()]
    machinery = base64.b64encode(zlib.compress(freeze(sandbox), 6)).decode()
    head = {
        "format": FORMAT,
        "code": code_hash(),
        "system": sandbox.called,
        "namespace": getattr(sandbox.system, "namespace", ""),
        "time": sandbox.clock.stamp(),
        "elapsed": sandbox.clock.elapsed,
        "resourceVersion": str(sandbox.store.version),
    }
    parts = [f'"{key}":{_line(value)}' for key, value in head.items()]
    parts += [f'"objects":{_lines(objects)}', f'"planned":{_lines(planned)}', f'"machinery":"{machinery}"']
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def load(data: bytes) -> Sandbox:
    """The sandbox of a dump. Raises BadDump."""
    try:
        found = json.loads(data)
        named = found["format"] if isinstance(found, dict) else None
    except (ValueError, KeyError):
        named = None
    if named != FORMAT:
        raise BadDump("this is no dump of a sandbox")
    if found.get("code") != code_hash():
        raise BadDump("this dump is of another version of the sandbox: only that one can go on with it")
    try:
        sandbox = thaw(zlib.decompress(base64.b64decode(found["machinery"], validate=True)))
    except (Unfreezable, KeyError, ValueError, TypeError, zlib.error) as error:
        raise BadDump(f"this dump is damaged: {error}") from None
    if not isinstance(sandbox, Sandbox):
        raise BadDump("this dump is damaged: there is no sandbox in it")
    return sandbox


@cache
def code_hash() -> str:
    """Of everything that decides how a sandbox goes on: the files of this package."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(here.rglob("*")):
        if path.suffix in (".py", ".json", ".yaml"):
            digest.update(path.relative_to(here).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _line(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _lines(values: list[str]) -> str:
    return "[\n" + ",\n".join(values) + "\n]" if values else "[]"
