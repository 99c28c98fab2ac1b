# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Finds in a text which objects, namespace and severity it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from .report import Suspect
from .report_draft import KIND_NAMES, ReportDraft, suspect
from .report_subject import subject_of

_NAME = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_KIND = "|".join(sorted((re.escape(word) for word in KIND_NAMES), key=len, reverse=True))
_SLASHED = re.compile(rf"\b({_KIND})s?/({_NAME})\b", re.IGNORECASE)
_KIND_FIRST = re.compile(rf"\b({_KIND})s?(?: named| called)?[ :]+[`\"']?({_NAME})\b", re.IGNORECASE)
_NAME_FIRST = re.compile(
    rf"[`\"']?\b({_NAME})[`\"']?\s+({_KIND}|microservice|application|app|workload|component)\b", re.IGNORECASE
)
_QUOTED = re.compile(rf"[`\"'\u2018\u201c]({_NAME})[`\"'\u2019\u201d]")
_HOST = re.compile(
    r"\b(?:https?|grpc|tcp|redis|amqp|mongodb|mysql|postgres(?:ql)?)://(?:[^\s/@]+@)?([a-z0-9.-]+)", re.IGNORECASE
)
_FQDN = re.compile(rf"\b({_NAME})\.({_NAME})\.svc\b", re.IGNORECASE)
_POD = re.compile(r"\b([a-z][a-z0-9-]*-[0-9a-f]{7,10}-[a-z0-9]{5})\b")
_DASHED = re.compile(r"\b([a-z][a-z0-9]*(?:-[a-z0-9]+)+)\b")
_SUBJECT = re.compile(
    rf"\b({_NAME})\s+(?:is|are|was|keeps?|has|have|returns?|fails?|failed|failing|cannot|can't|can not|does|doesn't|"
    r"do|don't|stopped|stops?|crash\w*|restart\w*|times?|timing|went|gets?|answers?|responds?|not|down|"
    r"errors?(?= out| since| after)|unreachable|pods?|broken|slow|unavailable|unhealthy|degraded|started|starts?|"
    r"seems?|looks?|just|suddenly|no longer|never|after|since)\b",
    re.IGNORECASE,
)
_FRONT = re.compile(rf"^\s*(?:\[\w+\]\s*)?({_NAME}):\s")
_CAUSE = re.compile(rf"\b(?:cause|culprit|component|target)\b\s*(?:is|:|=)\s*({_NAME})\b", re.IGNORECASE)
_OWNER = re.compile(rf"\b({_NAME})['\u2019]s\b", re.IGNORECASE)  # checkout's error rate
_RANKED = re.compile(rf"(?:^|\s)1[.)]\s+({_NAME})\b")
_TROUBLE_WITH = re.compile(
    r"\b(?:latency|latencies|slowness|errors?|timeouts?|failures?|outage|problems?|trouble|wrong|issues?|[45]\d\ds?|"
    r"incident|pods?|replicas?|requests?|calls?)\s+"
    rf"(?:on|in|from|of|for|with|at|to|calling|when calling)\s+(?:the\s+|our\s+)?({_NAME})\b",
    re.IGNORECASE,
)
_NAMESPACE = (
    re.compile(rf"\b(?:namespace|ns)\b[\s:=\"'`]+({_NAME})\b", re.IGNORECASE),
    re.compile(rf"[`\"']?\b({_NAME})\b[`\"']?\s+namespace\b", re.IGNORECASE),
    re.compile(rf"(?:^|\s)(?:-n|--namespace)[ =]({_NAME})\b"),
)
_SEVERITY = re.compile(r"\b(critical|fatal|emergency|error|warning|warn|info|sev-?[0-5]|p[0-5])\b", re.IGNORECASE)
_SEVERITIES = {"fatal": "critical", "emergency": "critical", "warn": "warning"}
_NEVER_WORDS = """
    a an the this that these those our my your its his her their one each every any all some no not it they we i
    you he she there here what which who whom when where why how is are was were be been being has have had do does
    did will would can could should may might must and or but if then than so as at by for from in into of on onto
    over to up out with without about after before again also just only very too more most many much few new old
    same other another first last next several two three four five everything nothing something anything everyone
    nobody somebody users customers clients people calls call requests request errors error node nodes pod pods
    container containers service services deployment deployments replica replicas namespace kubernetes failing
    failed fails fail down slow broken unhealthy unavailable running crashing restarting pending ready healthy
    please since now today yesterday while because due none null true false named called statefulset statefulsets
    component components cause root culprit candidate alert alerts incident see keep went returns fyi application
    app system faulty degraded likely suspected single
"""
_NEVER = frozenset(_NEVER_WORDS.split())
"""Words that no name is even guessed from. Of any other the cluster tells."""
_WORDS = """
    user customer client team traffic latency page pages site website cluster rollout image images config
    configuration cpu memory disk network probe readiness liveness status orders login log logs issue issues
    problem problems kubectl k8s production prod staging endpoint endpoints backend frontend-facing help http https
    api it's na unknown default kube-system port ports mode instance instances name kind type key keys value values
    reason message version level affected whole entire current latest response responses time times timeouts
    timeout connection connections checkout's crashloopbackoff imagepullbackoff oomkilled errimagepull
    out-of-memory back-off crash-loop read-only roll-out re-deploy end-to-end real-time mesh account limit limits
    quota policy monitor discovery owner provider desk level's defective suspicious probable possible responsible
    anomalous let everybody company vendor boss manager colleague
"""
_NOT_NAMES = _NEVER | frozenset(_WORDS.split())
_HYPHENATED_WORDS = re.compile(
    r"^(?:non|re|pre|un|multi|self|so|well|high|low|long|short|on|off|in|out|up|back|sev)-"
    r"|-(?:ups?|downs?|offs?|outs?|in|on|like|based|side|level|time|ready|wide|free|only|related|hour|minute|second|call|"
    r"memory|loop|bound|to)$"
)
_MOST = 8


