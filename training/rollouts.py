"""One training Episode: a random case, staged as the benchmark stages it, played by an expert."""

from __future__ import annotations

import random
import time

from ..benchmark import cases
from ..benchmark.hands import sandbox_hands
from ..benchmark.oracle import judge
from ..plugins.module_utils.evidence import ObjectRef
from ..plugins.plugin_utils.episode import Bounds
from ..plugins.plugin_utils.hands import Settings
from ..plugins.plugin_utils.loop import remediate
from ..plugins.plugin_utils.policy import load_policy
from ..plugins.plugin_utils.report_parse import parse_report
from ..plugins.plugin_utils.wishes import drive
from ..sandbox import faults
from .examples import Example
from .experts import Expert, Truth

STUMBLES = 0.2
"""The share of Episodes in which the expert begins with a wrong try, so that reflection is learnt."""


def expert_episode(seed: int) -> tuple[list[Example], str]:
    """What one Episode taught, and how it ended: ``taught``, or why it teaches nothing."""
    if seed not in cases.TRAINING_SEEDS:
        raise ValueError(f"seed {seed} is not one of training's")
    rng = random.Random(f"expert {seed}")
    fault = pick(rng)
    variant = rng.choice(faults.FAULTS[fault].variants)
    case = cases.Case(fault, variant, seed)
    try:
        scene = cases.stage(case)
    except (cases.StageError, faults.CannotInject) as error:
        return [], f"{fault}/{variant} could not be staged: {type(error).__name__}"
    injected = scene.injected
    if injected is None:
        return [], f"{fault}/{variant} broke nothing"
    namespace = scene.system.namespace
    truth = Truth(
        fault,
        ObjectRef(injected.culprit["kind"], namespace, injected.culprit["name"]),
        injected.edits,
        injected.right,
        injected.why,
    )
    stumble = rng.random() < STUMBLES
    expert = Expert(truth, {"seed": seed, "fault": fault, "variant": variant}, rng, stumble)
    report = parse_report(scene.report, namespace)
    hands = sandbox_hands(scene.sandbox, report, expert, load_policy(), Settings())
    try:
        episode = drive(remediate(report, Bounds(), time.monotonic), hands)
    finally:
        hands.close()
    judgement = judge(scene.site, scene.charge, episode.outcome)
    if not expert.taught:
        return [], f"{fault}/{variant} never asked: {episode.outcome}"
    if episode.outcome == "escalated" and truth.right == "resolve" and not judgement.harm:
        return expert.taught, f"taught {fault}/{variant}: handed over, the Evidence did not carry it"
    if not judgement.resolved or judgement.harm:
        why = (*judgement.harm, *judgement.why)
        return [], f"{fault}/{variant} ended {episode.outcome}, judged {why[:1]}"
    return expert.taught, f"taught {fault}/{variant}"


def pick(rng: random.Random) -> str:
    """A taught fault; those of the first table twice as often as the others."""
    names = taught()
    return rng.choices(names, [2.0 if name in cases.SEVEN else 1.0 for name in names])[0]


def taught() -> tuple[str, ...]:
    """The faults that training may see."""
    return tuple(name for name, fault in faults.FAULTS.items() if fault.taught)
