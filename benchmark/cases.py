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
