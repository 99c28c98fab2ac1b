"""Two outcomes of one trial side by side: what agrees, and each miss in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .trial import TREATMENTS, Outcome, Treated, Trial
from .wording import alike, only_in, plain


@dataclass(frozen=True)
class Compared:
    """One trial. ``verdicts`` and ``judgements``: by treatment, whether both sides said the same."""

    trial: Trial
    verdicts: Mapping[str, bool]
    judgements: Mapping[str, bool]
    lines_alike: int
    lines: int
    first_alike: bool
    misses: tuple[str, ...]

    @property
    def agree(self) -> int:
        """Treatments of which both the Verdict and the Judgement are the same."""
        return sum(self.verdicts[name] and self.judgements[name] for name in self.verdicts)


def compare(trial: Trial, real: Outcome, simulated: Outcome) -> Compared:
    """The real cluster's outcome beside the sandbox's."""
    if real.refused or simulated.refused:
        same = bool(real.refused) == bool(simulated.refused)
        said = () if same else (f"injection: cluster {_shown(real.refused)}, sandbox {_shown(simulated.refused)}",)
        flags = {} if same else dict.fromkeys(TREATMENTS, False)
        return Compared(trial, flags, flags, 0, 0, same, said)
    pairs = {name: (real.treated[name], simulated.treated[name]) for name in TREATMENTS}
    both, total = alike(real.evidence, simulated.evidence)
    return Compared(
        trial,
        {name: one.healthy == other.healthy for name, (one, other) in pairs.items()},
        {name: _judgement(one) == _judgement(other) for name, (one, other) in pairs.items()},
        both,
        total,
        _first(real) == _first(simulated),
        tuple(_misses(real, simulated)),
    )


def _misses(real: Outcome, simulated: Outcome) -> Iterator[str]:
    if real.injected != simulated.injected:
        yield f"injected: cluster {'; '.join(real.injected)}, sandbox {'; '.join(simulated.injected)}"
    for name in TREATMENTS:
        one, other = real.treated[name], simulated.treated[name]
        if one.healthy != other.healthy:
            yield f"verdict of {name} ({one.did}): cluster {_verdict(one)}, sandbox {_verdict(other)}"
        if _judgement(one) != _judgement(other):
            yield f"judgement of {name} ({one.did}): cluster {_judged(one)}, sandbox {_judged(other)}"
    yield from (f"evidence, cluster only: {line}" for line in only_in(real.evidence, simulated.evidence))
    yield from (f"evidence, sandbox only: {line}" for line in only_in(simulated.evidence, real.evidence))


def _judgement(treated: Treated) -> tuple[bool, frozenset[str]]:
    """Whether it was resolved, and what it harmed; for people's eyes there is more in ``why``."""
    return treated.resolved, frozenset(map(plain, treated.harm))


def _first(outcome: Outcome) -> str:
    return plain(outcome.evidence[0]) if outcome.evidence else ""


def _verdict(treated: Treated) -> str:
    return "healthy" if treated.healthy else f"not healthy ({'; '.join(treated.failed[:3])})"


def _judged(treated: Treated) -> str:
    found = "resolved" if treated.resolved else f"not resolved ({'; '.join(treated.why[:3])})"
    return found + (f", harm: {'; '.join(treated.harm)}" if treated.harm else "")


def _shown(refusal: str) -> str:
    return f"refused ({refusal})" if refusal else "done"
