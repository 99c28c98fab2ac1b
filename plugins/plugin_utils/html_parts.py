# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The parts of report.html below its first screen, as plain data: stations, attempts, evidence, report.

Each is bounded, and says where the rest is, so that the page stays below 500 kB whatever an Episode brought.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .html_room import EPISODE, Room
from .html_text import cut, diff_pieces, yaml_pieces

Part = dict[str, Any]
Document = Mapping[str, Any]
Beside = Callable[[str], str]
"""Gives the text of a file of the Episode by its name, empty where there is none."""

FOREIGN = {"probe": "reading the cluster", "write": "the model", "run": "Ansible", "settle": "waiting"}
SCALE = 1000.0  # the width of a bar in its own units


def looks_of(document: Document) -> list[Document]:
    """The readings of the cluster; where the file does not have them, the last one, out of its lines."""
    if "looks" in document:
        return list(document["looks"])
    facts = [
        {"id": line.split(" ", 1)[0], "anomaly": line.split(" ")[1:2] == ["!"], "text": line[line.find(" ") + 3 :]}
        for line in document["evidence"]
    ]
    return [{"time": "", "facts": facts, "unseen": document["unseen"]}] if facts else []


def citations(document: Document, cites: Sequence[str], look: int, room: Room) -> list[Part]:
    """Each cited id with its place on the page and its fact, where the reading has it."""
    looks = looks_of(document)
    facts = looks[look]["facts"] if 0 <= look < len(looks) else []
    places = {fact["id"]: place for place, fact in enumerate(facts)}
    found = []
    for cite in cites[: room.rows]:
        place = places.get(cite, -1)
        shown = 0 <= place < room.facts and look >= len(looks) - room.looks
        text = room.short(facts[place]["text"]) if place >= 0 else ""
        found.append({"id": room.short(cite, 20), "look": look, "place": place if shown else -1, "text": text})
    return found


def bar(seconds: Mapping[str, float]) -> list[Part]:
    """Where the wall time went, in shares that add up to it."""
    wall = float(seconds.get("wall", 0.0))
    if wall <= 0:
        return []
    parts = [(name, words, float(seconds.get(name, 0.0))) for name, words in FOREIGN.items()]
    parts.append(("own", "own cost", max(0.0, float(seconds.get("own", 0.0)))))
    total, start, found = sum(part[2] for part in parts) or wall, 0.0, []
    for name, words, value in parts:
        width = SCALE * value / total
        share = 100 * value / total
        if value > 0:
            found.append({"name": name, "words": words, "seconds": value, "share": share, "x": start, "width": width})
        start += width
    return found


def spans(seconds: Mapping[str, float], room: Room) -> list[Part]:
    """Every span that took time."""
    order = [name for name in seconds if name not in ("own", "wall")]
    return [{"name": room.short(name, 40), "seconds": float(seconds[name])} for name in order if seconds[name]][
        : room.rows
    ]


def stations(document: Document, room: Room) -> tuple[list[Part], int]:
    """The stays at stations in time, each with what was told of it, and how many lines are left out."""
    blocks = document.get("timeline", [])[: room.told]
    wall = max([float(document["seconds"].get("wall", 0.0)), *(b["start"] + b["seconds"] for b in blocks)])
    rows: list[Part] = [
        {
            "station": room.short(block["station"], 20),
            "start": float(block["start"]),
            "seconds": float(block["seconds"]),
            "x": SCALE * block["start"] / wall if wall else 0.0,
            "width": max(3.0, SCALE * block["seconds"] / wall) if wall else 0.0,
            "attempt": 0,
            "lines": [],
        }
        for block in blocks
    ]
    told_lines = document.get("told", [])
    for told in told_lines[: room.told]:
        row = _row_of(told, rows)
        if row is not None:
            row["attempt"] = row["attempt"] or int(told["attempt"])
            row["lines"].append(room.short(told["text"]))
    return [row for row in rows if row["lines"] or row["seconds"] >= 0.05], max(0, len(told_lines) - room.told)


def _row_of(told: Document, rows: list[Part]) -> Part | None:
    """Where a line belongs: it is told during a stay at its station, right before it, or soon after."""
    begun = len([row for row in rows if row["start"] < told["at"]])
    for place in (begun - 1, begun, begun - 2):
        row = rows[place] if 0 <= place < len(rows) else None
        if row is not None and row["station"] == told["station"]:
            return row
    return rows[max(0, begun - 1)] if rows else None


def verdict(found: Document | None, room: Room, most: int = 0) -> Part | None:
    """Each check, those that failed first."""
    if found is None:
        return None
    checks, more = room.first(sorted(found["checks"], key=lambda check: bool(check["passed"])), most)
    return {
        "healthy": bool(found["healthy"]),
        "held": float(found["held_seconds"]),
        "checks": [
            {
                "passed": bool(check["passed"]),
                **{key: room.short(check[key]) for key in ("name", "subject", "measured", "bound", "detail")},
            }
            for check in checks
        ],
        "more": more,
        "worse": room.shorts(found["worse"]),
        "unseen": room.shorts(found["unseen"]),
    }


