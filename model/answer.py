"""From the model's text to a Step."""

from __future__ import annotations

import re

from ..plugins.module_utils.errors import ModelError
from ..plugins.module_utils.evidence import Evidence, ObjectRef
from ..plugins.plugin_utils.step import EscalateStep, PlaybookStep, ProbeStep, Step

_HEAD = re.compile(
    r"\A\s*cites: (?P<cites>[^\n]*)\ndiagnosis: (?P<diagnosis>[^\n]*)\nstep: (?P<step>\w+)\n(?P<rest>.*)\Z", re.S
)


def parse(text: str, evidence: Evidence) -> Step:
    """Reads an answer. Raises ModelError where it is not in the format (possible without a grammar)."""
    match = _HEAD.match(text)
    if not match:
        raise ModelError(
            "The model's answer is not in the expected format.", "It begins with cites, diagnosis and step."
        )
    cites = tuple(cite.strip() for cite in match["cites"].split(",") if cite.strip() and cite.strip() != "none")
    diagnosis, rest = match["diagnosis"].strip(), match["rest"]
    if match["step"] == "playbook":
        return PlaybookStep(rest, cites, diagnosis)
    if match["step"] == "probe":
        return ProbeStep(_targets(rest, evidence), cites, diagnosis)
    if match["step"] == "escalate":
        return EscalateStep(rest.removeprefix("reason: ").strip(), cites, diagnosis)
    raise ModelError(f"The model chose the step {match['step']!r}.", "Known are probe, playbook and escalate.")


def _targets(text: str, evidence: Evidence) -> tuple[ObjectRef, ...]:
    names = [name.strip() for name in text.removeprefix("look: ").strip().split(",")]
    namespace = evidence.inventory.namespace
    known = {str(ref): ref for ref in evidence.near}
    refs = []
    for name in names:
        kind, _, bare = name.partition(" ")
        if name in known:
            refs.append(known[name])
        elif bare:
            refs.append(ObjectRef(kind, namespace, bare))
    return tuple(refs)
