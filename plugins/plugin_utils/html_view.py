# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What report.html shows, as plain data; its first screen: what was wrong, what was changed, whether that helped, and
what to do now.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .html_changes import changed
from .html_parts import (
    Beside,
    Document,
    Part,
    attempts,
    bar,
    citations,
    evidence,
    looks_of,
    origin,
    spans,
    state_of,
    stations,
    verdict,
)
from .html_room import EPISODE, Room
from .html_text import visible
from .plan import FILE as PLAN
from .states import AFTER, BEFORE

TONES = {
    "resolved": ("good", "✓"),
    "planned": ("info", "◷"),
    "healthy": ("good", "✓"),
    "escalated": ("warn", "➜"),
    "exhausted": ("warn", "■"),
    "refused": ("warn", "⊘"),
    "cancelled": ("warn", "■"),
    "broken": ("bad", "✕"),
    "running": ("info", "…"),
}


def view(document: Document, folder: Path, beside: Beside, room: Room) -> dict[str, Any]:
    """All that the template prints. KeyError, TypeError and the like where the document is not of its form."""
    outcome = str(document["outcome"])
    tone, symbol = TONES.get(outcome, ("warn", "?"))
    plan = _plan(beside)
    shown, earlier = attempts(document, beside, room)
    looks, skipped = evidence(document, room)
    course, untold = stations(document, room)
    seconds, namespace = document["seconds"], room.short(document["report"]["namespace"])
    target = _target(document, room)
    return {
        "outcome": room.short(outcome, 20),
        "tone": tone,
        "symbol": symbol,
        "target": target or (f"Namespace {namespace}" if namespace else "No namespace"),
        "namespace": namespace if target else "",
        "started": _moment(str(document.get("started", "")), room),
        "wall": float(seconds.get("wall", 0.0)),
        "model_seconds": sum(float(step["seconds"]) for step in document["steps"]),
        "tokens": {name: int(document["tokens"][name]) for name in ("in", "out")},
        "message": room.short(str(document["message"]).removeprefix(f"{outcome}: "), 900),
        "wrong": _wrong(document, room),
        "changed": changed(document, folder, plan, room),
        "verified": _verified(document, plan, room),
        "next": _next(document, folder),
        "bar": bar(seconds),
        "spans": spans(seconds, room),
        "own": float(seconds.get("own", 0.0)),
        "stations": course,
        "untold": untold,
        "attempts": shown,
        "earlier_attempts": earlier,
        "attempt_count": len(document["attempts"]),
        "looks": looks,
        "earlier_looks": skipped,
        "cluster_time": bool(looks and looks[-1]["time"]),
        "unseen": room.shorts(document["unseen"]),
        "report": origin(document, room),
        "order": [
            (room.short(k, 40), _option(v, room)) for k, v in list(document.get("order", {}).items())[: room.rows]
        ],
        "versions": [
            (room.short(k, 40), room.short(v, 40)) for k, v in list(document.get("versions", {}).items())[: room.rows]
        ],
        "folder": room.short(visible(str(folder))),
        "files": _files(document, folder, room),
    }


def _target(document: Document, room: Room) -> str:
    """What the Episode was about: what it changed, would change, or was told of."""
    touched = [ref for item in document["attempts"] if item["playbook"] for ref in item["playbook"]["touches"]]
    suspects = [suspect for suspect in document["report"]["suspects"] if suspect["name"]]
    for refs in (document["changed"], touched[-1:], suspects):
        if refs:
            return room.named(refs[0]).strip() + (f" and {len(refs) - 1} more" if len(refs) > 1 else "")
    return ""


def _wrong(document: Document, room: Room) -> Part:
    """The model's last diagnosis with the facts that it cites; where that did not heal, what is still seen."""
    steps = [step for step in document["steps"] if step["diagnosis"]] or document["attempts"]
    looks = looks_of(document)
    ids = [fact["id"] for fact in looks[-1]["facts"] if fact["anomaly"]][:4] if looks else []
    seen = citations(document, ids, len(looks) - 1, room)
    if steps and steps[-1]["diagnosis"]:
        last = steps[-1]
        cited = citations(document, last["cites"], int(last.get("look", max(0, len(looks) - 1))), room)
        open_end = document["outcome"] not in ("resolved", "planned")
        return {
            "headline": room.short(last["diagnosis"]),
            "by": "What the model made of it"
            + (" last" if open_end else "")
            + (", and what it cites" if cited else ""),
            "facts": cited,
            "still": [fact for fact in seen if fact not in cited] if open_end else [],
        }
    headline = "Not diagnosed" if ids else "Nothing anomalous was seen" if looks else "The cluster was not looked at"
    return {"headline": headline, "by": "", "facts": [], "still": seen}


