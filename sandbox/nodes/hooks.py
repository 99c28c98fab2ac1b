"""Lifecycle hooks of containers: what a command after the start comes to, how long one before the stop takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from .imitation import Life

Object = dict[str, Any]

_SLEEPS = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)")
_QUICK = 0.1  # seconds of a command that does not sleep


def after_start(spec: Object, imitate: Callable[[Sequence[str]], Life]) -> str:
    """Why the hook after the start fails, as the kubelet says it; empty when it does not, or there is none.
    ``imitate`` tells what a command does in the container."""
    command = (((spec.get("lifecycle") or {}).get("postStart") or {}).get("exec") or {}).get("command")
    if not command:
        return ""
    life = imitate(command)
    if life.refusal:
        return life.refusal
    return f"command {' '.join(command)!r} exited with {life.exit_code}" if life.exit_code else ""


def before_stop(spec: Object, grace: float) -> float:
    """Seconds that the hook before the stop takes; it is cut off when the grace period is over."""
    hook = (spec.get("lifecycle") or {}).get("preStop") or {}
    if not hook:
        return 0.0
    seconds = float((hook.get("sleep") or {}).get("seconds", 0))
    command = " ".join((hook.get("exec") or {}).get("command") or ())
    seconds += sum(float(number) for number in _SLEEPS.findall(command))
    return min(grace, seconds or _QUICK)
