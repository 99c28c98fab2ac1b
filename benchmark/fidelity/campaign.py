"""Many trials: which there are, and playing them on one side, in pieces that can be gone on with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...plugins.module_utils.errors import ClusterError, InputError
from ...sandbox import faults
from ...sandbox.systems import System, SystemUnknown, choose
from ...sandbox.systems.rest import ApiError
from .record import Outcomes, append, load
from .trial import NotUp, Outcome, Trial
from .trial import run as play

Tell = Callable[[str], None]


def trials(system: str, chosen: Sequence[str], seed: int = 0, whole_cluster: bool = False) -> list[Trial]:
    """Each fault in each variant; ``FAULT/VARIANT`` names one, ``all`` every one. Those that are simulated only are
    left out: there is nothing to hold them against. Raises InputError."""
    try:
        choose(system)
    except SystemUnknown as error:
        raise InputError(str(error), "Give another --system.") from None
    made: list[Trial] = []
    for name in chosen:
        if name == "all":
            made += [trial for each in faults.FAULTS for trial in trials(system, [each], seed, whole_cluster)]
            continue
        fault, _, variant = name.partition("/")
        known = faults.FAULTS.get(fault)
        if known is None or (variant and variant not in known.variants):
            raise InputError(f"The fault {name!r} is not known.", f"Known are {', '.join(faults.FAULTS)}.")
        if known.simulated or (known.touches_cluster and not whole_cluster):
            continue
        made += [Trial(system, fault, each, seed) for each in ([variant] if variant else known.variants)]
    return made


def run(
    planned: Sequence[Trial], side: str, out: Path, limit: int | None = None, at_once: int = 1, tell: Tell = print
) -> None:
    """Plays what ``out`` lacks of this side, ``at_once`` of them side by side, and keeps each as it ends.

    A trial whose system did not come up, or whose cluster failed, is told and left out: it is played next time.
    """
    done = load(out)
    left = [trial for trial in planned if (trial, side) not in done][:limit]
    writing = threading.Lock()

    def one(trial: Trial) -> None:
        name = f"{trial.system} {trial.fault}/{trial.variant}"
        try:
            outcome = play(trial, system_of(trial), side)
        except (NotUp, ClusterError, ApiError) as error:
            tell(f"{name}: not played: {error}")
            return
        with writing:
            append(out, trial, side, outcome)
        tell(f"{name}: {outcome.refused or ', '.join(_said(outcome))} ({outcome.seconds:.0f} s)")

    with ThreadPoolExecutor(max(1, at_once)) as pool:
        list(pool.map(one, left))


def on_sandbox(recorded: Outcomes) -> Outcomes:
    """The cluster's outcomes, with the sandbox's of the same trials as it plays them now."""
    real = {key: outcome for key, outcome in recorded.items() if key[1] == "cluster"}
    return {**real, **{(trial, "sandbox"): play(trial, system_of(trial), "sandbox") for trial, _ in sorted(real)}}


def system_of(trial: Trial) -> System:
    """The system that a trial names."""
    return choose(trial.system)


def _said(outcome: Outcome) -> list[str]:
    return [
        f"{name} {'healthy' if each.healthy else 'ill'}/{'resolved' if each.resolved else 'not resolved'}"
        for name, each in outcome.treated.items()
    ]
