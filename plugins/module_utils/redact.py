# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes text from outside safe to show: bounded, on one line, without secrets and without power."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SECRET_NAME = re.compile(
    r"(?:^|[_.-])(?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?key|private_?key|access_?key|credentials?)(?:$|[_.-])",
    re.IGNORECASE,
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|$)", re.DOTALL), "***"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"), "***"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "***"),
    (re.compile(r"\b(?:gh[pousr]_|glpat-|sk-|xox[abp]-)[\w-]{16,}"), "***"),
    (re.compile(r"(://)[^\s/@:]*:[^\s/@]+@"), r"\1***@"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), r"\1 ***"),
    (
        re.compile(
            r"([\w.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key)[\w.-]*[\"']?\s*[=:]\s*[\"']?)"
            r"[^\s\"',;&)]+",
            re.IGNORECASE,
        ),
        r"\1***",
    ),
    (re.compile(r"(sha256:[0-9a-f]{8})[0-9a-f]{56}"), r"\1"),
    (re.compile(r"\b(?=[A-Za-z+/]*\d)(?=[\d+/]*[A-Za-z])[A-Za-z0-9+/]{40,}={0,2}"), "***"),
)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_MARKERS = re.compile(r"(\{(?=[{%#])|[%#}](?=\})|<(?=\||/?s>)|\|(?=>))")


def line(text: str, limit: int = 160, masks: Iterable[str] = ()) -> str:
    """One line of at most ``limit`` characters: secrets out, control characters and markers disarmed."""
    for mask in masks:
        text = text.replace(mask, "***")
    text = "".join(c if c.isprintable() else " " for c in redacted(_ANSI.sub("", text)))
    text = " ".join(_MARKERS.sub(r"\1 ", text).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def redacted(text: str) -> str:
    """The text with what looks like a credential replaced by ``***``."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def names_a_secret(name: str) -> bool:
    """Whether a variable or key of this name most likely holds a credential."""
    return bool(_SECRET_NAME.search(name))
