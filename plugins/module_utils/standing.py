# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Verdict on workloads at any time, without a repair before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .asserted import assertions
from .cluster import Cluster
from .errors import InputError
from .evidence import ObjectRef
from .near import found_suspects
from .probe import look
from .verdict import Check, Verdict
from .verify import SETTLE, TIMEOUT, verify
from .workloads import View

_KINDS = ("Deployment", "StatefulSet", "DaemonSet")


def stand(
    cluster: Cluster,
    namespace: str,
    workloads: tuple[tuple[str, str], ...] = (),
    *,
    checks: Sequence[Mapping[str, Any]] = (),
    settle: float = SETTLE,
    timeout: float = TIMEOUT,
) -> Verdict:
    """Watches the named workloads, or all of the namespace; InputError where there is nothing of the kind."""
    assertions(checks)  # what is not well-formed is said before anything is waited for
    evidence = look(cluster, namespace, workloads, logs=False)
    view = View(evidence.inventory)
    for name, kind in workloads:
        there = _there(view, name, kind) if kind else found_suspects(view, ((name, kind),))
        if not there:
            raise InputError(
                f"Namespace {namespace} has no {kind or 'workload'} {name}.", "Check its name, or give none for all."
            )
    named = found_suspects(view, workloads)
    touched = named or tuple(ref for ref in view.workloads if ref.kind in _KINDS)
    if not touched and not checks:  # else nothing at all would hold, and count as healthy
        raise InputError(f"Namespace {namespace} has no workloads.", "Check the namespace, or give checks.")
    return verify(cluster, evidence, touched, suspects=named, checks=checks, settle=settle, timeout=timeout)


def unmet(verdict: Verdict, most: int = 8) -> str:
    """Each check that did not hold: what was measured, and the bound."""
    lines = [f"{check.subject} {check.name}: {_measured(check)}, wanted {check.bound}" for check in verdict.failed]
    lines += [f"worse than before: {line}" for line in verdict.worse]
    more = f"; and {len(lines) - most} more" if len(lines) > most else ""
    return "; ".join(lines[:most]) + more


def _measured(check: Check) -> str:
    return f"{check.measured} ({check.detail})" if check.detail else check.measured


def _there(view: View, name: str, kind: str) -> bool:
    return view.inventory.get(ObjectRef(kind, view.inventory.namespace, name)) is not None
