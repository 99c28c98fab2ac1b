"""The product's own hands on a sandbox in this process: everything but Ansible's start-up is the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..plugins.module_utils.cluster import Cluster
from ..plugins.plugin_utils.artefacts import NoFolder
from ..plugins.plugin_utils.hands import Ask, ControllerHands, Settings
from ..plugins.plugin_utils.interrupts import Interrupts
from ..plugins.plugin_utils.playbook import Playbook
from ..plugins.plugin_utils.policy import Policy
from ..plugins.plugin_utils.report import Report
from ..plugins.plugin_utils.runresult import RunResult, TaskResult
from ..plugins.plugin_utils.spans import Spans, TimedTransport
from ..plugins.plugin_utils.wishes import Tell
from ..sandbox.interpret import run_tasks


class SandboxRunner:
    """A Runner whose playbooks the sandbox interprets itself."""

    def __init__(self, sandbox: Any) -> None:
        self._sandbox = sandbox

    def warm(self) -> None:
        """Nothing to warm."""

    def run(
        self,
        playbook: Playbook,
        *,
        timeout: float = 300.0,
        check: bool = False,
        diff: bool = True,
        verbosity: int = 0,
        on_task: Callable[[str], None] | None = None,
    ) -> RunResult:
        """As ProcessRunner's; a check mode is not needed here and refused."""
        if check:
            raise NotImplementedError("the sandbox interprets playbooks for real only")
        started = time.perf_counter()
        done = run_tasks(self._sandbox.handle, list(playbook.spelled_out or playbook.tasks))
        tasks = tuple(
            TaskResult(task["name"], task["module"], task["status"], task["message"], task["seconds"]) for task in done
        )
        failed = any(task.status in ("failed", "unreachable") for task in tasks)
        return RunResult(2 if failed else 0, tasks, time.perf_counter() - started)

    def close(self) -> None:
        """Nothing to give back."""


def sandbox_hands(
    sandbox: Any,
    report: Report,
    ask: Ask,
    policy: Policy,
    settings: Settings,
    say: Callable[[Tell], None] = lambda _: None,
) -> ControllerHands:
    """Hands for one Episode. ``hands.spans.seconds()`` tells afterwards where its time went."""
    spans = Spans(time.perf_counter)
    return ControllerHands(
        report=report,
        policy=policy,
        cluster=Cluster(TimedTransport(sandbox.transport(), spans)),
        runner=SandboxRunner(sandbox),
        ask=ask,
        say=say,
        folder=NoFolder(),
        spans=spans,
        interrupts=Interrupts(),
        settings=settings,
        renew=False,
    )
