"""Cases: a fault, a variant and a seed; and the Scene that a case is staged as.

A seed decides everything of a case: the system, its past, the fault's place and values, the wording
of the report. Training and benchmark never share one.
"""

from __future__ import annotations

TRAINING_SEEDS = range(100_000)
BENCHMARK_SEEDS = range(1_000_000, 2_000_000)

FALSE_REPORT = "false_report"
"""Stands where a fault would: a report about a system that is sound."""

SEVEN = (
    "limits_too_small",
    "bad_image_tag",
    "missing_config_key",
    "wrong_env_value",
    "scaled_to_zero",
    "service_target_port",
    "wrong_command",
)
"""The faults of the first table."""

_SHOWS_WITHIN = 600.0  # virtual seconds
_LOOK_EVERY = 15.0


@dataclass(frozen=True, order=True)
class Case:
    """``variant`` names how the fault is put; empty: one that the seed picks."""

    fault: str
    variant: str
    seed: int

    @property
    def key(self) -> str:
        """The case in one word, for seeding what belongs to it."""
        return f"{self.fault}/{self.variant}/{self.seed}"


@dataclass(frozen=True)
class Scene:
    """A case on its stage: a sandbox with the fault in it and showing, and what the judge needs to know."""

    case: Case
    sandbox: Sandbox
    system: Any  # sandbox.systems.System
    site: SandboxSite
    charge: Charge
    report: Any  # as somebody sends it: text or structure
    injected: Any = None  # sandbox.faults' Injected; None: nothing was broken
