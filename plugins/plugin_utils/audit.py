# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The audit log: one JSON line an Episode, each carrying the hash of the one before.

Whoever changes, removes or reorders a line breaks the chain from there on. What the chain alone
cannot show is the removal of the last lines: keep the latest hash elsewhere for that.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..module_utils.errors import InputError

START = "0" * 64


def append(path: str | Path, entry: Mapping[str, Any]) -> str:
    """Appends an entry and returns its hash; safe against others who append at the same time."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise InputError(
            f"The audit log {path} cannot be written ({error.strerror}).", "Choose another place for it."
        ) from error
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        last = None
        for line in file:
            last = line
        before = json.loads(last)["hash"] if last else START
        digest = _hash(before, entry)
        file.write(json.dumps({"before": before, "entry": entry, "hash": digest}, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return digest


def verify(path: str | Path) -> tuple[str, ...]:
    """What is wrong with the chain, one line each; empty when it is whole."""
    problems: list[str] = []
    before = START
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"The audit log {path} cannot be read ({error.strerror}).", "Check the path.") from error
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            if record["before"] != before:
                problems.append(f"line {number} does not follow the line before it")
            if record["hash"] != _hash(record["before"], record["entry"]):
                problems.append(f"line {number} was changed")
            before = record["hash"]
        except (ValueError, KeyError, TypeError):
            problems.append(f"line {number} is not a record")
    return tuple(problems)


def _hash(before: str, entry: Mapping[str, Any]) -> str:
    return sha256((before + json.dumps(entry, sort_keys=True)).encode()).hexdigest()