def read_text(text: str, place: str = "") -> ReportDraft:
    """The draft of a plain text; ``place`` is the namespace, where it is known already."""
    namespace = _namespace(text)
    found: dict[str, Suspect] = {}
    subject = subject_of(text, _NOT_NAMES)
    for item in _suspects(text, {place, namespace} - {""}):
        known = found.get(item.name)
        if item.name != namespace and (known is None or (not known.kind and item.kind)):
            sure = item.sure or (known is not None and known.sure)
            found[item.name] = replace(item, sure=sure, subject=not sure and item.name == subject)
    if subject and subject not in {namespace, *found}:  # said as only a name is said, in words not known here
        found[subject] = replace(_guess(subject), subject=True)
    severity = _SEVERITY.search(text)
    word = severity.group(1).lower() if severity else ""
    return ReportDraft(
        summary=" ".join(text.split())[:1000],
        suspects=tuple(found.values())[:_MOST],
        namespace=namespace,
        severity=_SEVERITIES.get(word, word),
        source="text",
    )


def _namespace(text: str) -> str:
    for pattern in _NAMESPACE:
        for match in pattern.finditer(text):
            name = match.group(1).lower()
            if name not in _NOT_NAMES or name in ("default", "kube-system", "production", "prod", "staging"):
                return name
    address = _FQDN.search(text)
    return address.group(2).lower() if address else ""


def _suspects(text: str, places: set[str]) -> Iterator[Suspect]:
    """The names in a text, the surest ways of naming first; then bare words that stand where a name may."""
    guesses: list[Suspect] = []
    for found in (*_named_with_kind(text), *_told_as_culprit(text)):
        if found.sure:
            yield found
        else:
            guesses.append(found)
    for place in sorted(places):  # shop/cart, as many tools write it
        within = re.finditer(rf"(?<![\w/-]){re.escape(place)}/({_NAME})\b", text, re.IGNORECASE)
        yield from (suspect(match.group(1)) for match in within if match.group(1).lower() not in KIND_NAMES)
    yield from (suspect(match.group(1)) for match in _QUOTED.finditer(text) if _may_be_a_name(match.group(1)))
    yield from (suspect(match.group(1), "Pod") for match in _POD.finditer(text))
    yield from _hosts(text)
    words = (match.group(1) for match in _DASHED.finditer(_without_addresses(text)))
    yield from (suspect(word) for word in words if _is_compound_name(word))
    yield from guesses
    for pattern in (_FRONT, _SUBJECT, _TROUBLE_WITH, _OWNER):
        yield from (_guess(match.group(1)) for match in pattern.finditer(text) if _may_be_guessed(match.group(1)))