def ran(found: Document | None, room: Room) -> Part | None:
    """What each task did."""
    if found is None:
        return None
    tasks, more = room.first(found["tasks"])
    return {
        "rc": int(found["rc"]),
        "stopped": room.short(found["stopped"]),
        "seconds": float(found["seconds"]),
        "tasks": [
            {
                "failed": task["status"] in ("failed", "unreachable"),
                "seconds": float(task["seconds"]),
                **{key: room.short(task[key]) for key in ("name", "module", "status", "message")},
            }
            for task in tasks
        ],
        "more": more,
    }


def attempts(document: Document, beside: Beside, room: Room) -> tuple[list[Part], int]:
    """The last attempts in full, and how many came before them."""
    every = document["attempts"]
    return [_attempt(document, item, beside, room) for item in every[-room.attempts :]], max(
        0, len(every) - room.attempts
    )


def _attempt(document: Document, item: Document, beside: Beside, room: Room) -> Part:
    number = int(item["number"])
    folder = f"attempt-{number}"
    findings, more = room.first(item["findings"])
    playbook, undone = item["playbook"], item["undone"]
    diff = beside(f"{folder}/diff.txt")
    return {
        "number": number,
        "state": state_of(item, document["outcome"]),
        "diagnosis": room.short(item["diagnosis"]),
        "cites": citations(document, item["cites"], int(item.get("look", 0)), room),
        "changes": room.shorts(item.get("changes", [])),
        "findings": [
            {"line": int(found["line"]), **{key: room.short(found[key]) for key in ("rule", "where", "what")}}
            for found in findings
        ],
        "more_findings": more,
        "playbook": playbook
        and {
            "pieces": yaml_pieces(cut(playbook["text"], room.block, f"{folder}/playbook.yml")),
            "digest": room.short(playbook["digest"], 12).partition(" ")[0],
            "lint": room.short(playbook["lint"], 40),
        },
        "answer": "" if playbook else cut(beside(f"{folder}/answer.txt"), room.block, f"{folder}/answer.txt"),
        "run": ran(item["run"], room),
        "diff": diff_pieces(cut(diff, room.block, f"{folder}/diff.txt")),
        "verdict": verdict(item["verdict"], room),
        "undone": undone
        and {
            "complete": bool(undone["complete"]),
            "restored": bool(undone.get("restored", undone["complete"])),
            "run": ran(undone["run"], room),
            "verdict": verdict(undone["verdict"], room),
        },
    }


def state_of(item: Document, outcome: str) -> str:
    """How an attempt ended: healed, plan, stopped, undone, left (changed and not undone) or broken off."""
    if item["undone"]:
        return "undone" if item["undone"].get("restored", item["undone"]["complete"]) else "left"
    if item["verdict"] and item["verdict"]["healthy"]:
        return "healed"
    if item["run"]:
        return "healed" if outcome == "resolved" else "left"
    if item["findings"] or not item["playbook"]:
        return "stopped"
    return "plan" if outcome == "planned" else "cut"


def evidence(document: Document, room: Room) -> tuple[list[Part], int]:
    """The last readings with their facts, and how many came before them."""
    every = looks_of(document)
    skipped = max(0, len(every) - room.looks)
    cited = {(int(step.get("look", 0)), cite) for step in document["steps"] for cite in step["cites"]}
    found = []
    for number, look in list(enumerate(every))[skipped:]:
        facts, more = look["facts"][: room.facts], max(0, len(look["facts"]) - room.facts)
        found.append(
            {
                "number": number,
                "time": room.short(look["time"], 40),
                "facts": [
                    {
                        "id": room.short(fact["id"], 20),
                        "anomaly": bool(fact["anomaly"]),
                        "cited": (number, fact["id"]) in cited,
                        "text": room.short(fact["text"]),
                        "source": room.short(fact.get("source", ""), 80),
                        "time": room.short(fact.get("time", ""), 40),
                    }
                    for fact in facts
                ],
                "more": more,
                "unseen": room.shorts(look["unseen"]),
            }
        )
    return found, skipped


def origin(document: Document, room: Room) -> Part:
    """The report as it was given, and what it was taken to say."""
    report = document["report"]
    suspects = ", ".join(f"{s['kind']} {s['name']}".strip() for s in report["suspects"][: room.rows])
    raw, left = report.get("raw", report["summary"]), int(report.get("raw_left_out", 0))
    return {
        "raw": cut(raw, room.block, EPISODE) + (f"\n… {left:,} more characters in the report itself" if left else ""),
        "rows": [
            (name, room.short(value))
            for name, value in (
                ("source", report["source"]),
                ("suspects", suspects),
                ("namespace", report["namespace"]),
                ("severity", report["severity"]),
                ("fingerprint", report["fingerprint"]),
            )
            if value
        ],
    }
