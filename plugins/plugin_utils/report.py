# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What somebody says is wrong, normalised."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Suspect:
    """A name that the report mentions; ``kind`` is empty where the report does not say.

    Not ``sure``: it may be an ordinary word, and counts only where the cluster has an object of that name.
    ``subject``: not sure either, but said as only names are; where the report names nothing else, it is about that.
    """

    name: str
    kind: str = ""
    sure: bool = field(default=True, compare=False)
    subject: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Report:
    """``source`` is text, json, alertmanager or k8sgpt. ``resolved`` when the sender says it is over."""

    summary: str
    suspects: tuple[Suspect, ...]
    namespace: str
    severity: str
    source: str
    raw: str
    resolved: bool = False
    fingerprint: str = ""