def _named_with_kind(text: str) -> Iterator[Suspect]:
    for match in _SLASHED.finditer(text):
        yield suspect(match.group(2), KIND_NAMES[match.group(1).lower()])
    for match in _NAME_FIRST.finditer(text):
        # "a faulty component", "FYI deployment": what stands before a kind is at times a word of the sentence.
        word, kind = match.group(1), KIND_NAMES.get(match.group(2).lower(), "")
        if _is_marked(word, match.group(0)) and _may_be_a_name(word):
            yield suspect(word, kind)
        elif _may_be_guessed(word):
            yield _guess(word, kind)
    for match in _KIND_FIRST.finditer(text):
        # "service is down": what follows a kind is only a name where it cannot be an ordinary word.
        name, kind = match.group(2), KIND_NAMES[match.group(1).lower()]
        if _is_marked(name, match.group(0)) or not (_ENGLISH_AFTER_KIND.match(name) or name.lower() in _NOT_NAMES):
            if _may_be_a_name(name):
                yield suspect(name, kind)
        elif _may_be_guessed(name):
            yield _guess(name, kind)


def _told_as_culprit(text: str) -> Iterator[Suspect]:
    """``cause: cart (0.8)``, ``1. cart (0.8)``; in "the cause is unknown" the word is none."""
    for pattern in (_CAUSE, _RANKED):
        for match in pattern.finditer(text):
            word = match.group(1)
            scored = text[match.end() :].lstrip()[:1] == "("
            if _may_be_guessed(word):
                certain = (scored and _may_be_a_name(word)) or _is_marked(word, match.group(0))
                yield suspect(word) if certain else _guess(word)


def _is_marked(name: str, said: str) -> bool:
    """Whether a name looks like one and like no word: a hyphen or digit in it, quotes in what it was ``said`` with."""
    compound = "-" in name and _is_compound_name(name)
    quoted = any(mark in said for mark in "`\"'\u2018\u201c")
    return compound or quoted or any(character.isdigit() for character in name)


def _guess(word: str, kind: str = "") -> Suspect:
    return replace(suspect(word, kind), sure=False)


def _may_be_guessed(word: str) -> bool:
    return len(word) > 1 and word[0].isalpha() and word.lower() not in _NEVER


_ENGLISH_AFTER_KIND = re.compile(
    r"^(?:\w+(?:ing|ed|ly)|cannot|keeps?|returns?|crash\w*|restart\w*|times?|goes|went|gets?|got|answers?|responds?|"
    r"starts?|stops?|seems?|looks?|broke|died|fell|hit|made|ran|behind|between|under|until|against|during|never|still|always|through)$",
    re.IGNORECASE,
)


def _hosts(text: str) -> Iterator[Suspect]:
    for host in _HOST.findall(text):
        first, *rest = host.lower().split(".")
        inside = (
            not rest or "svc" in rest or (len(rest) == 1 and rest[0] not in ("com", "org", "net", "io", "dev", "local"))
        )
        if inside and first and not first.isdigit() and first != "localhost":
            yield suspect(first, "Service")


def _without_addresses(text: str) -> str:
    return re.sub(r"\S*(?:://|[/@=]|\.\w)\S*", " ", text)


def _may_be_a_name(word: str) -> bool:
    return len(word) > 1 and word[0].isalpha() and word.lower() not in _NOT_NAMES


def _is_compound_name(word: str) -> bool:
    """``ts-order-service`` and not ``re-deploy`` or ``2-minute``."""
    return _may_be_a_name(word) and not _HYPHENATED_WORDS.search(word) and len(word) > 4