def _verified(document: Document, plan: Document | None, room: Room) -> Part:
    """The last Verdict, or why there is none."""
    if plan is not None and document["outcome"] == "planned":
        reasons = [(room.short(reason["level"], 20), room.short(reason["text"])) for reason in plan["risk"]["reasons"]]
        bases = sorted({str(effect["basis"]) for effect in plan["effects"]})
        said = "; ".join("the API server's own dry run" if basis == "dry run" else room.short(basis) for basis in bases)
        return {
            "title": "What is at stake",
            "headline": f"Risk: {room.short(plan['risk']['level'], 20)}",
            "tone": "",
            "verdict": None,
            "lines": reasons[: room.rows],
            "note": f"What it would change comes from: {said}.",
        }
    watched = [item for item in document["attempts"] if item["run"] or item["verdict"] or item["undone"]]
    if not watched:
        return {
            "title": "Whether it helped",
            "headline": "Nothing ran, so there was nothing to verify",
            "tone": "",
            "verdict": None,
            "lines": [],
            "note": "",
        }
    last = watched[-1]
    undone, found, lines = last["undone"], verdict(last["verdict"], room, 8), []
    if undone:
        back = state_of(last, document["outcome"]) == "undone"
        words = "each object is written as before" if back else "not all is as it was before"
        lines.append(("after the undo", words + ("" if undone["complete"] else "; see the attempt for what differs")))
    if found is None:
        stopped = last["run"] and last["run"]["stopped"]
        failed = [task["message"] for task in last["run"]["tasks"] if task["status"] in ("failed", "unreachable")]
        return {
            "title": "Whether it helped",
            "headline": "It was broken off before that could be measured" if not failed else "The playbook failed",
            "tone": "bad",
            "verdict": None,
            "lines": lines,
            "note": room.short("; ".join([*filter(None, [stopped]), *failed[:3]])),
        }
    headline = f"Healthy for {found['held']:.0f} s" if found["healthy"] else "No: not healthy"
    return {
        "title": "Whether it helped",
        "headline": headline,
        "tone": "good" if found["healthy"] else "bad",
        "verdict": found,
        "lines": lines,
        "note": "Measured on the cluster, in its own time.",
    }


def _next(document: Document, folder: Path) -> Part:
    """What a person can do now."""
    outcome, where = document["outcome"], visible(str(folder))
    way_back = [
        (
            "What this Episode changed, where nobody changed it since",
            f"ansible-playbook e2ereme.remediate.undo -e episode={shlex.quote(where)}",
        ),
        (
            "Without this collection, the objects as they were",
            f"ansible-playbook {shlex.quote(f'{where}/attempt-{_changing(document)}/undo.yml')}",
        ),
    ]
    connection = "Both take the connection from K8S_AUTH_*, for instance K8S_AUTH_KUBECONFIG."
    if document["changed"] and outcome == "running":
        return {
            "title": "What now",
            "headline": "It runs, or was killed: if no process of it is left, undo it",
            "commands": way_back,
            "note": connection,
        }
    if document["changed"]:
        left = "" if outcome == "resolved" else "The change is still there"
        return {"title": "How to undo it", "headline": left, "commands": way_back, "note": connection}
    if outcome == "planned" and (folder / PLAN).is_file():
        command = f"ansible-playbook e2ereme.remediate.apply -e plan={shlex.quote(f'{where}/{PLAN}')}"
        return {
            "title": "How to apply it",
            "headline": "Once, while nothing that it rests on has changed",
            "commands": [("", command)],
            "note": "It takes the connection from K8S_AUTH_*.",
        }
    said = {
        "healthy": "Nothing to do",
        "planned": "Nothing to undo: nothing was changed",
        "escalated": "A person must decide; nothing has to be undone",
        "exhausted": "A person must look; nothing has to be undone",
        "refused": "What forbade it is said above; nothing has to be undone",
        "running": "It is under way, or was killed before it changed anything",
    }.get(outcome, "Nothing has to be undone")
    return {"title": "What now", "headline": said, "commands": [], "note": ""}


def _changing(document: Document) -> int:
    """The number of the attempt whose undo.yml leads back; a killed Episode says it in its message alone."""
    said = re.search(r"attempt-(\d{1,6})/undo\.yml", str(document["message"]))
    ran = [int(item["number"]) for item in document["attempts"] if item["run"]]
    return ran[-1] if ran else int(said[1]) if said else max(1, len(document["attempts"]))


def _plan(beside: Beside) -> Mapping[str, Any] | None:
    """plan.json where it can be read; without it the page tells less."""
    try:
        plan = visible(json.loads(beside(PLAN) or "null"))
    except (ValueError, RecursionError):
        return None
    return plan if isinstance(plan, dict) and isinstance(plan.get("effects"), list) else None


def _option(value: Any, room: Room) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text[:12] if re.fullmatch("[0-9a-f]{64}", text) else room.short(text, 80)


def _moment(text: str, room: Room) -> str:
    return room.short(text.replace("T", " ").replace("Z", " UTC"), 40)


def _files(document: Document, folder: Path, room: Room) -> list[tuple[str, str]]:
    """The files of the Episode by fixed names, with what they hold."""
    names = [(EPISODE, "all of this, for programs"), (PLAN, "what can be applied")]
    for item in document["attempts"][-room.rows :]:
        place = f"attempt-{int(item['number'])}"
        names += [
            (f"{place}/playbook.yml", "the checked playbook"),
            (f"{place}/answer.txt", "the model's answer"),
            (f"{place}/evidence.txt", "what it was written on"),
            (f"{place}/diff.txt", "what each task changed"),
            (f"{place}/undo.yml", "the way back"),
            (f"{place}/{BEFORE}", "the objects before"),
            (f"{place}/{AFTER}", "the objects after"),
        ]
    return [(name, what) for name, what in names if (folder / name).is_file()]
