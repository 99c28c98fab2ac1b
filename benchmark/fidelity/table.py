"""How true the sandbox is, by system and fault, and every miss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .comparison import Compared, compare
from .record import Outcomes

ALL = "all"


def compared(outcomes: Outcomes) -> list[Compared]:
    """The trials that both sides played."""
    trials = sorted({trial for trial, side in outcomes if side == "cluster"})
    return [
        compare(trial, outcomes[trial, "cluster"], outcomes[trial, "sandbox"])
        for trial in trials
        if (trial, "sandbox") in outcomes
    ]


def shares(group: Iterable[Compared]) -> tuple[float, float]:
    """(treatments whose Judgement and Verdict are the same, lines of Evidence that are the same), as shares."""
    rows = list(group)
    treatments, lines = sum(len(row.verdicts) for row in rows), sum(row.lines for row in rows)
    agree, alike = sum(row.agree for row in rows), sum(row.lines_alike for row in rows)
    return (agree / treatments if treatments else 1.0), (alike / lines if lines else 1.0)


def text(rows: Sequence[Compared], misses: bool = False) -> str:
    """Markdown: one row a system and fault; then the misses, if wished."""
    groups: dict[tuple[str, str], list[Compared]] = {}
    for row in rows:
        groups.setdefault((row.trial.system, row.trial.fault), []).append(row)
    lines = ["| system | fault | trials | verdicts | judgements | both | Evidence | first line |"]
    lines.append("|---|---|---:|---:|---:|---:|---:|---:|")
    lines += [_row(system, fault, group) for (system, fault), group in groups.items()]
    lines.append(_row(ALL, ALL, rows))
    if misses:
        for row in rows:
            name = f"{row.trial.system} {row.trial.fault}/{row.trial.variant}"
            lines += ["", name, *(f"- {miss}" for miss in row.misses)] if row.misses else []
    return "\n".join(lines) + "\n"


def _row(system: str, fault: str, group: Sequence[Compared]) -> str:
    treatments = sum(len(row.verdicts) for row in group)
    verdicts = sum(sum(row.verdicts.values()) for row in group)
    judgements = sum(sum(row.judgements.values()) for row in group)
    both, lines = shares(group)
    first = sum(row.first_alike for row in group)
    cells = [f"{verdicts} of {treatments}", f"{judgements} of {treatments}", f"{both:.1%}", f"{lines:.1%}"]
    return "| " + " | ".join([system, fault, str(len(group)), *cells, f"{first} of {len(group)}"]) + " |"
