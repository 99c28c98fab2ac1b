# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Fact before it is ranked, and how a message of Kubernetes is cut to what it says."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .evidence import ObjectRef

RECENT = 600.0
"""Seconds for which an event or a restart counts as going on."""


@dataclass(frozen=True)
class Draft:
    """``weight`` above 0: an anomaly by itself. ``latent``: the weight it takes where its subject is
    a suspect or troubled anyway, since alone it may be an old or intended oddity. ``salience`` ranks
    it among the context of equal subjects.
    """

    kind: str
    subject: ObjectRef
    text: str
    weight: float
    source: str
    time: str = ""
    latent: float = 0.0
    salience: float = 0.0


_NOISE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"rpc error: code = \w+ desc = "), ""),
    (re.compile(r"\bin pod [\w./-]+(?:\([\w-]+\))?"), ""),
    (re.compile(r"\bpod=\S+"), ""),
    (re.compile(r"\([0-9a-f]{8}-[0-9a-f-]{27}\)"), ""),
    (re.compile(r"back-off \S+ restarting failed container[= ]\S+"), ""),
    (re.compile(r"failed to (?:pull and unpack|resolve) (?:image|reference) \S+:? ?"), ""),
    (re.compile(r"preemption: .*"), ""),
    (re.compile(r"no new claims to deallocate,?.*"), ""),
    (re.compile(r"HTTP probe failed with statuscode"), "HTTP"),
    (re.compile(r"\b(Get|dial tcp) \"?(https?://)?\d+\.\d+\.\d+\.\d+"), r"\1 "),
    (re.compile(r"MountVolume\.SetUp failed for volume"), "mount of volume"),
    (re.compile(r"(?:Error creating: )?pods? \"?[^\s\"]+\"? is forbidden: "), "forbidden: "),
    (re.compile(r"\bdocker\.io/(?:library/)?"), ""),
)


def essential(message: str, limit: int = 110) -> str:
    """The part of a Kubernetes message that tells: no Pod names, ids, wrappers or repetition."""
    text = " ".join(str(message).split())
    for pattern, instead in _NOISE:
        text = pattern.sub(instead, text)
    text = re.sub(r"^[\s:,.]+|[\s:,.]+$", "", re.sub(r"\s+", " ", text))
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def plural(number: int, one: str) -> str:
    """``1 Pod``, ``2 Pods``."""
    return f"{number} {one}{'' if number == 1 else 's'}"
