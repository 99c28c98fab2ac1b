# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a sentence says is in trouble, where it says so in the way that only a name is said.

"ghost is down" speaks of something called ghost: English puts an article before a noun that is no
name, and a plural needs another verb. "the page is slow", "orders fail" and "users see errors"
name nothing; "the ghost service is down" does again, unless the word is one that describes.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

from .report_draft import KIND_NAMES

_NAME = r"[a-z][a-z0-9-]*[a-z0-9]"
_KIND = "|".join([*sorted(map(re.escape, KIND_NAMES), key=len, reverse=True), "microservice"])
_GREETING = r"(?:\[[^\]]*\]\s*|(?:hi|hello|hey|dear)\b[^,.:!]*[,.:!]\s*|(?:fyi|urgent|incident|alert|on call)[,:]?\s+)*"
_TROUBLE = (
    r"(?:is|was|seems|looks|appears|keeps|went|has been)\s+(?:\w+\s+)?(?:down|failing|broken|slow|unavailable|"
    r"unreachable|unhealthy|dead|degraded|crashing|crashlooping|restarting|not|gone|stuck|erroring|returning|offline|"
    r"faulty|hanging|timing|unresponsive|up and down)\b"
    r"|(?:fails|failed|crashed|crashes|restarts|hangs|times out|stopped|cannot|can't|doesn't|does not|returns|"
    r"(?:answers|responds|replies)(?: (?:with|in|only|slowly|nothing|no\w*))* ?\d*|"
    r"(?:gives|throws|serves|shows|logs|raises) (?:\w+ )?(?:\d+s?|errors?|exceptions?|timeouts?)|"
    r"(?:drops|refuses|rejects|loses) (?:\w+ )?(?:requests?|calls?|connections?|traffic|clients?)|"
    r"won't|will not|has (?:errors|problems|crashed|failed|stopped)|down|unreachable|unavailable)\b"
)
_BARE = re.compile(rf"^\s*{_GREETING}[`\"']?({_NAME})[`\"']?\s+(?:(?:{_KIND})\s+)?(?:{_TROUBLE})", re.IGNORECASE)
_WITH_KIND = re.compile(rf"^\s*{_GREETING}(?:the|our)\s+({_NAME})\s+(?:{_KIND})\s+(?:{_TROUBLE})", re.IGNORECASE)
_PART = re.compile(
    rf"\b(?:pods of|rollout of|error rate of|requests to|calls to|calling|wrong with|"
    rf"(?:errors?|timeouts?|exceptions?|[45]\d\ds?|[45]xxs?) (?:from|on|in|at|of|calling)|"
    rf"(?:cannot|can't|can not|could not|couldn't|nobody can|no one can|unable to|fails? to|failed to) "
    rf"(?:reach|access|contact|call|connect to|talk to|log in to))\s+"
    rf"(?:(?:the|our)\s+(?={_NAME}\s+(?:{_KIND})\b))?({_NAME})(?:\s+(?:{_KIND}))?"
    r"(?=\s*(?:$|[.,!;(]|\b(?:in|since|after|from|for|at|again|now|today|keeps?|fails?|does|do|went|is|are|time)\b))",
    re.IGNORECASE,
)
_ADJECTIVES = """
    main internal external upstream downstream backend frontend core public private critical important legacy new
    newest latest last old previous recent current first second primary secondary central local remote whole entire
    affected faulty broken failing same other only own key vital production staging test live web mobile underlying
"""
_DESCRIBES = frozenset(_ADJECTIVES.split())
_SHORTEST = 3


def subject_of(text: str, ordinary: Container[str] = ()) -> str:
    """The word, in lower case; empty where the text names nothing in this way. ``ordinary`` words name nothing."""
    for pattern in (_BARE, _WITH_KIND, _PART):
        for match in pattern.finditer(text):
            word = match.group(1).lower()
            if word not in _DESCRIBES and word not in ordinary and not word.endswith("ing"):
                return word
    return ""


def unlike_all(word: str, names: Iterable[str]) -> bool:
    """Whether no name has the word in it, nor the word a part of a name: people shorten, join and split names."""
    plain = word.replace("-", "").removesuffix("s")
    for name in names:
        parts = [part.removesuffix("s") for part in name.lower().split("-")]
        if plain in "".join(parts) or any(len(part) >= _SHORTEST and part in plain for part in parts):
            return False
    return True
