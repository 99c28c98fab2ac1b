"""Faults: one file each, found by looking into this package.

injected = inject("bad_image_tag", transport, system, rng)     breaks a healthy system, waits until it shows
confirm(transport, injected)                                   True while it shows
heal(transport, injected, system)                              carries out the ground truth
withdraw(transport, injected)                                  ends the experiments that press on it, if any
with following(transport, injected): ...                       they press on new Pods too, where they are to
false_report(system, rng)                                      a report that is wrong
"""

from __future__ import annotations

import importlib
import pkgutil
import random
from typing import Any

from ..systems.system import System
from .experiments import following, withdraw
from .false_reports import FalseReport, false_report
from .fault import CannotInject, Damage, Fault, Injected
from .injection import break_system, confirm, heal, healthy

__all__ = [
    "FAULTS",
    "FIRST_SEVEN",
    "PAPER_SEVEN",
    "CannotInject",
    "Damage",
    "FalseReport",
    "Fault",
    "Injected",
    "confirm",
    "false_report",
    "following",
    "heal",
    "healthy",
    "inject",
    "withdraw",
]

FIRST_SEVEN = (
    "limits_too_small",
    "bad_image_tag",
    "missing_config_key",
    "wrong_env_value",
    "scaled_to_zero",
    "service_target_port",
    "wrong_command",
)

PAPER_SEVEN = (
    "cpu_stress",
    "memory_stress",
    "pod_failure",
    "network_delay",
    "network_loss",
    "disk_latency",
    "configuration_error",
)
"""The faults of MicroRemed, in the paper's order."""


def _found() -> dict[str, Fault]:
    made = {}
    for module in pkgutil.iter_modules(__path__):
        fault = getattr(importlib.import_module(f"{__name__}.{module.name}"), "FAULT", None)
        if isinstance(fault, Fault):
            made[fault.name] = fault
    return made


FAULTS = _found()


def inject(
    fault: str,
    transport: Any,
    system: System,
    rng: random.Random,
    variant: str = "",
    linger: tuple[float, float] = (10.0, 60.0),
) -> Injected:
    """Breaks the system in one variant of a fault, by default a random one that fits, and waits until it shows,
    then ``linger`` seconds (from, to) more: reports come late. Raises CannotInject."""
    family = FAULTS[fault]
    if variant:
        return break_system(family, transport, system, rng, variant, linger)
    variants = list(family.variants)
    rng.shuffle(variants)
    refusal = CannotInject(f"{fault} has no variants")
    for choice in variants:
        try:
            return break_system(family, transport, system, rng, choice, linger)
        except CannotInject as error:
            refusal = error
    raise refusal
