"""Runs cases against methods, one after the other, and keeps one JSON line of each.

A file of results can be gone on with: what it holds already is not run again. Each line says which
model and which format it came from; a line of another one does not count.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ..model.prompt import format_hash
from ..plugins.module_utils.errors import InputError
from ..plugins.plugin_utils.episode import Episode
from ..plugins.plugin_utils.hands import Settings
from ..plugins.plugin_utils.loop import remediate
from ..plugins.plugin_utils.policy import load_policy
from ..plugins.plugin_utils.report_parse import parse_report
from ..plugins.plugin_utils.risk import weigh
from ..plugins.plugin_utils.wishes import drive
from .cases import Case, Scene, StageError, stage
from .conclude import concluded, judged
from .hands import sandbox_hands
from .methods import Method
from .oracle import Judgement

_SETTINGS = Settings()


@dataclass(frozen=True)
class Result:
    """One case and method. ``model_seconds`` and ``wall_seconds`` are real; ``bits``: choice under the grammar.

    ``claimed``: the Episode says resolved; where ``resolved`` (the oracle) does not, that was a mistake.
    ``system``: the named one that it ran on; empty: the random one of the seed.
    On a real cluster also: ``seconds`` by span, what the fault had ``broken`` and what is ``changed`` since.
    """

    fault: str
    variant: str
    seed: int
    method: str
    model: str
    right: str
    outcome: str
    resolved: bool
    claimed: bool
    harm: tuple[str, ...]
    why: tuple[str, ...]
    attempts: int
    steps: int
    model_seconds: float
    wall_seconds: float
    tokens_in: int
    tokens_out: int
    bits: float
    message: str
    diagnosis: str = ""
    format: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    system: str = ""

    @property
    def key(self) -> tuple[str, str, int, str, str, str, str]:
        """What makes two results the same measurement."""
        return (self.fault, self.variant, self.seed, self.method, self.model, self.format, self.system)


def run(
    cases: Sequence[Case],
    methods: Sequence[Method],
    out: Path | None = None,
    tell: Callable[[Result], None] = lambda _: None,
    skip: Callable[[StageError], None] = lambda _: None,
    measure_one: Callable[[Case, Method], Result] | None = None,
) -> list[Result]:
    """All results, those of ``out`` included; each new one is appended there at once.

    A case that cannot be staged is no result of any method: ``skip`` hears of it. ``measure_one``
    measures elsewhere than on the sandbox.
    """
    done = {}
    if out is not None and out.exists():
        _mend(out)
        done = {result.key: result for result in read(out)}
    results = []
    for case in cases:
        for method in methods:
            key = (case.fault, case.variant, case.seed, method.name, method.model, format_hash(), case.system)
            result = done.get(key)
            if result is None:
                try:
                    result = (measure_one or measure)(case, method)
                except StageError as error:
                    skip(error)
                    break
                if out is not None:
                    _append(out, result)
                tell(result)
            results.append(result)
    return results


def measure(case: Case, method: Method) -> Result:
    """Stages a case afresh, lets the method act, and has the oracle judge."""
    scene = stage(case)
    started = time.perf_counter()
    episode = perform(scene, method)
    wall = time.perf_counter() - started
    scene = concluded(scene)
    return _result(scene, method, episode, judged(scene, episode), wall)


def perform(scene: Scene, method: Method, settings: Settings = _SETTINGS) -> Episode:
    """One Episode of a method on a Scene."""
    report = parse_report(scene.report, scene.system.namespace)
    if method.asks is None:
        return Episode(report, "exhausted", "exhausted: nobody came", (), (), ())
    policy = load_policy()
    hands = sandbox_hands(scene.sandbox, report, method.asks(scene), policy, settings)
    try:
        bounds = method.bounds if scene.unfolding is None else method.course_bounds or method.bounds
        return drive(remediate(report, bounds, time.monotonic, weigh=partial(weigh, policy=policy)), hands)
    finally:
        hands.close()


def result_of(
    scene: Scene, method: Method, judgement: Judgement, wall: float, outcome: str, message: str, **measured: Any
) -> Result:
    """The Result of a method on a Scene; ``measured``: its fields that Episodes and their files give differently."""
    return Result(
        fault=scene.case.fault,
        variant=scene.case.variant,
        seed=scene.case.seed,
        system=scene.case.system,
        method=method.name,
        model=method.model,
        right=scene.charge.right,
        outcome=outcome,
        resolved=judgement.resolved,
        claimed=outcome == "resolved",
        harm=judgement.harm,
        why=judgement.why,
        wall_seconds=round(wall, 4),
        message=message[:400],
        format=format_hash(),
        **measured,
    )


def read(path: Path) -> Iterator[Result]:
    """The results of a file; a last line that was cut off is skipped. Raises InputError."""
    lines = path.read_text("utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            raw = json.loads(line)
            lists = {name: tuple(raw.get(name, ())) for name in ("harm", "why", "broken", "changed")}
            yield Result(**{**raw, **lists})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            if number == len(lines):
                return
            raise InputError(f"{path}, line {number}, is no result ({error}).", "Give another --out.") from None


def _append(path: Path, result: Result) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result)) + "\n")


def _mend(path: Path) -> None:
    """Takes away a last line that was cut off, so that the next one begins a line."""
    kept = path.read_bytes()
    whole = kept.rfind(b"\n") + 1
    if whole < len(kept):
        os.truncate(path, whole)


def _result(scene: Scene, method: Method, episode: Episode, judgement: Judgement, wall: float) -> Result:
    answers = episode.answers
    return result_of(
        scene,
        method,
        judgement,
        wall,
        episode.outcome,
        episode.message,
        attempts=len(episode.attempts),
        steps=len(answers),
        model_seconds=round(sum(answer.seconds for answer in answers), 4),
        tokens_in=sum(answer.tokens_in for answer in answers),
        tokens_out=sum(answer.tokens_out for answer in answers),
        bits=round(_total(answer.bits for answer in answers), 2),
        diagnosis=answers[-1].step.diagnosis if answers else "",
    )


def _total(bits: Iterable[float | None]) -> float:
    return sum(value for value in bits if value is not None)
